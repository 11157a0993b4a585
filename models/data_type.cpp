#include "models/data_type.hpp"

#include <array>
#include <utility>

namespace moesim {
namespace {

struct TypeRow {
  std::string_view name;
  DataType type;
  double bytes;
};
constexpr std::array<TypeRow, 7> kTypes{{{"fp32", DataType::fp32, 4},
                                         {"tf32", DataType::tf32, 4},
                                         {"bf16", DataType::bf16, 2},
                                         {"fp16", DataType::fp16, 2},
                                         {"fp8", DataType::fp8, 1},
                                         {"int8", DataType::int8, 1},
                                         {"fp4", DataType::fp4, 0.5}}};

const TypeRow& row(DataType type) { return kTypes[static_cast<std::size_t>(type)]; }

}  // namespace

std::optional<DataType> data_type(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::string_view name(DataType type) { return row(type).name; }

double bytes_per_element(DataType type) { return row(type).bytes; }

}  // namespace moesim

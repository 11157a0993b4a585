#include "models/kernels/device.hpp"

#include <span>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr DataType kFp4[] = {DataType::fp4,  DataType::fp8,  DataType::bf16,
                             DataType::fp16, DataType::tf32, DataType::fp32};
constexpr DataType kFp8[] = {DataType::fp8, DataType::bf16, DataType::fp16, DataType::tf32, DataType::fp32};
constexpr DataType kInt8[] = {DataType::int8, DataType::bf16, DataType::fp16, DataType::tf32, DataType::fp32};
constexpr DataType kBf16[] = {DataType::bf16, DataType::tf32, DataType::fp32};
constexpr DataType kFp16[] = {DataType::fp16, DataType::tf32, DataType::fp32};
constexpr DataType kTf32[] = {DataType::tf32, DataType::fp32};
constexpr DataType kFp32[] = {DataType::fp32};

// From the type itself to wider ones, best first.
std::span<const DataType> widening(DataType type) {
  switch (type) {
    case DataType::fp4:
      return kFp4;
    case DataType::fp8:
      return kFp8;
    case DataType::int8:
      return kInt8;
    case DataType::bf16:
      return kBf16;
    case DataType::fp16:
      return kFp16;
    case DataType::tf32:
      return kTf32;
    case DataType::fp32:
      return kFp32;
  }
  return {};
}

struct ComputePath {
  DataType type;
  FlopRate rate;  // Of `type`'s unit.
  int passes;
};

std::optional<ComputePath> path(const Device& device, DataType type) {
  const auto find = [&](DataType wanted, int passes) -> std::optional<ComputePath> {
    for (const auto& [has, rate] : device.peak) {
      if (has == wanted) return ComputePath{has, rate, passes};
    }
    return std::nullopt;
  };
  for (const DataType candidate : widening(type)) {
    if (const auto found = find(candidate, 1)) return found;
  }
  // A product of numbers cut into 2 (3) bf16 parts needs the 3 (6) leading of 4 (9) partial products.
  return find(DataType::bf16, type == DataType::fp32 ? 6 : 3);
}

}  // namespace

FlopRate Device::peak_flops(DataType type) const {
  const auto found = path(*this, type);
  MOESIM_CHECK(found, "{} has no rate that could stand in for {}", name, moesim::name(type));
  return (1.0 / found->passes) * found->rate;
}

std::optional<Caveat> Device::peak_caveat(DataType type) const {
  const auto found = path(*this, type);
  if (!found || (found->type == type && found->passes == 1)) return std::nullopt;
  return Caveat{"data_type_fallback",
                fmt::format("{} has no {} unit: computed in {}{}.", name, moesim::name(type), moesim::name(found->type),
                            found->passes == 1 ? "" : fmt::format(", {} passes", found->passes))};
}

bool Device::computes(DataType type) const { return path(*this, type).has_value(); }

}  // namespace moesim

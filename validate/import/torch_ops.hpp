#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "validate/measurement_row.hpp"

namespace moesim {

// What a PyTorch profiler's event says about a kernel, as a row without its time; or why it cannot.
struct TorchRow {
  RowFields fields;
  std::string problem;  // Empty if there is none.
};

// A product of matrices from "Input Dims" and "Input type" of a CPU operator: aten::mm, addmm, linear, _scaled_mm,
// _grouped_mm. Nothing for other operators.
std::optional<TorchRow> torch_product(std::string_view name, const nlohmann::json& args);

// A collective from the arguments of its kernel: "Collective name", "In msg nelems", "dtype", "Group size", ...
TorchRow torch_collective(const nlohmann::json& args);

// args[key] as an integer, also where it is written as a string.
std::optional<std::int64_t> integer_of(const nlohmann::json& args, const char* key);

}  // namespace moesim

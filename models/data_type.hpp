#pragma once

#include <optional>
#include <string_view>

namespace moesim {

enum class DataType { fp32, tf32, bf16, fp16, fp8, int8, fp4 };
inline constexpr int kDataTypes = 7;

// As written in scenarios and cards: "bf16". Empty for a name that is none.
std::optional<DataType> data_type(std::string_view name);
std::string_view name(DataType type);
double bytes_per_element(DataType type);  // fp4 is half a byte; scales are not counted here.

}  // namespace moesim

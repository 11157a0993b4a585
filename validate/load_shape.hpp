#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// How rows fall on groups in a measurement, as written in files:
//   balanced          as even as whole rows can be, the first groups one more
//   zipf:S            group i gets a share proportional to (i + 1)^-S
//   power_law:ALPHA   shares proportional to the quantiles of the density x^-ALPHA on [1, 0.8 rows] (the law by which
//                     NVIDIA AIConfigurator loads experts; models/routing/popularity.hpp)
//   one_hot           all rows in the first group
//   rows:3;0;5        these, one number for each group
inline constexpr std::string_view kLoadShapes =
    "balanced, zipf:EXPONENT, power_law:ALPHA, one_hot or rows:N;N;... with one number for each group";

bool is_load_shape(std::string_view load);

// [groups] rows of each group, `rows` in all; largest remainders get what rounding down leaves. For rows:... both must
// be what the list says. `load` is_load_shape.
std::vector<std::int64_t> load_rows(std::string_view load, std::int64_t rows, std::int64_t groups);

}  // namespace moesim

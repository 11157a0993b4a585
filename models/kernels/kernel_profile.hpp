#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/caveat.hpp"
#include "models/data_type.hpp"
#include "models/kernels/constant.hpp"
#include "sim/check.hpp"

namespace moesim {

// A constant of a kernel family, as profiles are read, written and fitted by.
struct ConstantInfo {
  std::string_view name;     // The unit last: "launch_us".
  std::string_view meaning;  // One line.
  double start;              // Where a fit begins.
  double min;                // Allowed values, ends included.
  double max;
};

// A model with constants of its own that are fitted together.
struct KernelFamilyInfo {
  std::string_view name;  // "gemm"
  bool caches;            // Its precision is a pair: of the products, of the cache.
  std::vector<ConstantInfo> constants;
};
std::span<const KernelFamilyInfo> kernel_families();
const KernelFamilyInfo* kernel_family(std::string_view name);  // Null for a name that is none.

// How a fit came about, for those who ask whether to trust it. Errors are means of |predicted / measured - 1|.
struct FitRecord {
  std::int64_t rows_fitted = 0;
  std::int64_t rows_held_out = 0;
  std::uint64_t seed = 0;        // Of the split.
  double held_out_fraction = 0;  // Of the shapes.
  std::string split_by;          // What makes a shape: "n, k".
  double error_fitted = 0;
  double error_held_out = 0;
  double roofline_held_out = 0;  // Of a plain roofline at the data sheet's rates, on the same rows.
};

// The constants of one family for one library and precision on one device.
struct KernelFit {
  std::string family;
  std::string library;                                   // "trtllm-1.3.0rc20"
  std::string precision;                                 // "bf16", "fp8", "fp8_block"; with a cache "bf16/fp8"
  std::map<std::string, double, std::less<>> constants;  // All of the family's.
  // Smallest and largest value of each parameter in the rows: outside, an answer is an extrapolation.
  std::map<std::string, std::pair<double, double>, std::less<>> ranges;
  std::optional<FitRecord> record;

  double constant(std::string_view name) const;
  // A caveat's text where a parameter is outside its range; names without a range are not looked at.
  std::optional<std::string> outside(std::span<const std::pair<std::string_view, double>> parameters) const;
};

// What was fitted to kernels measured on one kind of GPU.
struct KernelProfile {
  std::string name;
  std::string gpu;     // Name of the GPU card.
  std::string origin;  // One line: who measured what, and how this profile follows from it.
  std::vector<KernelFit> fits;

  // The first fit of the family and precision; of this library where one is named.
  const KernelFit* find(std::string_view family, std::string_view precision, std::string_view library = "") const;
};

// How far one scale of fp8 reaches.
enum class Fp8Scaling {
  block,   // 128 elements, as DeepSeek-V3 is trained and served.
  tensor,  // All of them.
};

// The kernels' precision for a data type: fp8 by its scaling; fp16 runs on bf16's units.
std::string_view precision_name(DataType type, Fp8Scaling scaling = Fp8Scaling::block);

// A family's constants as a struct, and back. `table` lists them.
template <class Constants>
Constants typed_constants(const KernelFit& fit, std::span<const Constant<Constants>> table) {
  Constants constants;
  for (const Constant<Constants>& each : table) constants.*each.field = fit.constant(each.name);
  return constants;
}

// The same of values in the order of the table.
template <class Constants>
Constants typed_constants(std::span<const double> values, std::span<const Constant<Constants>> table) {
  MOESIM_CHECK(values.size() == table.size(), "{} values of {} constants", values.size(), table.size());
  Constants constants;
  for (std::size_t i = 0; i < values.size(); ++i) constants.*table[i].field = values[i];
  return constants;
}

template <class Constants>
std::vector<ConstantInfo> constant_infos(std::span<const Constant<Constants>> table) {
  const Constants start;
  std::vector<ConstantInfo> infos;
  for (const Constant<Constants>& each : table) {
    infos.push_back({each.name, each.meaning, start.*each.field, each.min, each.max});
  }
  return infos;
}

}  // namespace moesim

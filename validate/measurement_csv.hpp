#pragma once

#include <string>
#include <string_view>

#include "validate/measurement.hpp"

namespace moesim {

// The form in which measurements are kept: lines "# key: value" about the whole, a header, one row a line.
//
//   # device: H200
//   kernel,library,dtype,m,n,k,time_us
//   gemm,trtllm,bf16,128,7168,2048,9.51
//
// The header has "kernel", "library", "time_us", what its kernels need, and maybe "dtype", "kv_dtype", "load", "cache",
// "suspect", "p10_us" and "p90_us". A kernel's own columns must be filled, those of other kernels are blank. Anything
// else is an InputError that names the line ("rows.csv:17") and the column.
MeasurementSet parse_measurements(std::string_view text, const std::string& where);
MeasurementSet read_measurements(const std::string& path);  // "-" is standard input.

// What parse_measurements reads back as it was. Only columns that some row has.
std::string measurements_csv(const MeasurementSet& set);

}  // namespace moesim

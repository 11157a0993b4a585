#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/device.hpp"
#include "models/kernels/kernel_profile.hpp"
#include "validate/measurement.hpp"
#include "validate/robust_fit.hpp"

namespace moesim {

// One family of models/kernels seen from its measurements: which rows it predicts, and how. A new family is one file in
// validate/families/ and one line in kernel_fitters().
class KernelFitter {
 public:
  virtual ~KernelFitter() = default;

  virtual std::string_view family() const = 0;  // As in kernel_families().
  virtual bool covers(const Measurement& row) const = 0;
  // Rows of one library and precision are fitted together: "bf16", "fp8_block"; with a cache "bf16/fp8".
  virtual std::string precision(const Measurement& row) const { return row.dtype; }
  // By which rows are fitted together; where libraries make no difference, one name for all.
  virtual std::string library(const Measurement& row) const { return row.library; }
  // Whether it tells cold rows from others; where not, cold ones are left out.
  virtual bool knows_caches() const { return false; }
  // Rows of one shape stay on one side of the split.
  virtual std::string shape(const Measurement& row) const = 0;
  virtual std::string_view split_by() const = 0;  // What makes a shape, for people: "n, k".
  // Constants of kernel_family(family()) that are not fitted for this precision and library: they keep the value that
  // is given.
  virtual std::vector<std::pair<std::string_view, double>> fixed(const Device& device, std::string_view precision,
                                                                 std::string_view library) const;
  // Where a precision starts elsewhere than the family does.
  virtual std::vector<std::pair<std::string_view, double>> starts(std::string_view precision,
                                                                  std::string_view library) const;

  // A function of all constants, in the order of the family, for these rows on this device. Keeps what does not
  // hang on the constants, such as the rows of each expert. Neither `device` nor `rows` need outlive it.
  virtual Predict predictor(const Device& device, std::span<const Measurement> rows) const = 0;

  // The mean error that rows which were not fitted must stay within: this project's own bar.
  virtual double band() const = 0;

  // The larger of FLOPs over the data sheet's peak and bytes over its bandwidth, nothing else: what a calibrated model
  // must beat.
  virtual double roofline_us(const Device& device, const Measurement& row) const = 0;
};

std::span<const std::unique_ptr<KernelFitter>> kernel_fitters();
// The data type of a measurement's name: "fp8_block" is fp8.
DataType measured_type(std::string_view dtype);

}  // namespace moesim

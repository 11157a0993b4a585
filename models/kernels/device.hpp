#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/caveat.hpp"
#include "models/data_type.hpp"
#include "sim/units.hpp"

namespace moesim {

// One GPU (or TPU core) as the kernel models see it: the data sheet, and the fractions of it that kernels reach.
struct Device {
  std::string name;
  std::vector<std::pair<DataType, FlopRate>> peak;  // Dense, per type.
  Bandwidth memory;                                 // HBM, read plus write.
  Bytes memory_capacity;
  int multiprocessors = 1;  // SMs, CUs, or 1 for a TPU core: what tiles are spread over.

  FlopRate peak_flops(DataType type) const;  // The next wider type's where the device has no unit for `type`.
};

}  // namespace moesim

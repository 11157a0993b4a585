#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/caveat.hpp"
#include "models/data_type.hpp"
#include "sim/units.hpp"

namespace moesim {

// One GPU (or TPU core) as the kernel models see it: the data sheet.
struct Device {
  std::string name;
  std::vector<std::pair<DataType, FlopRate>> peak;  // Dense, per type.
  Bandwidth memory;                                 // HBM, read plus write.
  Bytes memory_capacity;
  Bytes l2_cache = {};      // 0 where it is not known: nothing is kept in it.
  int multiprocessors = 1;  // SMs, CUs, or 1 for a TPU core: what tiles are spread over.

  // Where the device has no unit for `type`, that of the next type that holds its values: fp4, then fp8, then bf16 or
  // fp16, then tf32, then fp32; int8 goes on with bf16. bf16 and fp16 do not hold one another (a V100 computes bf16 in
  // fp32). Where nothing wider exists (TPUs: bf16 alone), bf16 in several passes: 3 for fp16 and tf32, 6 for fp32.
  // A device without any of these is an InternalError: the loader refuses such cards.
  FlopRate peak_flops(DataType type) const;
  // Set where peak_flops(type) stands in for a unit that the device has not.
  std::optional<Caveat> peak_caveat(DataType type) const;
  bool computes(DataType type) const;  // Whether peak_flops(type) has an answer.
};

}  // namespace moesim

#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/units.hpp"
#include "topologies/source_note.hpp"

namespace moesim {

// The data types that a card may give a peak for, as they are written in cards.
inline constexpr std::array<std::string_view, 7> kPeakTypes = {"fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4"};

// What a data sheet says of one accelerator as one rank sees it. For a TPU v3 that is one core, half a chip; for all
// others the whole package. Nothing here is derated: achievable fractions belong to kernels and to the cluster card.
struct GpuCard {
  std::string name;  // The catalog's name: "h800".
  std::string vendor;
  int year = 0;                                        // Of the announcement.
  std::vector<std::pair<std::string, FlopRate>> peak;  // Dense, by data type, in the order of kPeakTypes.
  int multiprocessors = 1;                             // SMs or CUs; 1 for a TPU core.
  Bytes hbm_capacity;                                  // Of one rank.
  Bandwidth hbm_bandwidth;                             // Of one rank.
  Bytes l2_cache = {};                                 // Of one rank; 0 where the card does not say.
  int ranks_per_chip = 1;                              // Ranks that share the scale-up links below.
  std::string scale_up_kind;                           // "NVLink 4"
  int scale_up_links = 1;                              // Of the chip.
  Bandwidth scale_up_bandwidth;                        // All links of the chip together, one direction.
  double tdp_w = 0;                                    // Of one rank.
  std::vector<SourceNote> sources;
};

// The name under which the chip's scale-up ports stand in link names: the first word of `scale_up_kind`, in lower case
// ("NVLink 4" gives "nvlink").
std::string scale_up_port(const GpuCard& card);

}  // namespace moesim

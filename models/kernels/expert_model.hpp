#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "models/kernels/constant.hpp"
#include "models/kernels/device.hpp"

namespace moesim {

// How a library tiles the products of a rank's experts. One choice of tile serves all experts of a product.
enum class ExpertTiling {
  autotuned,     // CUTLASS and its kin: the tile that is best for an even load of as many rows; waves are half rounded.
  triton,        // Triton's fused MoE with its default tiles; several blocks share a multiprocessor.
  triton_tuned,  // The same with tiles tuned for the shape.
};
// By the library's name in measurements: "...triton-tuned...", "...triton...", anything else.
ExpertTiling expert_tiling(std::string_view library);

// What the time of a rank's experts hangs on. docs/models/products.md derives it; defaults are where fits begin.
struct ExpertConstants {
  double fixed_us = 18;
  double local_expert_us = 0.03;
  double pair_ns = 0.4;
  double row_fraction = 0.5;
  double peak_fraction = 0.8;
  double bandwidth_fraction = 0.9;
  double feed_gb_per_s = 85;
  double short_step_feed = 1;
  double tile_us = 1;
  double step_us = 0.2;
  double overlap_exponent = 1.8;
};
std::span<const Constant<ExpertConstants>> expert_constants();

// The kernels between routing and sum that fixed_us is for: sort, two offsets, permute, two products, activation, sum.
inline constexpr int kExpertKernels = 8;

// How the rows of one rank lie on its experts, as far as time depends on it. Numbers of tiles may be means of draws.
struct ExpertLoad {
  static constexpr std::array<std::int64_t, 5> kHeights = {16, 32, 64, 128, 256};

  double experts = 0;  // On the rank, with rows or without.
  double touched = 0;  // Those with rows.
  double rows = 0;
  double tokens = 0;                            // That entered the operator; rows, where every copy came by itself.
  std::array<double, kHeights.size()> tiles{};  // Sum over experts of ceil(rows / height).
};
ExpertLoad expert_load(std::span<const std::int64_t> rows);
ExpertLoad even_load(std::int64_t rows, std::int64_t experts);  // The same without a list: as even as can be.

// One grouped product: for each expert, [rows, depth] times its own [depth, columns].
struct ExpertProduct {
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  double weight_bytes = 2;  // Of an element of weights and inputs.
  double output_bytes = 2;
  FlopRate peak;              // The device's, for the inputs' type.
  bool block_scales = false;  // fp8 with a scale for 128: the library's own kernel.
};

struct ProductTime {
  double us = 0;  // Without launch.
  double compute_us = 0;
  double memory_us = 0;
};

// `even` is the load that the tile was chosen for: the same rows, spread evenly.
ProductTime expert_product_time(const ExpertConstants& constants, ExpertTiling tiling, const Device& device,
                                const ExpertProduct& product, const ExpertLoad& load, const ExpertLoad& even);

}  // namespace moesim

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/kernels/constant.hpp"
#include "models/kernels/device.hpp"

namespace moesim {

// How a library lays a product's tiles over the multiprocessors.
enum class TileSchedule {
  split,  // cuBLAS and its kin: k is split over idle multiprocessors, tiles are spread evenly.
  whole,  // DeepGEMM and its kin: k is never split, the last wave costs as much as a full one.
};

// That of the libraries which compute in a precision: scales for blocks of k are added up in whole tiles.
TileSchedule gemm_schedule(std::string_view precision);

// What a dense product's time hangs on. Defaults are where fits begin.
struct GemmConstants {
  double launch_us = 3;
  double peak_fraction = 0.8;
  double drop_per_decade = 0;
  double bandwidth_fraction = 0.9;
  double step_us = 0.085;
  double tile_us = 0.8;
  double feed_gb_per_s = 145;
  double quantize_us_per_million = 0;
  double ragged_us = 0;
};
std::span<const Constant<GemmConstants>> gemm_constants();

// What lies in the L2 cache when a product begins.
enum class CacheState {
  weights_cold,  // In a model: the inputs have just been written, the weights were last read a layer ago.
  rotating,      // In a benchmark that takes up to five weights in turn over one input.
  hot,           // In one that takes the same operands again and again.
  cold,          // In one that empties the cache first.
};

// outputs [m, n] = inputs [m, k] times weights [k, n].
struct GemmShape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  double input_bytes = 2;   // Of an element of inputs and weights.
  double output_bytes = 2;  // Of an element of the outputs.
};

struct GemmTime {
  double us = 0;
  double compute_us = 0;  // Of the multiprocessors, tiles and waves included.
  double memory_us = 0;
  double quantize_us = 0;
};

// docs/models/products.md derives it. All of the shape above 0; `flop_per_s` is the device's peak for the inputs' type.
GemmTime gemm_time(const GemmConstants& constants, TileSchedule schedule, const Device& device, FlopRate peak,
                   const GemmShape& shape, CacheState cache);

}  // namespace moesim

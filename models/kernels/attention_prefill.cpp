#include "models/kernels/attention_prefill.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/kernels/tile_math.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kTileQueries = 128;
constexpr std::int64_t kBlockKeys = 64;
constexpr double kElementBytes = 2;  // Of queries, outputs, and keys and values before they are cached.
// 16 a clock of each multiprocessor, at the 1.83 GHz that Hopper holds under load.
constexpr double kExponentialsPerUs = 16 * 1830.0;

// What prefills of heads and of a latent have in common.
template <class Shape>
struct Common {
  explicit Common(const Shape& shape)
      : heads(static_cast<double>(shape.heads)),
        sequences_and_heads(static_cast<double>(shape.batch) * heads),
        new_tokens(static_cast<double>(shape.batch * shape.new_tokens)),
        // Keys in memory: shared ones once.
        held(static_cast<double>(shape.batch * (shape.cached - shape.shared + shape.new_tokens) + shape.shared)) {
    check(shape);
  }
  double heads;
  double sequences_and_heads;
  double new_tokens;  // Of all sequences.
  double held;
};

// What is to be done, in numbers.
struct Prefill {
  double sequences_and_heads;
  std::int64_t new_tokens;  // Of a sequence.
  std::int64_t cached;
  double widths;           // Of a key plus of a value.
  double pass_bytes;       // Of the kernels before: queries rotated and quantised, keys and values appended.
  double key_value_bytes;  // Of all keys and values, once.
  double query_output_bytes;
};

AttentionTime time_of(const PrefillConstants& constants, const Device& device, const AttentionTypes& types,
                      const Prefill& p) {
  const DataType fed = types.cache == DataType::fp8 ? DataType::fp8 : types.compute;
  const double flop_per_us = constants.peak_fraction * flop_per_us_of_one(device, fed);
  const double block_us = static_cast<double>(kTileQueries * kBlockKeys) *
                          (2 * p.widths / flop_per_us + constants.exposed_exponentials / kExponentialsPerUs);
  const KeyBlocks blocks = key_blocks(p.new_tokens, p.cached);
  const double tiles = p.sequences_and_heads * static_cast<double>(ceil_div(p.new_tokens, kTileQueries));
  const double work_us = tiles * constants.tile_us + p.sequences_and_heads * blocks.all * block_us;
  const double longest_us = constants.tile_us + blocks.longest * block_us;
  // One wave lasts as long as its longest tile; else tiles are spread evenly and the last ones stand half alone.
  const double multiprocessors = device.multiprocessors;
  const double compute_us = tiles <= multiprocessors ? longest_us : work_us / multiprocessors + longest_us / 2;

  const double bytes_per_us = device.memory.bytes_per_s() * 1e-6;
  const double read_us = p.key_value_bytes / bytes_per_us;
  const double passes_us = p.pass_bytes / bytes_per_us;
  return {.us = constants.launch_us + passes_us + std::max(compute_us, read_us),
          .flops = 2 * p.widths * p.sequences_and_heads * causal_pairs(p.new_tokens, p.cached),
          .hbm_bytes = p.query_output_bytes + p.key_value_bytes,
          .bound = attention_bound(constants.launch_us, compute_us, std::max(read_us, passes_us))};
}

}  // namespace

std::span<const Constant<PrefillConstants>> prefill_constants() {
  using C = PrefillConstants;
  static constexpr std::array<Constant<C>, 6> kTable{{
      {"launch_us", "launches of the kernel and of those before it", &C::launch_us, 1, 40},
      {"tile_us", "of 128 queries of a head: loading them, the first keys' latency, storing the outputs", &C::tile_us,
       0.05, 20},
      {"peak_fraction", "of the data sheet's FLOP/s while a tile goes through its keys", &C::peak_fraction, 0.2, 1},
      {"exposed_exponentials", "share of the softmax's exponentials that products do not hide",
       &C::exposed_exponentials, 0.01, 5},
      {"query_passes", "over new queries and outputs in bf16 at the data sheet's bandwidth", &C::query_passes, 0.1, 20},
      {"key_value_passes", "the same over new keys and values, or over the latent", &C::key_value_passes, 0.02, 40},
  }};
  return kTable;
}

KeyBlocks key_blocks(std::int64_t new_tokens, std::int64_t cached) {
  // Tile j of the full ones sees the cached keys and 128 (j + 1) new ones, which begin at a block's edge of their own.
  const std::int64_t full = new_tokens / kTileQueries;
  const std::int64_t last = ceil_div(cached + new_tokens, kBlockKeys);
  const bool tail = new_tokens % kTileQueries > 0;
  const std::int64_t all =
      kTileQueries / kBlockKeys * full * (full + 1) / 2 + full * ceil_div(cached, kBlockKeys) + (tail ? last : 0);
  return {.all = static_cast<double>(all), .longest = static_cast<double>(last)};
}

AttentionTime prefill_time(const PrefillConstants& constants, const Device& device, const AttentionTypes& types,
                           const AttentionShape& shape) {
  const Common common(shape);
  const auto kv_heads = static_cast<double>(shape.kv_heads);
  const auto width = static_cast<double>(shape.head_dim);
  return time_of(constants, device, types,
                 {.sequences_and_heads = common.sequences_and_heads,
                  .new_tokens = shape.new_tokens,
                  .cached = shape.cached,
                  .widths = 2 * width,
                  .pass_bytes = kElementBytes * common.new_tokens * width *
                                (constants.query_passes * common.heads + 2 * constants.key_value_passes * kv_heads),
                  .key_value_bytes = 2 * common.held * kv_heads * width * bytes_per_element(types.cache),
                  .query_output_bytes = 2 * kElementBytes * common.new_tokens * common.heads * width});
}

AttentionTime mla_prefill_time(const PrefillConstants& constants, const Device& device, const AttentionTypes& types,
                               const MlaShape& shape) {
  const Common common(shape);
  const auto key = static_cast<double>(shape.nope + shape.rope);
  const auto value = static_cast<double>(shape.value);
  return time_of(constants, device, types,
                 {.sequences_and_heads = common.sequences_and_heads,
                  .new_tokens = shape.new_tokens,
                  .cached = shape.cached,
                  .widths = key + value,
                  .pass_bytes = kElementBytes * common.new_tokens *
                                (constants.query_passes * common.heads * (2 * key + value) +
                                 constants.key_value_passes * static_cast<double>(shape.latent + shape.rope)),
                  .key_value_bytes = kElementBytes * common.held * common.heads * (key + value),
                  .query_output_bytes = kElementBytes * common.new_tokens * common.heads * (key + value)});
}

}  // namespace moesim

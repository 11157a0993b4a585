#include "models/kernels/attention_decode.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/kernels/tile_math.hpp"

namespace moesim {
namespace {

constexpr double kTileKeys = 128;
constexpr double kBoxKeys = 64;  // What the fp8 kernel's loads come in.
constexpr double kWidth = 128;   // What start, row and key times are for.
constexpr double kElementBytes = 2;

constexpr double kMostGroup = 32;         // Larger groups go to the per-head kernel,
constexpr double kFewestBf16Tiles = 64;   // and bf16 problems of fewer tiles.
constexpr double kMostWaves = 8;          // The grouped kernel splits no further,
constexpr double kMostSplits = 20;        // nor into more parts
constexpr double kMostSplitsFp8 = 64;     // than these.
constexpr double kPerHeadSplit = 32'768;  // Elements of a part of the keys in the per-head kernel.
constexpr double kPerHeadOverlap = 2.5;   // How sharply (overlapped()) the larger of two streams hides the other.
constexpr double kGroupedOverlap = 2;
constexpr double kGroupedOverlapFp8 = 1.5;
constexpr double kGroupedPasses = 2;     // Over queries and outputs; fp8 quantises them
constexpr double kGroupedPassesFp8 = 6;  // and reads and writes them more often.
constexpr double kSharedTileRows = 64;   // Rows of all sequences in a tile of shared keys.

double at_least_1(double x) { return std::max(1.0, x); }

// One shape in floating point, with the new tokens taken for heads.
struct Decode {
  double batch;
  double kv_heads;
  double group;  // Rows that attend the same keys.
  double width;
  double keys;
  double element_bytes;  // Of the cache.

  double heads() const { return kv_heads * group; }
};

Decode decode_of(const AttentionShape& s, DataType cache) {
  check(s);
  return {.batch = static_cast<double>(s.batch),
          .kv_heads = static_cast<double>(s.kv_heads),
          .group = static_cast<double>(s.heads / s.kv_heads * s.new_tokens),
          .width = static_cast<double>(s.head_dim),
          .keys = static_cast<double>(s.cached + s.new_tokens),
          .element_bytes = bytes_per_element(cache)};
}

double bytes_per_us(const Device& device) { return device.memory.bytes_per_s() * 1e-6; }

double useful_flops(const AttentionShape& s) {
  return 4 * static_cast<double>(s.batch * s.heads * s.head_dim) * causal_pairs(s.new_tokens, s.cached);
}

double least_bytes(const Decode& d, double keys_of_all) {
  return 2 * keys_of_all * d.kv_heads * d.width * d.element_bytes + 2 * kElementBytes * d.batch * d.heads() * d.width;
}

// One launch of the grouped kernel: `items` pairs of a sequence and a head of keys, `rows` of queries for each.
struct GroupedPart {
  double splits = 0;
  double compute_us = 0;
  double bytes = 0;
};

GroupedPart grouped_part(const GroupedDecodeConstants& c, double multiprocessors, bool fp8, const Decode& d,
                         double items, double items_of_keys, double rows) {
  double blocks_at_once = 1;  // On a multiprocessor; shared memory is the limit.
  if (fp8) blocks_at_once = d.width <= 64 ? 4 : rows * d.width >= 4096 ? 1 : 2;
  const double most =
      std::min(fp8 ? kMostSplitsFp8 : kMostSplits, at_least_1(std::floor(kMostWaves * multiprocessors / items)));
  const double splits = std::clamp(ceil_div(d.keys, kTileKeys), 1.0, most);
  const double waves = ceil_div(items * splits, multiprocessors * blocks_at_once);
  const double tiles = ceil_div(d.keys / splits, kTileKeys);
  const double computed_rows = fp8 ? rows : ceil_div(rows, 8) * 8;
  const double tile_us = c.tile_us + c.row_us * computed_rows * d.width / kWidth;
  const double loaded = fp8 ? splits * ceil_div(d.keys / splits, kBoxKeys) * kBoxKeys : d.keys;
  return {.splits = splits,
          .compute_us = waves * blocks_at_once * (c.start_us + c.wide_start_us * d.width / kWidth + tiles * tile_us),
          .bytes = 2 * items_of_keys * loaded * d.width * d.element_bytes +
                   (fp8 ? kGroupedPassesFp8 : kGroupedPasses) * kElementBytes * items * rows * d.width};
}

AttentionTime grouped_time(const GroupedDecodeConstants& c, const Device& device, bool fp8, const GroupedPart& part,
                           bool merges) {
  const double read_us = part.bytes / (c.bandwidth_fraction * bytes_per_us(device));
  const double fixed_us = c.launch_us + (merges ? c.merge_us + c.merge_split_us * part.splits : 0);
  return {.us = fixed_us + overlapped(part.compute_us, read_us, fp8 ? kGroupedOverlapFp8 : kGroupedOverlap),
          .bound = attention_bound(fixed_us, part.compute_us, read_us)};
}

}  // namespace

std::span<const Constant<GroupedDecodeConstants>> grouped_decode_constants() {
  using C = GroupedDecodeConstants;
  static constexpr std::array<Constant<C>, 8> kTable{{
      {"launch_us", "launches of the kernel and of the one that appends to the cache", &C::launch_us, 1, 20},
      {"start_us", "of a thread block: its queries, the first keys' latency, its outputs", &C::start_us, 0.01, 20},
      {"wide_start_us", "part of that which grows with the head's width, at 128", &C::wide_start_us, 0, 5},
      {"tile_us", "of 128 keys, whatever the queries", &C::tile_us, 0, 2},
      {"row_us", "of 128 keys for one query, 128 wide", &C::row_us, 0.0001, 10},
      {"merge_us", "adding up the parts of split keys", &C::merge_us, 0.01, 10},
      {"merge_split_us", "the same, for each part", &C::merge_split_us, 0.0001, 1},
      {"bandwidth_fraction", "of the data sheet's HBM bandwidth", &C::bandwidth_fraction, 0.3, 1},
  }};
  return kTable;
}

std::span<const Constant<PerHeadDecodeConstants>> per_head_decode_constants() {
  using C = PerHeadDecodeConstants;
  static constexpr std::array<Constant<C>, 6> kTable{{
      {"launch_us", "launch of the kernel", &C::launch_us, 1, 20},
      {"start_us", "of a thread block: rotating and appending, the first keys' latency, its outputs", &C::start_us, 0.1,
       30},
      {"split_us", "of a thread block with a part of the keys: the second phase", &C::split_us, 0.01, 30},
      {"key_ns", "of one key, 128 wide, to a thread block that is alone", &C::key_ns, 0.01, 300},
      {"bandwidth_fraction", "of the data sheet's HBM bandwidth, keys not split", &C::bandwidth_fraction, 0.3, 1},
      {"split_bandwidth_fraction", "the same, keys split", &C::split_bandwidth_fraction, 0.2, 1},
  }};
  return kTable;
}

bool takes_grouped_decode(const AttentionShape& shape, DataType cache) {
  const Decode d = decode_of(shape, cache);
  if (d.group <= 1 || d.group > kMostGroup) return false;
  return cache == DataType::fp8 || d.batch * d.kv_heads * ceil_div(d.keys, kTileKeys) >= kFewestBf16Tiles;
}

AttentionTime grouped_decode_time(const GroupedDecodeConstants& constants, const Device& device, DataType cache,
                                  const AttentionShape& shape) {
  const Decode d = decode_of(shape, cache);
  const bool fp8 = cache == DataType::fp8;
  const double multiprocessors = device.multiprocessors;
  const double items = d.batch * d.kv_heads;
  const GroupedPart whole = grouped_part(constants, multiprocessors, fp8, d, items, items, d.group);
  AttentionTime time = grouped_time(constants, device, fp8, whole, whole.splits > 1);
  time.hbm_bytes = least_bytes(d, d.batch * d.keys);
  time.flops = useful_flops(shape);
  if (shape.shared == 0 || shape.batch == 1) return time;

  Decode common = d;
  common.keys = static_cast<double>(shape.shared);
  const double rows = d.batch * d.group;
  const double row_tiles = ceil_div(rows, kSharedTileRows);
  const GroupedPart once =
      grouped_part(constants, multiprocessors, fp8, common, d.kv_heads * row_tiles, d.kv_heads, rows / row_tiles);
  Decode own = d;
  own.keys = d.keys - common.keys;
  const GroupedPart each = grouped_part(constants, multiprocessors, fp8, own, items, items, d.group);
  AttentionTime cascade = grouped_time(constants, device, fp8,
                                       {.splits = once.splits + each.splits,
                                        .compute_us = once.compute_us + each.compute_us,
                                        .bytes = once.bytes + each.bytes},
                                       true);
  if (cascade.us >= time.us) return time;
  cascade.hbm_bytes = least_bytes(d, common.keys + d.batch * own.keys);
  cascade.flops = time.flops;
  return cascade;
}

AttentionTime per_head_decode_time(const PerHeadDecodeConstants& constants, const Device& device, DataType cache,
                                   const AttentionShape& shape) {
  const Decode d = decode_of(shape, cache);
  const double multiprocessors = device.multiprocessors;
  const double items = d.batch * d.heads();
  const bool few = items <= multiprocessors;
  const double blocks_at_once = few ? 1 : items <= 4 * multiprocessors ? 2 : 4;
  const double splits = few ? std::clamp(ceil_div(d.keys * d.width, kPerHeadSplit), 1.0,
                                         at_least_1(std::floor(2 * multiprocessors / items)))
                            : 1;
  const double waves = ceil_div(items * splits, multiprocessors * blocks_at_once);
  const double key_us = constants.key_ns * 1e-3 * d.width / kWidth;
  const double compute_us = waves * (constants.start_us + (splits > 1 ? constants.split_us : 0) +
                                     key_us * blocks_at_once * std::ceil(d.keys / splits));
  const double bytes = least_bytes(d, d.batch * d.keys);
  const double fraction = splits > 1 ? constants.split_bandwidth_fraction : constants.bandwidth_fraction;
  const double read_us = bytes / (fraction * bytes_per_us(device));
  return {.us = constants.launch_us + overlapped(compute_us, read_us, kPerHeadOverlap),
          .flops = useful_flops(shape),
          .hbm_bytes = bytes,
          .bound = attention_bound(constants.launch_us, compute_us, read_us)};
}

AttentionTime decode_time(const GroupedDecodeConstants& grouped, const PerHeadDecodeConstants& per_head,
                          const Device& device, DataType cache, const AttentionShape& shape) {
  if (takes_grouped_decode(shape, cache)) return grouped_decode_time(grouped, device, cache, shape);
  const AttentionTime apart = per_head_decode_time(per_head, device, cache, shape);
  if (shape.shared == 0 || shape.batch == 1) return apart;
  const AttentionTime together = grouped_decode_time(grouped, device, cache, shape);
  return together.us < apart.us ? together : apart;
}

}  // namespace moesim

#include "models/kernels/mla_decode.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/kernels/tile_math.hpp"

namespace moesim {
namespace {

constexpr double kRows = 64;  // Of queries in a thread block; fewer are padded.
constexpr double kBlockKeys = 64;
constexpr double kElementBytes = 2;  // Of queries and outputs.
constexpr double kPartialBytes = 8;  // Of fp32 sums of a part, written and read.
constexpr double kOverlap = 6;       // How sharply (overlapped()) the larger of two streams hides the other.

// Thread blocks' shares, in blocks of keys, and the parts that a sequence's keys are cut into.
struct Shares {
  double longest = 0;
  double splits = 1;  // In all phases.
  bool merges = false;
};

class MlaDecode {
 public:
  MlaDecode(const MlaDecodeConstants& constants, const Device& device, DataType cache, const MlaShape& shape)
      : c_(constants),
        batch_(static_cast<double>(shape.batch)),
        rows_(static_cast<double>(shape.heads * shape.new_tokens)),
        keys_(static_cast<double>(shape.cached + shape.new_tokens)),
        shared_(static_cast<double>(shape.shared)),
        latent_(static_cast<double>(shape.latent)),
        key_(static_cast<double>(shape.latent + shape.rope)),
        row_tiles_(ceil_div(rows_, kRows)),
        parts_(std::max(1.0, std::floor(device.multiprocessors / row_tiles_))),
        waves_(ceil_div(row_tiles_, device.multiprocessors)),
        bytes_per_us_(device.memory.bytes_per_s() * 1e-6),
        cache_bytes_(bytes_per_element(cache)),
        flop_per_us_(flop_per_us_of_one(device, DataType::bf16)) {}

  AttentionTime plain() const {
    const double blocks = ceil_div(keys_, kBlockKeys);
    const double splits = std::clamp(std::floor(parts_ / batch_), 1.0, blocks);
    return time({.longest = waves_ * ceil_div(batch_ * (blocks + c_.sequence_blocks), parts_),
                 .splits = splits,
                 .merges = splits > 1},
                batch_ * keys_);
  }

  // Shared keys by tiles with rows of all sequences, then each sequence's own.
  AttentionTime cascade() const {
    const double common = ceil_div(shared_, kBlockKeys);
    const double own = ceil_div(keys_ - shared_, kBlockKeys);
    const double common_tiles = ceil_div(batch_ * rows_, kRows);
    const double own_tiles = batch_ * row_tiles_;
    const double multiprocessors = parts_ * row_tiles_ / waves_;
    const double work = common_tiles * (common + c_.sequence_blocks) + own_tiles * (own + c_.sequence_blocks);
    return time({.longest = ceil_div(work, multiprocessors),
                 .splits = std::clamp(std::floor(multiprocessors / common_tiles), 1.0, common) +
                           std::clamp(std::floor(parts_ / batch_), 1.0, own),
                 .merges = true},
                shared_ + batch_ * (keys_ - shared_));
  }

 private:
  AttentionTime time(const Shares& shares, double keys_read) const {
    const double block_flops = 2 * kRows * kBlockKeys * (key_ + latent_);
    const double compute_us = shares.longest * block_flops / (c_.peak_fraction * flop_per_us_);
    const double read_us =
        shares.longest * kBlockKeys * key_ * cache_bytes_ * parts_ / (c_.bandwidth_fraction * bytes_per_us_);
    const double merge_us = shares.merges
                                ? c_.merge_split_us * shares.splits + c_.merge_passes * kPartialBytes * latent_ *
                                                                          batch_ * shares.splits * rows_ / bytes_per_us_
                                : 0;
    const double query_bytes = kElementBytes * batch_ * rows_ * (key_ + latent_);
    const double passes_us = c_.query_passes * query_bytes / bytes_per_us_;
    return {.us = c_.launch_us + merge_us + passes_us + overlapped(compute_us, read_us, kOverlap),
            .hbm_bytes = keys_read * key_ * cache_bytes_ + query_bytes,
            .bound = attention_bound(c_.launch_us + merge_us, compute_us, std::max(read_us, passes_us))};
  }

  const MlaDecodeConstants& c_;
  double batch_;
  double rows_;
  double keys_;
  double shared_;
  double latent_;  // Width of what takes a value's place,
  double key_;     // and of a key.
  double row_tiles_;
  double parts_;  // Thread blocks that share out the keys, for one tile of rows.
  double waves_;  // More than one where there are more tiles of rows than multiprocessors.
  double bytes_per_us_;
  double cache_bytes_;
  double flop_per_us_;
};

}  // namespace

std::span<const Constant<MlaDecodeConstants>> mla_decode_constants() {
  using C = MlaDecodeConstants;
  static constexpr std::array<Constant<C>, 7> kTable{{
      {"launch_us", "launches of the kernel, its scheduler and those before it", &C::launch_us, 1, 30},
      {"merge_split_us", "adding up the parts of split keys, for each part", &C::merge_split_us, 0.0001, 1},
      {"merge_passes", "over the parts' fp32 sums, at the data sheet's bandwidth", &C::merge_passes, 0.01, 20},
      {"sequence_blocks", "fixed work of a sequence, in blocks of 64 keys", &C::sequence_blocks, 0.01, 30},
      {"peak_fraction", "of the data sheet's bf16 FLOP/s", &C::peak_fraction, 0.2, 1},
      {"bandwidth_fraction", "of the data sheet's HBM bandwidth", &C::bandwidth_fraction, 0.3, 1},
      {"query_passes", "over queries and outputs in bf16 at the data sheet's bandwidth", &C::query_passes, 0.1, 20},
  }};
  return kTable;
}

AttentionTime mla_decode_time(const MlaDecodeConstants& constants, const Device& device, DataType cache,
                              const MlaShape& shape) {
  check(shape);
  const MlaDecode decode(constants, device, cache, shape);
  AttentionTime time = decode.plain();
  if (shape.shared > 0 && shape.batch > 1) {
    const AttentionTime cascade = decode.cascade();
    if (cascade.us < time.us) time = cascade;
  }
  time.flops = 2 * static_cast<double>(shape.batch * shape.heads * (2 * shape.latent + shape.rope)) *
               causal_pairs(shape.new_tokens, shape.cached);
  return time;
}

}  // namespace moesim

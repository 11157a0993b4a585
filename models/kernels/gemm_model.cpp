#include "models/kernels/gemm_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "models/kernels/tile_math.hpp"

namespace moesim {
namespace {

struct Tile {
  std::int64_t rows;
  std::int64_t columns;
};

// The shapes that a library chooses among. Effective ones: a handful stands for the dozens that it has.
constexpr std::array<Tile, 4> kSplitTiles{{{64, 32}, {64, 128}, {128, 128}, {128, 256}}};
constexpr std::array<Tile, 5> kWholeTiles{{{64, 32}, {64, 128}, {128, 32}, {128, 64}, {128, 128}}};
constexpr std::int64_t kHalfTileRows = 64;  // Whole libraries take the lower tiles up to so many rows, else the higher.

// What follows was chosen on rows of H100 while the form was found, and stands still since: it is the same for every
// device, library and precision (docs/models/products.md).
constexpr double kStepElements = 64;         // k is cut into steps of this length.
constexpr double kStepBytes = 128;           // What step_us is for.
constexpr double kTileElements = 128 * 128;  // What tile_us is for.
constexpr double kSplitLength = 512;         // A part of k is no shorter than this,
constexpr double kMostSplits = 32;           // nor are there more parts,
constexpr double kSplitUs = 2.6;             // and adding them up is one more kernel.
constexpr double kPowerFreeUs = 100;         // Products shorter than this are over before the clock falls.
constexpr double kLeastOfPeak = 0.2;         // No product is slowed down further by power.
constexpr std::int64_t kRaggedRows = 32;     // Tiles this low are laid out so that missing rows cost nothing.
constexpr double kRotatingCopies = 5;        // Weights that benchmarks take in turn, at most.

// How sharply the larger of arithmetic and memory hides the other (overlapped()).
double overlap_exponent(TileSchedule schedule) { return schedule == TileSchedule::whole ? 2 : 3; }

// Bytes that come from and go to HBM. What fits into the L2 beside the rest of its working set is there already.
double hbm_bytes(const GemmShape& shape, double l2_bytes, CacheState cache) {
  const auto m = static_cast<double>(shape.m);
  const auto n = static_cast<double>(shape.n);
  const auto k = static_cast<double>(shape.k);
  const double inputs = m * k * shape.input_bytes;
  const double weights = n * k * shape.input_bytes;
  const double outputs = m * n * shape.output_bytes;
  if (l2_bytes <= 0) return inputs + weights + outputs;
  const double inputs_cold = cache == CacheState::cold ? 1 : std::min(1.0, (inputs + weights + outputs) / l2_bytes);
  double weights_cold = 1;
  if (cache == CacheState::rotating || cache == CacheState::hot) {
    const double most = cache == CacheState::hot ? 1 : kRotatingCopies;
    const double copies = std::clamp(std::ceil(l2_bytes / weights), 1.0, most);
    weights_cold = std::min(1.0, (copies * weights + inputs + outputs) / l2_bytes);
  }
  return weights * weights_cold + inputs * inputs_cold + outputs;
}

// One product on one device; the tile is what is searched over.
struct Search {
  const GemmConstants& constants;
  TileSchedule schedule;
  const GemmShape& shape;
  double multiprocessors;
  double flop_per_us;  // Of one multiprocessor, sustained.
  double memory_us;

  double compute_us(const Tile& tile, double splits) const {
    const auto m = static_cast<double>(shape.m);
    const auto n = static_cast<double>(shape.n);
    const auto rows = static_cast<double>(tile.rows);
    const auto columns = static_cast<double>(tile.columns);
    const double tiles_down = ceil_div(m, rows);
    const double tiles_across = ceil_div(n, columns);
    const double length = ceil_div(static_cast<double>(shape.k), splits * kStepElements) * kStepElements;
    const double bytes = length * shape.input_bytes;
    const double waves = schedule == TileSchedule::whole
                             ? ceil_div(tiles_down * tiles_across, multiprocessors)
                             : std::max(1.0, tiles_down * tiles_across * splits / multiprocessors);
    const double steady_us =
        std::max({2 * rows * columns * length / flop_per_us,
                  (std::min(rows, m) + std::min(columns, n)) * bytes / (constants.feed_gb_per_s * 1e3),
                  constants.step_us * bytes / kStepBytes});
    const double missing = shape.m > kRaggedRows ? tiles_down * rows - m : 0;
    return waves * (steady_us + constants.tile_us * rows * columns / kTileElements) +
           constants.ragged_us * missing / 128 * length / 128 * std::min(1.0, tiles_across / multiprocessors);
  }

  GemmTime best() const {
    GemmTime best{.us = std::numeric_limits<double>::infinity()};
    const auto consider = [&](const Tile& tile, double splits) {
      const double compute = compute_us(tile, splits);
      const double us = overlapped(compute, memory_us, overlap_exponent(schedule)) + (splits > 1 ? kSplitUs : 0);
      if (us < best.us) best = {.us = us, .compute_us = compute, .memory_us = memory_us};
    };
    if (schedule == TileSchedule::whole) {
      for (const Tile& tile : kWholeTiles) {
        if ((tile.rows == kHalfTileRows) == (shape.m <= kHalfTileRows)) consider(tile, 1);
      }
      return best;
    }
    for (const Tile& tile : kSplitTiles) {
      consider(tile, 1);
      const double tiles = ceil_div(static_cast<double>(shape.m), static_cast<double>(tile.rows)) *
                           ceil_div(static_cast<double>(shape.n), static_cast<double>(tile.columns));
      const double splits = std::floor(std::min(multiprocessors / tiles, static_cast<double>(shape.k) / kSplitLength));
      if (splits > 1) consider(tile, std::min(splits, kMostSplits));
    }
    return best;
  }
};

}  // namespace

TileSchedule gemm_schedule(std::string_view precision) {
  return precision == "fp8_block" ? TileSchedule::whole : TileSchedule::split;
}

std::span<const Constant<GemmConstants>> gemm_constants() {
  using C = GemmConstants;
  static constexpr std::array<Constant<C>, 9> kTable{{
      {"launch_us", "from the end of the kernel before, with every small kernel that the call launches", &C::launch_us,
       0.1, 50},
      {"peak_fraction", "of the data sheet's FLOP/s, in products of less than 100 us", &C::peak_fraction, 0.05, 1},
      {"drop_per_decade", "share of that lost for each tenfold of work beyond: power lowers the clock",
       &C::drop_per_decade, 0, 0.5},
      {"bandwidth_fraction", "of the data sheet's HBM bandwidth", &C::bandwidth_fraction, 0.05, 1},
      {"step_us", "for 128 bytes along k, the least that one step of a tile takes", &C::step_us, 0.001, 2},
      {"tile_us", "for 128 x 128 outputs, filling the pipeline and storing the tile", &C::tile_us, 0.01, 20},
      {"feed_gb_per_s", "operands into one multiprocessor", &C::feed_gb_per_s, 5, 2000},
      {"quantize_us_per_million", "inputs brought to fp8 in a kernel of its own", &C::quantize_us_per_million, 0, 20},
      {"ragged_us", "for 128 missing rows and 128 of k, in a wave of tiles that are not full", &C::ragged_us, 0, 5},
  }};
  return kTable;
}

GemmTime gemm_time(const GemmConstants& constants, TileSchedule schedule, const Device& device, FlopRate peak,
                   const GemmShape& shape, CacheState cache) {
  const double flops = 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  const double peak_per_us = peak.flop_per_s() * 1e-6;
  const double kept = 1 - constants.drop_per_decade * std::log10(1 + flops / peak_per_us / kPowerFreeUs);
  const double memory_per_us = device.memory.bytes_per_s() * 1e-6 * constants.bandwidth_fraction;
  const Search search{
      .constants = constants,
      .schedule = schedule,
      .shape = shape,
      .multiprocessors = static_cast<double>(device.multiprocessors),
      .flop_per_us = peak_per_us * constants.peak_fraction * std::max(kLeastOfPeak, kept) / device.multiprocessors,
      .memory_us = hbm_bytes(shape, static_cast<double>(device.l2_cache.count), cache) / memory_per_us};
  GemmTime time = search.best();
  time.quantize_us =
      static_cast<double>(shape.m) * static_cast<double>(shape.k) * 1e-6 * constants.quantize_us_per_million;
  time.us += constants.launch_us + time.quantize_us;
  return time;
}

}  // namespace moesim

#include "models/kernels/expert_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/kernels/tile_math.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

struct Tile {
  std::int64_t rows;
  std::int64_t columns;
  double step;  // Elements of depth that one step of the pipeline takes.
};

// All tile heights of ExpertLoad by the widths that libraries compile, up to so many outputs.
constexpr std::array<std::int64_t, 3> kWidths = {64, 128, 256};
constexpr std::int64_t kMostOutputs = 128 * 256;
constexpr std::int64_t kMostTritonOutputs = 128 * 128;
constexpr double kShortStep = 32;

// One product on one device, with `tile` to be chosen.
class Product {
 public:
  Product(const ExpertConstants& constants, ExpertTiling tiling, const Device& device, const ExpertProduct& product)
      : constants_(constants),
        tiling_(tiling),
        product_(product),
        multiprocessors_(device.multiprocessors),
        flop_per_us_(product.peak.flop_per_s() * 1e-6 * constants.peak_fraction / device.multiprocessors) {}

  double compute_us(const ExpertLoad& load, const ExpertLoad& even) const {
    if (tiling_ == ExpertTiling::triton && product_.block_scales) return root4(work4({64, 128, 128}, load));
    if (tiling_ == ExpertTiling::triton) {
      const bool few = load.tokens <= load.experts;
      return root4(work4(few ? Tile{16, 32, 64} : Tile{64, 64, kShortStep}, load));
    }
    // The tuner saw the even load; the rows that came decide what its choice costs. Fourth powers keep the order.
    const double step = product_.weight_bytes == 2 || tiling_ == ExpertTiling::triton_tuned ? 64 : 128;
    const std::int64_t most = tiling_ == ExpertTiling::triton_tuned ? kMostTritonOutputs : kMostOutputs;
    double best = std::numeric_limits<double>::infinity();
    Tile chosen{};
    for (const std::int64_t rows : ExpertLoad::kHeights) {
      if (rows == 256 && tiling_ == ExpertTiling::triton_tuned) continue;
      for (const std::int64_t columns : kWidths) {
        if (rows * columns > most) continue;
        const Tile tile{rows, columns, step};
        const double work = work4(tile, even);
        if (work < best) {
          best = work;
          chosen = tile;
        }
      }
    }
    return root4(work4(chosen, load));
  }

  double memory_us(const Device& device, const ExpertLoad& load) const {
    const auto columns = static_cast<double>(product_.columns);
    const auto depth = static_cast<double>(product_.depth);
    const double bytes = load.touched * columns * depth * product_.weight_bytes +
                         load.rows * (depth * product_.weight_bytes + columns * product_.output_bytes);
    return bytes / (device.memory.bytes_per_s() * 1e-6 * constants_.bandwidth_fraction);
  }

 private:
  static double root4(double x) { return std::sqrt(std::sqrt(x)); }
  static double power4(double x) { return x * x * x * x; }

  // Fourth power of the time that a load's tiles take: all of them at full rate, or one alone along the whole depth.
  double work4(const Tile& tile, const ExpertLoad& load) const {
    const auto depth = static_cast<double>(product_.depth);
    const auto rows = static_cast<double>(tile.rows);
    const auto columns = static_cast<double>(tile.columns);
    const double feed = constants_.feed_gb_per_s * 1e3 * (tile.step == kShortStep ? constants_.short_step_feed : 1);
    const double tile_us =
        std::max(2 * rows * columns * depth / flop_per_us_, (rows + columns) * depth * product_.weight_bytes / feed) +
        constants_.tile_us;
    const double across = std::ceil(static_cast<double>(product_.columns) / columns);
    double waves = tiles_down(tile.rows, load) * across / multiprocessors_;
    // Half of what idles in the last wave is paid: it shares the machine with the end of the wave before.
    if (tiling_ == ExpertTiling::autotuned && waves > 1) waves = (waves + std::ceil(waves - 1e-9)) / 2;
    return power4(waves * tile_us) + power4(constants_.step_us * depth / tile.step);
  }

  static double tiles_down(std::int64_t height, const ExpertLoad& load) {
    const auto at = std::find(ExpertLoad::kHeights.begin(), ExpertLoad::kHeights.end(), height);
    return load.tiles[static_cast<std::size_t>(at - ExpertLoad::kHeights.begin())];
  }

  const ExpertConstants& constants_;
  ExpertTiling tiling_;
  const ExpertProduct& product_;
  double multiprocessors_;
  double flop_per_us_;  // Of one multiprocessor.
};

}  // namespace

ExpertTiling expert_tiling(std::string_view library) {
  if (library.find("triton-tuned") != std::string_view::npos) return ExpertTiling::triton_tuned;
  return library.find("triton") != std::string_view::npos ? ExpertTiling::triton : ExpertTiling::autotuned;
}

std::span<const Constant<ExpertConstants>> expert_constants() {
  using C = ExpertConstants;
  static constexpr std::array<Constant<C>, 11> kTable{{
      {"fixed_us", "launches and gaps of the kernels between routing and sum, all together", &C::fixed_us, 1, 100},
      {"local_expert_us", "for each expert on the rank, with rows or without: offsets and descriptors",
       &C::local_expert_us, 0, 2},
      {"pair_ns", "for each (token, expert) pair of the group: sorting and positions", &C::pair_ns, 0, 20},
      {"row_fraction", "of HBM bandwidth, where rows are gathered, quantised, activated, summed", &C::row_fraction,
       0.05, 1.2},
      {"peak_fraction", "of the data sheet's FLOP/s, inside a tile", &C::peak_fraction, 0.2, 0.9},
      {"bandwidth_fraction", "of HBM bandwidth, where weights stream", &C::bandwidth_fraction, 0.4, 0.95},
      {"feed_gb_per_s", "operands into one multiprocessor", &C::feed_gb_per_s, 10, 400},
      {"short_step_feed", "share of that in tiles with a short step of depth", &C::short_step_feed, 0.1, 1},
      {"tile_us", "beginning and end of a tile", &C::tile_us, 0, 10},
      {"step_us", "one step along the depth, where nothing hides its latency", &C::step_us, 0.01, 2},
      {"overlap_exponent", "of the norm that joins computation and memory: 1 adds them, a large one hides the shorter",
       &C::overlap_exponent, 1, 20},
  }};
  return kTable;
}

ExpertLoad expert_load(std::span<const std::int64_t> rows) {
  ExpertLoad load;
  load.experts = static_cast<double>(rows.size());
  std::int64_t touched = 0;
  std::int64_t sum = 0;
  std::array<std::int64_t, ExpertLoad::kHeights.size()> tiles{};
  for (const std::int64_t r : rows) {
    touched += r > 0 ? 1 : 0;
    sum += r;
    // Heights are powers of two from 16 up: shifts, since this is the hot loop of a layer.
    for (std::size_t i = 0; i < tiles.size(); ++i) tiles[i] += (r + ExpertLoad::kHeights[i] - 1) >> (4 + i);
  }
  load.touched = static_cast<double>(touched);
  load.rows = static_cast<double>(sum);
  load.tokens = load.rows;
  for (std::size_t i = 0; i < tiles.size(); ++i) load.tiles[i] = static_cast<double>(tiles[i]);
  return load;
}

ExpertLoad even_load(std::int64_t rows, std::int64_t experts) {
  MOESIM_CHECK(rows >= 0 && experts > 0, "{} rows on {} experts", rows, experts);
  const std::int64_t low = rows / experts;
  const std::int64_t more = rows % experts;  // Experts with one row more.
  ExpertLoad load;
  load.experts = static_cast<double>(experts);
  load.rows = static_cast<double>(rows);
  load.tokens = load.rows;
  load.touched = static_cast<double>(low > 0 ? experts : more);
  for (std::size_t i = 0; i < load.tiles.size(); ++i) {
    const std::int64_t height = ExpertLoad::kHeights[i];
    const auto tiles = [&](std::int64_t r) { return (r + height - 1) / height; };
    load.tiles[i] = static_cast<double>(more * tiles(low + 1) + (experts - more) * tiles(low));
  }
  return load;
}

ProductTime expert_product_time(const ExpertConstants& constants, ExpertTiling tiling, const Device& device,
                                const ExpertProduct& product, const ExpertLoad& load, const ExpertLoad& even) {
  if (load.rows <= 0) return {};
  const Product work(constants, tiling, device, product);
  ProductTime time{.compute_us = work.compute_us(load, even), .memory_us = work.memory_us(device, load)};
  time.us = overlapped(time.compute_us, time.memory_us, constants.overlap_exponent);
  return time;
}

}  // namespace moesim

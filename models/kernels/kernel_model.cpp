#include "models/kernels/kernel_model.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "models/exchange/wire_format.hpp"
#include "models/kernels/row_model.hpp"
#include "models/kernels/tile_math.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kTileRows = 128;
constexpr std::int64_t kHalfTileRows = 64;
constexpr std::int64_t kTileColumns = 128;
constexpr std::int64_t kNarrowTileColumns = 64;

bool narrow(DataType type) { return bytes_per_element(type) <= 1; }

// Half tiles (64 rows) on the busiest of `processors`: whole tiles go in waves, the half ones fill what is left.
std::int64_t busiest_half_tiles(std::int64_t tile_rows, std::int64_t half_tile_rows, std::int64_t columns,
                                std::int64_t processors) {
  const std::int64_t tiles = tile_rows * columns;
  const std::int64_t half_tiles = half_tile_rows * columns;
  return std::max(2 * ceil_div(tiles, processors), ceil_div(2 * tiles + half_tiles, processors));
}

// One scale for a 128 x 128 block of an fp8 weight is too little to count.
Bytes weight_bytes(std::int64_t elements, DataType type) {
  return {static_cast<std::int64_t>(static_cast<double>(elements) * bytes_per_element(type) + 0.5)};
}

RowConstants row_constants_of(const KernelEfficiencies& e) {
  RowConstants rows;
  rows.launch_us = e.launch_us;
  rows.stream_fraction = e.memory_stream;
  rows.scatter_fraction = e.memory_scatter;
  rows.cached_gb_per_s = 0;
  return rows;
}

Bound bound_of(double launch, double compute, double memory) {
  if (launch > std::max(compute, memory)) return Bound::launch;
  return compute >= memory ? Bound::compute : Bound::memory;
}

}  // namespace

std::int64_t padded_rows(std::int64_t rows) {
  if (rows == 0) return 0;
  return rows <= kHalfTileRows ? kHalfTileRows : ceil_div(rows, kTileRows) * kTileRows;
}

Bytes matrix_bytes(std::int64_t rows, std::int64_t columns, DataType type) {
  return rows * wire_format(columns, type).bytes_per_copy();
}

KernelModel::KernelModel(Device device, KernelEfficiencies efficiencies)
    : device_(std::move(device)), efficiencies_(efficiencies) {
  MOESIM_CHECK(device_.multiprocessors > 0 && device_.memory.bytes_per_s() > 0, "{}: {} multiprocessors, {} B/s",
               device_.name, device_.multiprocessors, device_.memory.bytes_per_s());
  for (const double fraction : {efficiencies_.gemm_compute_wide, efficiencies_.gemm_compute_narrow,
                                efficiencies_.memory_stream, efficiencies_.memory_scatter}) {
    MOESIM_CHECK(fraction > 0 && fraction <= 1, "efficiency {}", fraction);
  }
  MOESIM_CHECK(efficiencies_.launch_us >= 0, "launch overhead {} us", efficiencies_.launch_us);
  rows_ = row_constants_of(efficiencies_);
}

KernelModel KernelModel::calibrated(Device device, KernelProfile profile) {
  KernelModel model(std::move(device), KernelEfficiencies{});
  model.profile_ = std::move(profile);
  const std::vector<KernelFit>& fits = model.profile_->fits;
  for (int i = 0; i < kDataTypes; ++i) {
    const auto type = static_cast<DataType>(i);
    if (!model.device_.computes(type) || model.device_.peak_caveat(type)) continue;  // It runs in another type.
    const std::string_view precision = precision_name(type);
    const auto at = static_cast<std::size_t>(i);
    for (std::size_t f = fits.size(); f-- > 0;) {  // The first of several wins.
      if (fits[f].precision != precision) continue;
      if (fits[f].family == "gemm") model.gemm_[at] = {f, typed_constants(fits[f], gemm_constants())};
      if (fits[f].family == "experts") model.experts_[at] = {f, typed_constants(fits[f], expert_constants())};
    }
  }
  KernelEfficiencies& efficiencies = model.efficiencies_;
  if (const auto& wide = model.gemm_[static_cast<std::size_t>(DataType::bf16)]) {
    efficiencies.gemm_compute_wide = wide->constants.peak_fraction;
    efficiencies.memory_stream = wide->constants.bandwidth_fraction;
  }
  if (const auto& narrow = model.gemm_[static_cast<std::size_t>(DataType::fp8)]) {
    efficiencies.gemm_compute_narrow = narrow->constants.peak_fraction;
  }
  if (const auto& rows = model.experts_[static_cast<std::size_t>(DataType::bf16)]) {
    efficiencies.memory_scatter = std::min(1.0, rows->constants.row_fraction);
    efficiencies.launch_us = rows->constants.fixed_us / kExpertKernels;
  }
  // Measured by themselves, where they were.
  if (const KernelFit* rows = model.profile_->find("rows", precision_name(DataType::bf16))) {
    model.rows_ = typed_constants(*rows, row_constants());
    efficiencies.memory_stream = model.rows_.stream_fraction;
    efficiencies.memory_scatter = model.rows_.scatter_fraction;
    efficiencies.launch_us = model.rows_.launch_us;
  } else {
    model.rows_ = row_constants_of(efficiencies);
  }
  return model;
}

const KernelFit* KernelModel::gemm_fit(DataType type) const {
  const auto& found = gemm_[static_cast<std::size_t>(type)];
  return found ? &profile_->fits[found->fit] : nullptr;
}

const KernelFit* KernelModel::expert_fit(DataType type) const {
  const auto& found = experts_[static_cast<std::size_t>(type)];
  return found ? &profile_->fits[found->fit] : nullptr;
}

double KernelModel::seconds_per_flop_of_one_multiprocessor(DataType type) const {
  const double reached = narrow(type) ? efficiencies_.gemm_compute_narrow : efficiencies_.gemm_compute_wide;
  return device_.multiprocessors / (device_.peak_flops(type).flop_per_s() * reached);
}

KernelCost KernelModel::product(double compute_s, double flops, Bytes inputs, Bytes outputs) const {
  const double rate = device_.memory.bytes_per_s() * efficiencies_.memory_stream;
  const double read_s = static_cast<double>(inputs.count) / rate;
  const double write_s = static_cast<double>(outputs.count) / rate;
  const double launch_s = efficiencies_.launch_us * 1e-6;
  const double work_s = std::max(compute_s, read_s) + write_s;
  const Bound bound = launch_s > work_s ? Bound::launch : bound_of(0, compute_s, read_s + write_s);
  return {
      .time = Picoseconds::from_seconds(launch_s + work_s), .flops = flops, .hbm = inputs + outputs, .bound = bound};
}

KernelCost KernelModel::element_wise(Bytes bytes, RowOrder order) const {
  if (bytes.count == 0) return {};
  const double us = row_time_us(rows_, device_, static_cast<double>(bytes.count), order);
  return {.time = Picoseconds::from_seconds(us * 1e-6),
          .hbm = bytes,
          .bound = 2 * rows_.launch_us > us ? Bound::launch : Bound::memory};
}

KernelCost KernelModel::calibrated_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const GemmTypes& types) const {
  if (m == 0 || n == 0 || k == 0) return {};
  const GemmConstants& constants = gemm_[static_cast<std::size_t>(types.input)]->constants;
  const GemmShape shape{.m = m,
                        .n = n,
                        .k = k,
                        .input_bytes = bytes_per_element(types.input),
                        .output_bytes = bytes_per_element(types.output)};
  const GemmTime time = gemm_time(constants, gemm_schedule(precision_name(types.input)), device_,
                                  device_.peak_flops(types.input), shape, CacheState::weights_cold);
  return {.time = Picoseconds::from_seconds(time.us * 1e-6),
          .flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k),
          .hbm = weight_bytes(n * k, types.input) + matrix_bytes(m, k, types.input) + matrix_bytes(m, n, types.output),
          .bound = bound_of(constants.launch_us, time.compute_us, time.memory_us + time.quantize_us)};
}

KernelCost KernelModel::calibrated_experts(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                                           const GemmTypes& types) const {
  const ExpertLoad load = expert_load(rows);
  const auto all_rows = static_cast<std::int64_t>(load.rows);
  if (all_rows == 0 || n == 0 || k == 0) return {};
  const auto& [fit, constants] = *experts_[static_cast<std::size_t>(types.input)];
  const ExpertProduct product{.columns = n,
                              .depth = k,
                              .weight_bytes = bytes_per_element(types.input),
                              .output_bytes = bytes_per_element(types.output),
                              .peak = device_.peak_flops(types.input),
                              .block_scales = profile_->fits[fit].precision == "fp8_block"};
  const ProductTime time = expert_product_time(constants, expert_tiling(profile_->fits[fit].library), device_, product,
                                               load, even_load(all_rows, std::ssize(rows)));
  const double launch_us = constants.fixed_us / kExpertKernels;
  return {.time = Picoseconds::from_seconds((launch_us + time.us) * 1e-6),
          .flops = 2.0 * load.rows * static_cast<double>(n) * static_cast<double>(k),
          .hbm = weight_bytes(static_cast<std::int64_t>(load.touched) * n * k, types.input) +
                 matrix_bytes(all_rows, k, types.input) + matrix_bytes(all_rows, n, types.output),
          .bound = bound_of(launch_us, time.compute_us, time.memory_us)};
}

KernelCost KernelModel::sort_rows(std::int64_t rows, std::int64_t experts, DataType type) const {
  const auto& found = experts_[static_cast<std::size_t>(type)];
  if (rows == 0) return {};
  const double us = found ? found->constants.local_expert_us * static_cast<double>(experts) +
                                found->constants.pair_ns * 1e-3 * static_cast<double>(rows)
                          : rows_.count_us;
  return {.time = Picoseconds::from_seconds(us * 1e-6), .flops = 0, .hbm = {}, .bound = Bound::launch};
}

KernelCost KernelModel::grouped_gemm(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                                     const GemmTypes& types) const {
  if (expert_fit(types.input) != nullptr) return calibrated_experts(rows, n, k, types);
  return roofline_product(rows, n, k, types);
}

KernelCost KernelModel::roofline_product(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                                         const GemmTypes& types) const {
  std::int64_t groups = 0;
  std::int64_t all_rows = 0;
  std::int64_t tile_rows = 0;
  std::int64_t half_tile_rows = 0;
  for (const std::int64_t r : rows) {
    if (r == 0) continue;
    ++groups;
    all_rows += r;
    (r <= kHalfTileRows ? half_tile_rows : tile_rows) += r <= kHalfTileRows ? 1 : ceil_div(r, kTileRows);
  }
  if (groups == 0 || n == 0 || k == 0) return {};
  // The time that the busiest multiprocessor computes, with the better of the two tile widths.
  const double per_flop_s = seconds_per_flop_of_one_multiprocessor(types.input);
  double compute_s = std::numeric_limits<double>::infinity();
  for (const std::int64_t width : {kTileColumns, kNarrowTileColumns}) {
    const std::int64_t half_tiles =
        busiest_half_tiles(tile_rows, half_tile_rows, ceil_div(n, width), device_.multiprocessors);
    const double flops_each = 2.0 * static_cast<double>(kHalfTileRows * width) * static_cast<double>(k);
    compute_s = std::min(compute_s, static_cast<double>(half_tiles) * flops_each * per_flop_s);
  }
  const Bytes inputs = weight_bytes(groups * n * k, types.input) + matrix_bytes(all_rows, k, types.input);
  const double flops = 2.0 * static_cast<double>(all_rows) * static_cast<double>(n) * static_cast<double>(k);
  return product(compute_s, flops, inputs, matrix_bytes(all_rows, n, types.output));
}

KernelCost KernelModel::grouped_weight_gradient(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                                                const GemmTypes& types) const {
  std::int64_t groups = 0;
  std::int64_t all_rows = 0;
  std::int64_t all_padded = 0;
  std::int64_t most_padded = 0;
  for (const std::int64_t r : rows) {
    const std::int64_t padded = padded_rows(r);
    groups += r > 0 ? 1 : 0;
    all_rows += r;
    all_padded += padded;
    most_padded = std::max(most_padded, padded);
  }
  if (groups == 0 || n == 0 || k == 0) return {};
  const std::int64_t tiles = ceil_div(n, kTileColumns) * ceil_div(k, kTileRows);
  // Tiles are as long as their group has rows, so they are packed rather than run in waves: no less than an even share,
  // no less than the longest tile.
  const double tile_flops_per_row = 2.0 * static_cast<double>(kTileRows * kTileColumns);
  const double longest =
      std::max(static_cast<double>(tiles * all_padded) / device_.multiprocessors, static_cast<double>(most_padded));
  const double compute_s = longest * tile_flops_per_row * seconds_per_flop_of_one_multiprocessor(types.input);
  const Bytes inputs = matrix_bytes(all_rows, k, types.input) + matrix_bytes(all_rows, n, types.input);
  const double flops = 2.0 * static_cast<double>(all_rows) * static_cast<double>(n) * static_cast<double>(k);
  return product(compute_s, flops, inputs, 2 * weight_bytes(groups * n * k, types.gradient));
}

KernelCost KernelModel::gemm(std::int64_t m, std::int64_t n, std::int64_t k, const GemmTypes& types) const {
  if (gemm_fit(types.input) != nullptr) return calibrated_gemm(m, n, k, types);
  return roofline_product({&m, 1}, n, k, types);
}

KernelCost KernelModel::weight_gradient(std::int64_t m, std::int64_t n, std::int64_t k, const GemmTypes& types) const {
  return grouped_weight_gradient({&m, 1}, n, k, types);
}

KernelCost KernelModel::stream(Bytes bytes) const { return element_wise(bytes, RowOrder::stream); }

KernelCost KernelModel::scatter(Bytes bytes) const { return element_wise(bytes, RowOrder::scatter); }

std::vector<Caveat> KernelModel::caveats(std::span<const DataType> types) const {
  std::vector<Caveat> result;
  if (!profile_) {
    result.push_back({"uncalibrated", fmt::format("Kernel times on {} rest on default efficiencies, not on kernels "
                                                  "measured there.",
                                                  device_.name)});
  } else {
    std::string without;
    for (const DataType type : types) {
      if (gemm_fit(type) != nullptr) continue;
      if (without.find(name(type)) == std::string::npos)
        without += (without.empty() ? "" : ", ") + std::string(name(type));
    }
    if (!without.empty()) {
      result.push_back({"uncalibrated", fmt::format("Profile {} has no fit for products in {}: they are a roofline at "
                                                    "its fractions.",
                                                    profile_->name, without)});
    }
    if (profile_->gpu != device_.name) {
      result.push_back({"other_device",
                        fmt::format("Profile {} is of {}, not of {}.", profile_->name, profile_->gpu, device_.name)});
    }
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (std::find(types.begin(), types.begin() + static_cast<std::ptrdiff_t>(i), types[i]) !=
        types.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;
    }
    if (auto caveat = device_.peak_caveat(types[i])) result.push_back(std::move(*caveat));
  }
  return result;
}

}  // namespace moesim

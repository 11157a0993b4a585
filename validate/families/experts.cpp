#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "models/kernels/contention.hpp"
#include "models/kernels/expert_model.hpp"
#include "validate/families/expert_draws.hpp"
#include "validate/families/families.hpp"
#include "validate/load_shape.hpp"

namespace moesim {
namespace {

// The whole operator as libraries time it, on one rank: routing, permutation, product, activation, product, sum. As in
// docs/models/products.md, "The fused operator".
struct FusedOperator {
  double tokens = 0;  // Of the group.
  double top_k = 0;
  double hidden = 0;
  double width = 0;        // Of an expert on this rank.
  double up_matrices = 2;  // 2 with a gate, else 1.
  double element_bytes = 2;
  bool block_scales = false;
  ExpertTiling tiling = ExpertTiling::autotuned;
  ExpertLoad load;
  ExpertLoad even;
  FlopRate peak;

  ExpertProduct up() const { return product(up_matrices * width, hidden); }
  ExpertProduct down() const { return product(hidden, width); }

  // Bytes of whole tokens: the gate's side of the permutation.
  double token_bytes() const {
    const bool quantised = tiling != ExpertTiling::autotuned && block_scales;
    return tokens * hidden * (quantised ? 5.5 : 4);
  }

  // Bytes of rows: gathered, quantised where scales go by block, activated, summed.
  double row_bytes() const {
    const double quantise = block_scales ? 3 : 0;  // Read in bf16, written in fp8.
    if (tiling != ExpertTiling::autotuned) {
      // Rows of experts on other ranks have their place, too.
      return tokens * top_k * (width * (2 * up_matrices + 2 + quantise) + 2 * hidden) + load.rows * 2 * hidden;
    }
    const double written = block_scales ? 2 : element_bytes;
    return load.rows *
           (hidden * (2 + written + quantise) + width * (2 * up_matrices + written + quantise) + 2 * hidden);
  }

  double us(const ExpertConstants& constants, const Device& device) const {
    const double bytes_per_us = device.memory.bytes_per_s() * 1e-6;
    return constants.fixed_us + constants.local_expert_us * load.experts + constants.pair_ns * 1e-3 * tokens * top_k +
           token_bytes() / (constants.bandwidth_fraction * bytes_per_us) +
           row_bytes() / (constants.row_fraction * bytes_per_us) +
           expert_product_time(constants, tiling, device, up(), load, even).us +
           expert_product_time(constants, tiling, device, down(), load, even).us;
  }

  double roofline_us(const Device& device) const {
    const double matrices = up_matrices + 1;
    const double flops = 2 * load.rows * hidden * width * matrices;
    const double bytes =
        load.touched * hidden * width * matrices * element_bytes + load.rows * hidden * (element_bytes + 2);
    return 1e6 * std::max(flops / peak.flop_per_s(), bytes / device.memory.bytes_per_s());
  }

 private:
  ExpertProduct product(double columns, double depth) const {
    return {.columns = static_cast<std::int64_t>(columns),
            .depth = static_cast<std::int64_t>(depth),
            .weight_bytes = element_bytes,
            .output_bytes = 2,
            .peak = peak,
            .block_scales = block_scales};
  }
};

// Loads are drawn once for all rows that have the same.
class Loads {
 public:
  const ExpertLoad& of(const Measurement& row) {
    const ExpertGroup group{row.parameter("tokens"), row.parameter("experts"), row.parameter("top_k"),
                            row.parameter("ep")};
    const auto key = std::tuple(group.tokens, group.experts, group.top_k, group.ep, row.load);
    const auto [at, missing] = known_.try_emplace(key);
    if (missing) at->second = drawn_load(group, row.load);
    return at->second;
  }

 private:
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::string>, ExpertLoad> known_;
};

FusedOperator fused_operator(const Device& device, const Measurement& row, Loads& loads) {
  FusedOperator op;
  const std::int64_t local = row.parameter("experts") / row.parameter("ep");
  const std::int64_t pairs = row.parameter("tokens") * row.parameter("top_k");
  op.tokens = static_cast<double>(row.parameter("tokens"));
  op.top_k = static_cast<double>(row.parameter("top_k"));
  op.hidden = static_cast<double>(row.parameter("hidden"));
  op.width = static_cast<double>(row.parameter("width") / row.parameter("tp"));
  op.up_matrices = static_cast<double>(row.parameter("matrices") - 1);
  op.element_bytes = bytes_per_element(measured_type(row.dtype));
  op.block_scales = row.dtype == "fp8_block";
  op.tiling = expert_tiling(row.library);
  op.load = loads.of(row);
  op.load.tokens = op.tokens;
  op.even = even_load((pairs + row.parameter("ep") - 1) / row.parameter("ep"), local);
  op.peak = device.peak_flops(measured_type(row.dtype));
  return op;
}

constexpr std::int64_t kMostHeld = 64;  // Multiprocessors; a kernel that holds more leaves no product to speak of.

// A grouped product by itself.
struct GroupedProduct {
  Device device;
  ExpertProduct product;
  ExpertTiling tiling;
  ExpertLoad load;
  ExpertLoad even;

  double us(const ExpertConstants& constants) const {
    return constants.fixed_us / kExpertKernels + constants.local_expert_us * load.experts +
           expert_product_time(constants, tiling, device, product, load, even).us;
  }

  double roofline_us() const {
    const auto n = static_cast<double>(product.columns);
    const auto k = static_cast<double>(product.depth);
    const double bytes =
        load.touched * n * k * product.weight_bytes + load.rows * (k * product.weight_bytes + n * product.output_bytes);
    return 1e6 * std::max(2 * load.rows * n * k / product.peak.flop_per_s(), bytes / device.memory.bytes_per_s());
  }
};

// Alone, or beside a kernel that holds multiprocessors and streams memory.
Device device_of(const Device& device, const Measurement& row) {
  if (row.kernel != MeasuredKernel::contention) return device;
  const auto held = static_cast<int>(std::min<std::int64_t>(row.parameter("sms_held"), device.multiprocessors - 1));
  return beside(device, {held, Bandwidth::gbyte_per_s(static_cast<double>(row.parameter("stream_gb_per_s")))});
}

GroupedProduct grouped_product(const Device& whole, const Measurement& row) {
  const Device device = device_of(whole, row);
  const std::vector<std::int64_t> rows = load_rows(row.load, row.parameter("rows"), row.parameter("groups"));
  return {.device = device,
          .product = {.columns = row.parameter("n"),
                      .depth = row.parameter("k"),
                      .weight_bytes = bytes_per_element(measured_type(row.dtype)),
                      .output_bytes = 2,
                      .peak = device.peak_flops(measured_type(row.dtype)),
                      .block_scales = row.dtype == "fp8_block"},
          .tiling = expert_tiling(row.library),
          .load = expert_load(rows),
          .even = even_load(row.parameter("rows"), row.parameter("groups"))};
}

bool all_above_zero(const Measurement& row) {
  const auto& names = info(row.kernel).parameters;
  return std::all_of(names.begin(), names.end(), [&](std::string_view name) { return row.parameter(name) > 0; });
}

class ExpertFitter final : public KernelFitter {
 public:
  std::string_view family() const override { return "experts"; }

  // A loop over groups is no grouped product.
  bool covers(const Measurement& row) const override {
    if (row.library.ends_with("-loop")) return false;
    if (row.kernel == MeasuredKernel::grouped_gemm) return all_above_zero(row);
    if (row.kernel == MeasuredKernel::contention) {
      return row.parameter("groups") > 0 && row.parameter("rows") > 0 && row.parameter("n") > 0 &&
             row.parameter("k") > 0 && row.parameter("sms_held") <= kMostHeld;
    }
    return row.kernel == MeasuredKernel::moe && all_above_zero(row) &&
           row.parameter("experts") % row.parameter("ep") == 0 && row.parameter("width") >= row.parameter("tp") &&
           row.parameter("matrices") >= 2 && row.parameter("top_k") <= row.parameter("experts") &&
           (row.load == "balanced" || row.load.substr(0, 10) == "power_law:");
  }

  std::string shape(const Measurement& row) const override {
    if (row.kernel != MeasuredKernel::moe) {
      return fmt::format("{} {} {}", row.parameter("groups"), row.parameter("n"), row.parameter("k"));
    }
    return fmt::format("{} {} {} {} {} {}", row.parameter("hidden"), row.parameter("width"), row.parameter("top_k"),
                       row.parameter("experts"), row.parameter("tp"), row.parameter("ep"));
  }
  std::string_view split_by() const override { return "hidden, width, top_k, experts, tp, ep"; }
  double band() const override { return 0.10; }

  // What a library's kernels do not have.
  std::vector<std::pair<std::string_view, double>> fixed(const Device&, std::string_view precision,
                                                         std::string_view library) const override {
    switch (expert_tiling(library)) {
      case ExpertTiling::autotuned:
        return {{"short_step_feed", 1}};
      case ExpertTiling::triton_tuned:
        return {{"short_step_feed", 1}, {"local_expert_us", 0}};
      case ExpertTiling::triton:
        break;
    }
    if (precision == "bf16") return {{"local_expert_us", 0}, {"tile_us", 0}};
    return {{"local_expert_us", 0}, {"short_step_feed", 1}};
  }

  std::vector<std::pair<std::string_view, double>> starts(std::string_view, std::string_view library) const override {
    if (expert_tiling(library) == ExpertTiling::autotuned) return {};
    return {{"fixed_us", 12},          {"pair_ns", 1},   {"feed_gb_per_s", 300}, {"short_step_feed", 0.3},
            {"overlap_exponent", 1.2}, {"step_us", 0.38}};
  }

  Predict predictor(const Device& device, std::span<const Measurement> rows) const override {
    std::vector<FusedOperator> fused;
    std::vector<GroupedProduct> products;
    std::vector<bool> is_fused;
    Loads loads;
    for (const Measurement& row : rows) {
      is_fused.push_back(row.kernel == MeasuredKernel::moe);
      if (is_fused.back()) {
        fused.push_back(fused_operator(device, row, loads));
      } else {
        products.push_back(grouped_product(device, row));
      }
    }
    return [device, fused, products, is_fused](std::span<const double> constants, std::span<double> us) {
      const auto typed = typed_constants(constants, expert_constants());
      auto next_fused = fused.begin();
      auto next_product = products.begin();
      for (std::size_t i = 0; i < is_fused.size(); ++i) {
        us[i] = is_fused[i] ? (next_fused++)->us(typed, device) : (next_product++)->us(typed);
      }
    };
  }

  double roofline_us(const Device& device, const Measurement& row) const override {
    if (row.kernel != MeasuredKernel::moe) return grouped_product(device, row).roofline_us();
    Loads loads;
    return fused_operator(device, row, loads).roofline_us(device);
  }
};

}  // namespace

std::unique_ptr<KernelFitter> expert_fitter() { return std::make_unique<ExpertFitter>(); }

}  // namespace moesim

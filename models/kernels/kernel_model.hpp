#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/caveat.hpp"
#include "models/data_type.hpp"
#include "models/kernels/device.hpp"
#include "models/kernels/expert_model.hpp"
#include "models/kernels/gemm_model.hpp"
#include "models/kernels/kernel_cost.hpp"
#include "models/kernels/kernel_profile.hpp"
#include "models/kernels/row_model.hpp"
#include "sim/units.hpp"

namespace moesim {

// The fractions of the data sheet that kernels reach. Defaults are published figures where there are any, so that an
// uncalibrated answer is of the right size; each says where it is from.
struct KernelEfficiencies {
  // 271 of 312 TFLOP/s on A100, 795 of 989 on H100: the best matrix products of stas00/ml-engineering's MAMF table.
  double gemm_compute_wide = 0.80;  // fp32, tf32, bf16, fp16
  // What is left of deepseek-ai/DeepGEMM's H800 table (README of 2025-02-26; up to 1,358 of 1,979 TFLOP/s) when the
  // writing of the outputs and the last wave are taken out.
  double gemm_compute_narrow = 0.70;  // fp8, int8, fp4
  // 3,036 of 3,350 GB/s on H100 (arXiv:2511.17127).
  double memory_stream = 0.90;
  // Rows gathered or scattered by index. Assumed: rows of several KiB, a little below streaming.
  double memory_scatter = 0.70;
  // From one kernel's end to the next one's first work. Assumed: what CUDA launches in a stream usually take.
  double launch_us = 3;
};

struct GemmTypes {
  DataType input = DataType::bf16;     // Activations and weights as the matrix units read them, fp8 with its scales.
  DataType output = DataType::bf16;    // What is written.
  DataType gradient = DataType::fp32;  // Weight gradients: read, added to, written.
};

// A roofline: time = launch + max(compute, read) + write for matrix products, whose outputs leave when their tile is
// done, and launch + bytes / bandwidth for element-wise work. docs/models/kernels.md derives it.
//
// Matrix products are cut into tiles of 128 x 128 outputs (64 x 128 for a group of at most 64 rows), each computed
// whole by one multiprocessor, so that one row costs as much as 64, and the last wave costs as much as a full one.
class KernelModel {
 public:
  KernelModel(Device device, KernelEfficiencies efficiencies);
  // With the profile's models of products, in those precisions that it has fits for. Everything else stays the roofline
  // above, at the profile's fractions: rows move as fast as its bf16 kernels move them.
  static KernelModel calibrated(Device device, KernelProfile profile);

  // For each group g: outputs [rows[g], n] = inputs [rows[g], k] times weights [k, n] of its own. A group without rows
  // costs nothing, not even reading its weights; without any rows nothing is launched.
  KernelCost grouped_gemm(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                          const GemmTypes& types) const;
  // For each group: gradient [k, n] += inputs [rows[g], k] transposed times output gradients [rows[g], n].
  KernelCost grouped_weight_gradient(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                                     const GemmTypes& types) const;
  KernelCost gemm(std::int64_t m, std::int64_t n, std::int64_t k, const GemmTypes& types) const;
  KernelCost weight_gradient(std::int64_t m, std::int64_t n, std::int64_t k, const GemmTypes& types) const;

  // Element-wise work over this many bytes, read plus written; 0 bytes: nothing is launched.
  KernelCost stream(Bytes bytes) const;
  KernelCost scatter(Bytes bytes) const;  // ... in rows picked by index.
  // Counts, offsets and positions of `rows` on `experts`, for products in `type`; nothing where no profile tells.
  KernelCost sort_rows(std::int64_t rows, std::int64_t experts, DataType type) const;

  // "uncalibrated", or which fits of the profile stand behind the products in `types`; and a "data_type_fallback" for
  // each of them that the device has no unit for.
  std::vector<Caveat> caveats(std::span<const DataType> types) const;
  const KernelFit* gemm_fit(DataType type) const;    // Null: the roofline.
  const KernelFit* expert_fit(DataType type) const;  // The same.
  const std::optional<KernelProfile>& profile() const { return profile_; }
  const Device& device() const { return device_; }
  const KernelEfficiencies& efficiencies() const { return efficiencies_; }

 private:
  double seconds_per_flop_of_one_multiprocessor(DataType type) const;
  KernelCost calibrated_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const GemmTypes& types) const;
  KernelCost calibrated_experts(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                                const GemmTypes& types) const;
  KernelCost roofline_product(std::span<const std::int64_t> rows, std::int64_t n, std::int64_t k,
                              const GemmTypes& types) const;
  KernelCost product(double compute_s, double flops, Bytes inputs, Bytes outputs) const;
  KernelCost element_wise(Bytes bytes, RowOrder order) const;

  // A fit with its constants as the models take them.
  template <class Constants>
  struct Calibrated {
    std::size_t fit;  // In profile_->fits.
    Constants constants;
  };

  Device device_;
  KernelEfficiencies efficiencies_;
  std::optional<KernelProfile> profile_;
  std::array<std::optional<Calibrated<GemmConstants>>, kDataTypes> gemm_;  // By data type.
  std::array<std::optional<Calibrated<ExpertConstants>>, kDataTypes> experts_;
  RowConstants rows_;  // From the efficiencies where no profile has them.
};

// Rows that tiles of a group's `rows` cover: none, 64, or the next multiple of 128.
std::int64_t padded_rows(std::int64_t rows);

// Bytes of a matrix in memory, one scale row by row as on the wire (models/exchange/wire_format.hpp).
Bytes matrix_bytes(std::int64_t rows, std::int64_t columns, DataType type);

}  // namespace moesim

#include "models/kernels/attention_shape.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {

std::string attention_precision(const AttentionTypes& types) {
  return fmt::format("{}/{}", name(types.compute), name(types.cache));
}

KernelCost kernel_cost(const AttentionTime& time) {
  return {.time = Picoseconds::from_us(time.us),
          .flops = time.flops,
          .hbm = {static_cast<std::int64_t>(std::llround(time.hbm_bytes))},
          .bound = time.bound};
}

Bound attention_bound(double launch_us, double compute_us, double memory_us) {
  if (memory_us >= compute_us) return memory_us >= launch_us ? Bound::memory : Bound::launch;
  return compute_us >= launch_us ? Bound::compute : Bound::launch;
}

double causal_pairs(std::int64_t new_tokens, std::int64_t cached) {
  const auto q = static_cast<double>(new_tokens);
  return q * (q + 1) / 2 + q * static_cast<double>(cached);
}

double flop_per_us_of_one(const Device& device, DataType type) {
  return device.peak_flops(type).flop_per_s() * 1e-6 / device.multiprocessors;
}

void check(const AttentionShape& s) {
  MOESIM_CHECK(s.batch > 0 && s.heads > 0 && s.kv_heads > 0 && s.head_dim > 0 && s.heads % s.kv_heads == 0,
               "attention of {} sequences, {} heads, {} of keys, {} wide", s.batch, s.heads, s.kv_heads, s.head_dim);
  MOESIM_CHECK(s.new_tokens > 0 && s.shared >= 0 && s.cached >= s.shared, "{} new tokens, {} cached, {} shared",
               s.new_tokens, s.cached, s.shared);
}

void check(const MlaShape& s) {
  MOESIM_CHECK(s.batch > 0 && s.heads > 0 && s.latent > 0 && s.rope >= 0 && s.nope > 0 && s.value > 0,
               "latent attention of {} sequences, {} heads", s.batch, s.heads);
  MOESIM_CHECK(s.new_tokens > 0 && s.shared >= 0 && s.cached >= s.shared, "{} new tokens, {} cached, {} shared",
               s.new_tokens, s.cached, s.shared);
}

}  // namespace moesim

#include "sim/max_min_certificate.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {
namespace {

struct LinkUse {
  double total = 0;
  double fastest = 0;  // To weight 1.
};

std::optional<std::string> flow_violation(std::size_t f, const SharingFlow& flow, double rate,
                                          std::span<const Bandwidth> capacities, std::span<const LinkUse> use,
                                          double tolerance) {
  if (!(rate > 0)) return fmt::format("flow {} has the rate {} B/s", f, rate);
  if (flow.rate_cap) {
    const double cap = flow.rate_cap->bytes_per_s();
    if (rate > cap * (1 + tolerance)) return fmt::format("flow {} at {} B/s is above its cap of {} B/s", f, rate, cap);
    if (rate >= cap * (1 - tolerance)) return std::nullopt;
  }
  for (const LinkId link : flow.links) {
    const bool saturated = use[link.index()].total >= capacities[link.index()].bytes_per_s() * (1 - tolerance);
    if (saturated && rate / flow.weight >= use[link.index()].fastest * (1 - tolerance)) return std::nullopt;
  }
  return fmt::format("flow {} at {} B/s is below its cap and is a fastest flow on no saturated link", f, rate);
}

}  // namespace

std::optional<std::string> max_min_violation(std::span<const Bandwidth> capacities, std::span<const SharingFlow> flows,
                                             std::span<const double> bytes_per_s, double tolerance) {
  MOESIM_CHECK(bytes_per_s.size() == flows.size(), "{} rates for {} flows", bytes_per_s.size(), flows.size());
  std::vector<LinkUse> use(capacities.size());
  for (std::size_t f = 0; f < flows.size(); ++f) {
    for (const LinkId link : flows[f].links) {
      use[link.index()].total += flows[f].multiplicity * bytes_per_s[f];
      use[link.index()].fastest = std::max(use[link.index()].fastest, bytes_per_s[f] / flows[f].weight);
    }
  }
  for (std::size_t l = 0; l < use.size(); ++l) {
    const double capacity = capacities[l].bytes_per_s();
    if (use[l].total > capacity * (1 + tolerance)) {
      return fmt::format("link {} carries {} B/s of {} B/s", l, use[l].total, capacity);
    }
  }
  for (std::size_t f = 0; f < flows.size(); ++f) {
    if (auto violation = flow_violation(f, flows[f], bytes_per_s[f], capacities, use, tolerance)) return violation;
  }
  return std::nullopt;
}

}  // namespace moesim

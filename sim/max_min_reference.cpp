#include "sim/max_min_reference.hpp"

#include <algorithm>
#include <limits>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr long double kInfinity = std::numeric_limits<long double>::infinity();

struct LinkLoad {
  long double stopped = 0;  // Bytes/s of the flows that have stopped growing.
  long double growing = 0;  // Weight of the flows that have not.
};

std::vector<LinkLoad> link_loads(std::size_t links, std::span<const SharingFlow> flows,
                                 std::span<const long double> rates, const std::vector<bool>& stopped) {
  std::vector<LinkLoad> loads(links);
  for (std::size_t f = 0; f < flows.size(); ++f) {
    for (const LinkId link : flows[f].links) {
      LinkLoad& load = loads[link.index()];
      (stopped[f] ? load.stopped : load.growing) +=
          flows[f].multiplicity * (stopped[f] ? rates[f] : static_cast<long double>(flows[f].weight));
    }
  }
  return loads;
}

}  // namespace

std::vector<long double> max_min_reference(std::span<const Bandwidth> capacities, std::span<const SharingFlow> flows) {
  std::vector<long double> rates(flows.size(), 0);
  std::vector<bool> stopped(flows.size(), false);
  for (std::size_t left = flows.size(); left > 0;) {
    const auto loads = link_loads(capacities.size(), flows, rates, stopped);
    const auto full_at = [&](LinkId link) {
      const LinkLoad& load = loads[link.index()];
      return (capacities[link.index()].bytes_per_s() - load.stopped) / load.growing;
    };
    // How far each flow could grow, to weight 1, if all the others grew with it; the least of these is reached first.
    std::vector<long double> reach(flows.size(), kInfinity);
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (stopped[f]) continue;
      if (flows[f].rate_cap) reach[f] = static_cast<long double>(flows[f].rate_cap->bytes_per_s()) / flows[f].weight;
      for (const LinkId link : flows[f].links) reach[f] = std::min(reach[f], full_at(link));
      MOESIM_CHECK(reach[f] < kInfinity, "flow {} has neither a link nor a rate cap", f);
    }
    const long double level = *std::min_element(reach.begin(), reach.end());
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (stopped[f] || reach[f] > level) continue;
      rates[f] = level * flows[f].weight;
      stopped[f] = true;
      --left;
    }
  }
  return rates;
}

}  // namespace moesim

#include "topologies/graph_fabric.hpp"

#include <algorithm>
#include <limits>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::uint16_t kUnreachable = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kMostPaths = std::numeric_limits<std::uint32_t>::max();

}  // namespace

GraphFabric::GraphFabric(int num_switches, const std::vector<Cable>& cables, std::vector<int> switch_of_nic)
    : switch_of_nic_(std::move(switch_of_nic)), ways_(static_cast<std::size_t>(num_switches)) {
  MOESIM_CHECK(num_switches <= kMostGraphSwitches, "{} switches", num_switches);
  for (const Cable& cable : cables) {
    ways_[static_cast<std::size_t>(cable.a)].push_back({cable.b, cable.there});
    ways_[static_cast<std::size_t>(cable.b)].push_back({cable.a, cable.back});
  }
  rows_.assign(ways_.size(), -1);
  std::vector<int> destinations;
  for (const int at : switch_of_nic_) {
    int& row = rows_[static_cast<std::size_t>(at)];
    if (row >= 0) continue;
    row = static_cast<int>(destinations.size());
    destinations.push_back(at);
  }
  hops_.assign(destinations.size() * ways_.size(), kUnreachable);
  paths_.assign(destinations.size() * ways_.size(), 0);
  for (const int destination : destinations) measure_to(destination);
}

// Breadth first: a switch's paths are those of its neighbours that are one hop nearer. Cables lead both ways.
void GraphFabric::measure_to(int destination) {
  hops_[pair(destination, destination)] = 0;
  paths_[pair(destination, destination)] = 1;
  std::vector<int> reached = {destination};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const int here = reached[i];
    const std::uint16_t hops = hops_[pair(here, destination)];
    for (const Way& way : ways_[static_cast<std::size_t>(here)]) {
      const std::size_t there = pair(way.to, destination);
      if (hops_[there] == kUnreachable) {
        hops_[there] = static_cast<std::uint16_t>(hops + 1);
        reached.push_back(way.to);
      }
      if (hops_[there] != hops + 1) continue;
      const std::uint64_t paths = std::uint64_t{paths_[there]} + paths_[pair(here, destination)];
      paths_[there] = static_cast<std::uint32_t>(std::min(paths, kMostPaths));
    }
  }
}

std::int64_t GraphFabric::num_paths(int from, int to) const {
  return paths_[pair(switch_of_nic_[static_cast<std::size_t>(from)], switch_of_nic_[static_cast<std::size_t>(to)])];
}

void GraphFabric::append_path(int from, int to, std::int64_t index, std::vector<LinkId>& out) const {
  int here = switch_of_nic_[static_cast<std::size_t>(from)];
  const int end = switch_of_nic_[static_cast<std::size_t>(to)];
  std::int64_t left = (to + index) % num_paths(from, to);
  while (here != end) {
    const std::uint16_t hops = hops_[pair(here, end)];
    const Way* chosen = nullptr;
    for (const Way& way : ways_[static_cast<std::size_t>(here)]) {
      if (hops_[pair(way.to, end)] + 1 != hops) continue;
      chosen = &way;
      const std::int64_t beyond = paths_[pair(way.to, end)];
      if (left < beyond) break;
      left -= beyond;
    }
    MOESIM_CHECK(chosen != nullptr, "no way from switch {} to {}", here, end);
    out.push_back(chosen->link);
    here = chosen->to;
  }
}

}  // namespace moesim

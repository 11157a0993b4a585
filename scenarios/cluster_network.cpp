#include "scenarios/cluster_network.hpp"

namespace moesim {
namespace {

Bandwidth used(const Link& link, const LinkUse& use) {
  return (link.link_class == LinkClass::scale_up ? use.scale_up : use.scale_out) * link.capacity;
}

std::vector<LinkSpec> link_specs(const Topology& topology, const LinkUse& use) {
  std::vector<LinkSpec> specs;
  specs.reserve(topology.links().size());
  for (const Link& link : topology.links()) specs.push_back({.capacity = used(link, use), .latency = link.latency});
  return specs;
}

}  // namespace

ClusterNetwork::ClusterNetwork(Simulator& simulator, const Topology& topology, const LinkUse& use)
    : topology_(topology), use_(use), flows_(simulator, link_specs(topology, use)), carried_(topology.links().size()) {}

Bandwidth ClusterNetwork::capacity(LinkId link) const { return used(topology_.links()[link.index()], use_); }

RouteId ClusterNetwork::route(RankId source, RankId destination) {
  MOESIM_CHECK(source != destination, "rank {} sends to itself over the network", source.value);
  const auto from = static_cast<std::uint64_t>(topology_.attachment(source));
  const auto to = static_cast<std::uint64_t>(topology_.attachment(destination));
  // Ranks of one attachment share their routes to everybody else, but not those between themselves.
  const bool same = from == to;
  const std::uint64_t key = same ? (std::uint64_t{1} << 63) | static_cast<std::uint64_t>(source.value) << 31 |
                                       static_cast<std::uint64_t>(destination.value)
                                 : from << 31 | to;
  const auto found = routes_.find(key);
  if (found != routes_.end()) return found->second;
  scratch_.clear();
  topology_.route(source, destination, scratch_);
  const RouteId route = flows_.add_route(scratch_);
  routes_.emplace(key, route);
  return route;
}

}  // namespace moesim

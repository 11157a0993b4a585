#include "scenarios/equal_exchange.hpp"

#include <algorithm>
#include <vector>

namespace moesim {
namespace {

bool all_equal(const ExchangePlan& plan) {
  const Message& first = plan.messages.front();
  return std::all_of(plan.messages.begin(), plan.messages.end(), [&](const Message& message) {
    return message.bytes == first.bytes && message.multiplicity == 1 && message.pacing == first.pacing &&
           message.lead == first.lead && message.waits_for_source && message.num_waits == 0;
  });
}

}  // namespace

std::optional<EqualExchange> equal_exchange(const ExchangePlan& plan, ClusterNetwork& network, std::size_t max_flows) {
  if (plan.messages.size() <= max_flows || plan.message_rate_cap || !all_equal(plan)) return std::nullopt;
  const Message& first = plan.messages.front();
  if (first.pacing > Picoseconds::zero()) return std::nullopt;

  const Topology& topology = network.topology();
  const auto links = topology.links();
  std::vector<std::int64_t> flows(links.size());
  std::vector<LinkId> route;
  RankId source;
  RankId destination;
  EqualExchange exchange;
  for (const Message& message : plan.messages) {
    // Neighbouring messages often share their route (the cores of a chip), which is dear to find.
    const bool same_route = !route.empty() && topology.attachment(message.source) == topology.attachment(source) &&
                            topology.attachment(message.destination) == topology.attachment(destination) &&
                            topology.attachment(source) != topology.attachment(destination);
    if (!same_route) {
      source = message.source;
      destination = message.destination;
      route.clear();
      topology.route(source, destination, route);
    }
    Picoseconds latency = plan.message_overhead + message.lead;
    for (const LinkId link : route) {
      ++flows[link.index()];
      latency += links[link.index()].latency;
    }
    exchange.latency = std::max(exchange.latency, latency);
  }
  double seconds = 0;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const Bytes bytes = flows[i] * first.bytes;
    const LinkId link{static_cast<std::int64_t>(i)};
    network.carry(link, bytes);
    seconds = std::max(seconds, static_cast<double>(bytes.count) / network.capacity(link).bytes_per_s());
  }
  exchange.time = Picoseconds::from_seconds(seconds) + exchange.latency;
  return exchange;
}

}  // namespace moesim

#pragma once

#include <optional>

#include "models/exchange/exchange_plan.hpp"
#include "scenarios/cluster_network.hpp"

namespace moesim {

// An exchange of equal messages that all leave at once, as compilers with static shapes make them. Its time needs no
// simulation: max-min sharing never gives a flow less than the least capacity / flows on its route, so a message over
// the link with the largest flows / capacity gets exactly that link's share from first to last, and none ends later.
//
//   bytes * max over links (flows / capacity)  <=  time  <=  the same + the longest route's latency
//
// docs/models/flow_network.md derives it; a test holds it against the simulated exchange.
struct EqualExchange {
  Picoseconds time;     // The upper bound.
  Picoseconds latency;  // Of the longest route: how much less it can be.
};

// Above this many flows an equal exchange is not simulated flow by flow.
inline constexpr std::size_t kMaxEqualFlows = 20'000;

// Empty if the messages differ, wait for one another, or are few enough to simulate. Otherwise also books their bytes
// on the links.
std::optional<EqualExchange> equal_exchange(const ExchangePlan& plan, ClusterNetwork& network,
                                            std::size_t max_flows = kMaxEqualFlows);

}  // namespace moesim

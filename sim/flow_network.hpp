#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/ids.hpp"
#include "sim/simulator.hpp"
#include "sim/units.hpp"

namespace moesim {

// One direction of a link.
struct LinkSpec {
  Bandwidth capacity;   // Shared by the flows that cross it.
  Picoseconds latency;  // Added once for each flow that crosses it.
};

struct FlowSpec {
  RouteId route;
  Bytes bytes;                        // 0 is allowed: it takes the route's latency alone.
  Picoseconds start_up;               // The sender's cost before the first byte leaves (a message's overhead).
  std::optional<Bandwidth> rate_cap;  // What the sender or receiver can do at most, whatever the links allow.
  std::int32_t multiplicity = 1;      // This many identical flows, each of `bytes`, told of as one.
  std::uint64_t tag = 0;              // Handed back when the flow ends.
};

class FlowListener {
 public:
  virtual ~FlowListener() = default;
  // The flow's last byte has arrived. May start new flows.
  virtual void on_flow_finished(FlowId flow, std::uint64_t tag) = 0;
};

// Told of the sum of the rates on a link each time that it changes, for traces. Called in order of time.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;
  virtual void on_link_rate(LinkId link, Picoseconds at, double bytes_per_s) = 0;
};

// Flows that share links as a fluid: at every instant the rates are max-min fair, that is, no flow can be given more
// without taking from one that has no more than it. A flow waits for `start_up` plus the latencies of its route, then
// its bytes drain at its rate (the convention of SimGrid's CM02 model). docs/models/flow_network.md has the theory.
class FlowNetwork final : public EventHandler {
 public:
  FlowNetwork(Simulator& simulator, std::span<const LinkSpec> links);

  // Stores an ordered list of links; a route without links is a copy that costs no link (its flows need a rate cap).
  RouteId add_route(std::span<const LinkId> links);
  // Starts now. All flows that start at one instant are shared out together.
  FlowId start(const FlowSpec& flow);
  void set_listener(FlowListener* listener);
  void set_observer(LinkObserver* observer);

  Bytes bytes_carried(LinkId link) const;     // Whole bytes of the flows that crossed the link and have finished.
  double rate_bytes_per_s(FlowId flow) const;  // Of one copy of the flow, now; 0 before it drains and after.
  std::size_t live_flows() const;

  void on_event(std::uint64_t payload) override;
};

}  // namespace moesim

#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/flow_quotient.hpp"
#include "sim/ids.hpp"
#include "sim/max_min.hpp"
#include "sim/simulator.hpp"
#include "sim/units.hpp"

namespace moesim {

// One direction of a link.
struct LinkSpec {
  Bandwidth capacity;   // Shared by the flows that cross it.
  Picoseconds latency;  // Added once for each flow that crosses it.
};

struct FlowSpec {
  RouteId route{};
  Bytes bytes{};                        // 0 is allowed: it takes the start-up and the route's latency alone.
  Picoseconds start_up{};               // The sender's cost before the first byte leaves (a message's overhead).
  std::optional<Bandwidth> rate_cap{};  // What the sender or receiver can do at most, whatever the links allow.
  std::int32_t multiplicity = 1;        // This many identical flows, each of `bytes`, told of as one.
  std::int32_t weight = 1;              // Its share of a full link, to that of others there (3 and 2 for 1.5 to 1).
  std::uint64_t tag = 0;                // Handed back when the flow ends.
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

// Flows that share links as a fluid: at every instant the rates, each divided by the flow's weight, are max-min fair,
// that is, no flow can be given more without taking from one that has no more than it. A flow waits for `start_up` plus
// the latencies of its route, then its bytes drain at its rate (the convention of SimGrid's CM02 model).
// docs/models/flow_network.md has the theory.
//
// The fluid lives between picoseconds; what is told of it is rounded up to the next. Flows that end at one instant are
// told of in the order in which they were started.
class FlowNetwork final : public EventHandler {
 public:
  FlowNetwork(Simulator& simulator, std::span<const LinkSpec> links);
  FlowNetwork(const FlowNetwork&) = delete;
  FlowNetwork& operator=(const FlowNetwork&) = delete;

  // Stores an ordered list of links, none twice; a route without links is a copy that costs no link (its flows need a
  // rate cap).
  RouteId add_route(std::span<const LinkId> links);
  // Starts now. All flows that start at one instant are shared out together. The id is the flow's until its end has
  // been told; then another flow may get it.
  FlowId start(const FlowSpec& flow);
  void set_listener(FlowListener* listener) { listener_ = listener; }
  // Best set before the first flow starts: from then on account is kept of every link, which takes time.
  void set_observer(LinkObserver* observer);

  Bytes bytes_carried(LinkId link) const { return carried_[link.index()]; }  // Of the flows that have finished.
  double rate_bytes_per_s(FlowId flow) const;  // Of each of its copies; 0 while it does not drain.
  std::size_t live_flows() const { return live_; }
  std::uint64_t sharings() const { return sharings_; }  // How often rates have been shared out anew.
  // How often that meant looking at a link, or at a class of links.
  std::uint64_t link_visits() const {
    return link_visits_ + shares_.visits() + (quotient_ ? quotient_->shares.visits() : 0);
  }

  // What a flow takes of its links may be given to others a little before or after it ends: by no more than this part
  // of the time that it has drained. Ends that are close are then shared out together, which is much faster. 0 is
  // exact. docs/models/flow_network.md has what is known of the error. Only before the first flow starts.
  void set_tolerance(double relative);

  // Whether flows that are alike, by size and by where they go, may be simulated as one (flow_classes.hpp): they are
  // where it is worth it, and nobody observes links. The answer is the same but for rounding. On unless switched off.
  void use_classes(bool use) { use_classes_ = use; }
  // Flows that have drained as members of classes, and the classes; both count anew what is told apart anew.
  std::uint64_t flows_in_classes() const { return flows_in_classes_; }
  std::uint64_t classes() const { return classes_; }

  // Why the rates of this instant are not max-min fair (max_min_certificate.hpp); nothing if they are.
  std::optional<std::string> violation(double tolerance = 1e-9) const;
  // Has violation() checked after each sharing; slow. A violation is an InternalError.
  void check_every_sharing() { check_every_sharing_ = true; }

  void on_event(std::uint64_t payload) override;

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr double kNoCap = std::numeric_limits<double>::infinity();

  struct Flow {
    RouteId route;
    std::int32_t multiplicity = 0;  // 0: no flow has this id.
    Bytes bytes;
    double rate_cap = kNoCap;  // bytes/s
    std::uint64_t tag = 0;
    std::uint64_t order = 0;  // Number of flows started before it.
    std::int32_t weight = 1;
    std::int32_t next = kNone;      // In its batch, or among the free ids.
    std::int32_t in_class = kNone;  // While it drains as a member of one.
  };

  // Flows that begin to drain at the same time; one event for all of them.
  struct Batch {
    Picoseconds at;
    std::int32_t first = kNone;
    std::int32_t last = kNone;
  };

  // A flow that drains on outside the sharing until its end, which is known.
  struct Coasting {
    Picoseconds end;
    std::int32_t flow;
  };

  // An end to be told of, by order of start.
  struct Ended {
    std::uint64_t order;
    std::int32_t flow;
  };

  MaxMinShares& active() { return quotient_ ? quotient_->shares : shares_; }
  const MaxMinShares& active() const { return quotient_ ? quotient_->shares : shares_; }
  bool join_as_classes(double now);
  void leave_classes();
  void end_quotient();
  FlowKind kind(const Flow& flow, double bytes, double begin) const;
  void take_finished(double at);
  std::int32_t take_id();
  void begin_later(std::int32_t flow, Picoseconds at);
  void begin_batch(std::size_t batch);
  void wake_at(Picoseconds at);
  void wake();
  void end_due_flows();
  void begin_joining_flows();
  void release(double now);
  void add_to_shares(std::int32_t id, double bytes_of_weight, double begin);
  void share_out();
  void tell_ends();
  void tell_observer();
  Picoseconds rounded_up(double local) const;
  double local(Picoseconds at) const { return static_cast<double>((at - origin_).count); }

  Simulator& simulator_;
  MaxMinShares shares_;
  std::unique_ptr<FlowQuotient> quotient_;  // All that drain, if it is there: shares_ has none then.
  bool use_classes_ = true;
  FlowListener* listener_ = nullptr;
  LinkObserver* observer_ = nullptr;
  bool check_every_sharing_ = false;
  std::uint64_t sharings_ = 0;
  std::uint64_t link_visits_ = 0;  // In quotients that are gone.
  std::uint64_t flows_in_classes_ = 0;
  std::uint64_t classes_ = 0;
  std::uint64_t started_ = 0;
  std::size_t live_ = 0;

  Picoseconds origin_;                     // Where the clock of shares_ has its zero.
  std::optional<Picoseconds> next_wake_;   // Other wake events are out of date.
  std::vector<Picoseconds> link_latency_;  // [links]
  std::vector<Picoseconds> latency_;       // [routes]
  std::vector<Bandwidth> capacities_;      // [links]
  std::vector<Bytes> carried_;             // [links]
  std::vector<double> told_rates_;         // [links] As the observer knows them.
  std::vector<Flow> flows_;                // [ids]
  std::int32_t free_id_ = kNone;
  std::vector<std::int32_t> joining_;  // Begin to drain at this instant.
  std::vector<std::int32_t> finished_;
  std::vector<std::int32_t> finished_classes_;
  std::vector<EarlyRelease> early_;
  std::vector<Coasting> coasting_;  // A heap, the earliest end first.
  std::vector<Ended> ended_;
  std::vector<Batch> batches_;
  std::vector<std::size_t> free_batches_;
  // The batches opened last; a flow that begins at the time of one of them is added to it.
  std::array<std::optional<std::size_t>, 4> open_batches_;
  std::size_t next_open_ = 0;
};

}  // namespace moesim

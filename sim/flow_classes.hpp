#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/ids.hpp"
#include "sim/route_table.hpp"

namespace moesim {

// What flows must have in common to be alike, apart from where they go.
struct FlowKind {
  double bytes;         // Still to drain.
  double begin;         // When it began to, ps.
  double cap;           // bytes/s; infinity for none.
  std::int64_t weight;  // Of all its copies.

  friend bool operator==(const FlowKind&, const FlowKind&) = default;
};

// Classes of flows and of links such that every link of a class has the same capacity and is crossed by equally many
// flows of each class, and every flow of a class is of one kind and crosses equally many links of each class (an
// equitable partition). Flows of one class then have one rate and end together, so that one flow that weighs as much as
// all of them can stand for a class, and one link as wide as all of them for a class of links: the quotient.
// docs/models/flow_network.md has the proof.
//
// Found by colour refinement: flows are told apart by the links that they cross, links by the flows that cross them,
// until nothing more is told apart. That works on hashes; the classes that come out are checked without them.
class FlowClasses {
 public:
  struct Class {
    FlowKind kind;
    std::vector<LinkId> links;  // Of the quotient; empty if the route is.
  };

  void add(RouteId route, const FlowKind& kind);
  // False, and the rest is of no use, if there are more classes than one to kLeastFlows flows, or if they have no
  // quotient. `routes` must be up to date; only links that count do.
  bool find(const RouteTable& routes, std::span<const double> capacities);

  std::size_t size() const { return begin_.size() - 1; }
  Class of(std::size_t c) const;
  // Flows of a class, by their number in the order of add().
  std::span<const std::int32_t> members(std::size_t c) const {
    return {members_.data() + begin_[c], members_.data() + begin_[c + 1]};
  }
  const std::vector<double>& capacities() const { return quotient_capacities_; }  // bytes/s [links of the quotient]

 private:
  static constexpr std::size_t kLeastFlows = 2;

  struct LinkClass {
    double capacity = 0;             // Of one.
    std::int64_t size = 0;           // Links that any flow crosses.
    std::int64_t times_crossed = 0;  // By each flow that crosses any of them.
  };

  bool tell_flows_apart();
  bool tell_links_apart();
  void sort_by_class();
  bool make_quotient();
  bool is_even(std::size_t c);
  std::span<const LinkId> links(std::int32_t flow) const {
    return routes_->counting_links(route_[static_cast<std::size_t>(flow)]);
  }
  std::vector<std::int32_t> link_classes(std::int32_t flow) const;

  const RouteTable* routes_ = nullptr;  // In and after find().
  std::span<const double> capacities_;
  std::vector<FlowKind> kinds_;
  std::vector<RouteId> route_;             // [flows]
  std::vector<std::int32_t> kind_;         // [flows]
  std::vector<std::int32_t> class_;        // [flows]
  std::vector<std::int32_t> link_class_;   // [links]
  std::vector<std::uint64_t> crossed_by_;  // [links] A hash of what crosses it; then how many flows of a class do.
  std::size_t num_classes_ = 0;
  std::size_t num_link_classes_ = 0;
  std::vector<std::uint32_t> begin_;   // [classes + 1] In members_.
  std::vector<std::int32_t> members_;  // [flows]
  std::vector<LinkClass> link_classes_;
  std::vector<double> quotient_capacities_;
};

}  // namespace moesim

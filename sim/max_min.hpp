#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "sim/ids.hpp"
#include "sim/level_queue.hpp"
#include "sim/max_min_fill.hpp"
#include "sim/max_min_parts.hpp"
#include "sim/place_pool.hpp"
#include "sim/rate_caps.hpp"
#include "sim/route_table.hpp"
#include "sim/units.hpp"

namespace moesim {

// Flows that drain through shared links at max-min fair rates, and when each of them ends. Knows no events: its owner
// moves time on. Rates are settled anew only where a change reaches (docs/models/flow_network.md has the algorithm):
//
//   Every link has a level: the rate of the flows that it holds back (its own flows), or infinity if it holds back
//   none. A flow's rate is the least level on its route: that link is its bottleneck. A level is consistent if the
//   link's own flows share evenly what the others, held back elsewhere, leave of its capacity. If all levels are
//   consistent, the rates are max-min fair.
//
// A rate cap is a link whose level never changes ("constraint" means either). The flows of one bottleneck have one
// rate, so they share a clock that counts the bytes each of them has drained; a flow ends when the clock reads its
// virtual finish. Time is in picoseconds since the owner's origin, as double; rates are bytes/s.
class MaxMinShares : private MaxMinParts {
 public:
  explicit MaxMinShares(std::span<const double> capacities);  // bytes/s [links], each positive

  RouteId add_route(std::span<const LinkId> links) { return routes_.add(links); }  // No link twice.
  std::span<const LinkId> links(RouteId route) const { return routes_.links(route); }

  // What a flow takes of its links may be given to others before or after it ends, by no more than this part of its
  // age. 0: at its end.
  void set_tolerance(double relative) { tolerance_ = relative; }
  double tolerance() const { return tolerance_; }
  // Keeps account of every link, also of those that can never be a bottleneck: for link_rate() and touched().
  void keep_all_links();

  // A flow that counts `weight` times on its links, under a number that is not in use; its owner's to choose. The cap
  // and `bytes` > 0 are those of a part of weight 1: what is told of rates is, too.
  // It began to drain at `begin`, now or before: its age counts from then.
  void add(std::int32_t flow, RouteId route, std::optional<Bandwidth> rate_cap, std::int64_t weight, double bytes,
           double begin);
  // Settles the rates after all that was added or taken since. The rest of this class needs it to be up to date.
  void share_out();
  // When the next flows end; infinity if none is left.
  double next_finish() const { return next_finish_; }
  // How far after `now` an end may lie and still count as one at `now`: the rounding of the clocks.
  static double same_instant_ps(double now);
  // Moves time on to `now`, not beyond next_finish() or next_release(), and tells of the flows that have ended, in no
  // useful order. With a tolerance they keep what they take of their links until release().
  void take_finished(double now, std::vector<std::int32_t>& finished);
  bool keeps_ended() const { return tolerance_ > 0; }
  // When what ended flows have kept must be released at the latest; infinity if there is nothing to release.
  double next_release() const { return next_release_; }
  // Frees what ended flows have kept, and takes out flows that end soon enough: they drain on outside the sharing, at
  // the rate that they have now. share_out() must follow.
  void release(double now, std::vector<EarlyRelease>& early);
  void advance(double now) { now_ = now; }
  // Sets time back to zero; only while no flow is left.
  void restart_clock();

  // Which links of each route count, and what of the others, after routes have been added. Sharing does it by itself.
  void update_routes();
  const RouteTable& routes() const { return routes_; }
  std::span<const double> capacities() const { return {capacities_.data(), num_links_}; }  // bytes/s [links]

  std::size_t draining() const { return draining_; }
  double rate(std::int32_t flow) const;  // Of weight 1; 0 for a number not in use.
  double left(std::int32_t flow);        // Bytes of a part of weight 1; 0 for a number not in use.
  double begin(std::int32_t flow) const { return flows_[at(flow)].begin; }  // Of one that drains.
  double link_rate(LinkId link) const;  // Of all flows on the link; needs keep_all_links().
  // Links whose rate may have changed in the last share_out(), each once; needs keep_all_links().
  std::span<const std::int32_t> touched() const { return touched_; }
  std::uint64_t visits() const { return visits_; }  // Links settled since the beginning.

 private:
  friend class MaxMinFill;

  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr double kSecondsPerPs = 1e-12;

  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }
  Constraint no_constraint() const { return static_cast<Constraint>(num_links_); }
  bool is_link(Constraint c) const { return at(c) < num_links_; }
  std::span<const LinkId> route_of(std::int32_t flow) const { return routes_.counting_links(flows_[at(flow)].route); }

  // max_min.cpp: flows come and go, time passes.
  void add_constraint(double capacity, double level);
  void insert(std::int32_t flow);
  Constraint first_bottleneck(std::int32_t flow);
  void remove(const VirtualFinish& entry, Constraint bottleneck);
  void take_due(Constraint constraint, double latest);
  void free_kept();
  void take_early(Constraint constraint, std::vector<EarlyRelease>& early);
  double finish_of(Constraint constraint, const VirtualFinish& entry) const;
  void rebuild();
  void advance_clock(Constraint constraint);
  void update_finishes();

  // max_min_settle.cpp: levels after a change.
  void settle_all();
  void settle(Constraint link);
  void rise(Constraint link);
  double least_level(std::span<const Constraint> constraints) const;
  void fall(Constraint link, double floor);
  void find_joiners(Constraint link, double floor);
  double level_with_joiners(Constraint link, double floor);
  void spread(Constraint link, double change, double level);
  void move(std::int32_t flow, Constraint from, Constraint to, double old_rate, double new_rate);
  void prefetch(std::size_t i, Constraint from, Constraint to) const;
  // Where a link stands on the route of a flow that has one other constraint.
  std::uint32_t place_on_route(Constraint link, Constraint other) const { return is_link(other) && link > other; }
  void set_level(Constraint link, double level);
  void add_up_slack(Constraint link);
  void open(Constraint link);
  void close(Constraint link);
  bool is_closed(Constraint link) const;
  void enqueue(Constraint link);
  // Flows on the link have got faster by `change` in all.
  void use(Constraint link, double change) {
    Balance& balance = balance_[at(link)];
    balance.slack -= change;
    if (balance.slack < balance.low || balance.slack > balance.high) [[unlikely]]
      enqueue(link);
  }
  Constraint bottleneck_without(std::int32_t flow, Constraint link) const;

  // max_min_lists.cpp: which flows are where.
  void put_in_own(VirtualFinish own, Constraint constraint);
  VirtualFinish take_from_own(std::int32_t flow, Constraint constraint);
  double bytes_left(std::int32_t flow) const;
  void put_elsewhere(std::int32_t flow, Constraint link, std::uint32_t place);
  void take_elsewhere(Constraint link, std::uint32_t place);
  VirtualFinish make_own(std::int32_t flow, Constraint constraint) const;
  static bool is_uneven(const VirtualFinish& own) { return own.other == kNone; }
  // Does not look at the flow unless it must: where it is in memory is far from where the entry is.
  std::int64_t own_weight(const VirtualFinish& own) const { return own.other != kNone ? 1 : weights_[at(own.flow)]; }
  double weight_of(std::int32_t flow) const { return static_cast<double>(weights_[at(flow)]); }
  void mark_changed(Constraint constraint);

  std::size_t num_links_;
  double tolerance_ = 0;
  double now_ = 0;
  std::size_t draining_ = 0;
  std::uint64_t visits_ = 0;
  bool observed_ = false;  // Keeps account of `touched_`.

  RouteTable routes_;
  RateCaps caps_;

  // [constraints]
  std::vector<double> capacities_;
  std::vector<double> levels_;  // bytes/s; infinity for a link that holds nothing back.
  std::vector<Balance> balance_;
  std::vector<std::uint8_t> changed_;  // In changed_list_, for its level or first finish.
  std::vector<std::uint8_t> is_touched_;
  std::vector<State> states_;
  std::vector<double> finishes_;        // When the first of its own flows ends.
  std::vector<double> finishes_of_64_;  // The least of each 64 of them.
  double next_finish_ = kInfinity;      // The least of all.

  // [flows]
  std::vector<Flow> flows_;
  std::vector<std::int64_t> weights_;
  std::vector<Constraint> bottlenecks_;      // kNone while the flow does not drain.
  std::vector<std::int32_t> places_in_own_;  // In the bottleneck's heap.
  PlacePool places_;

  LevelQueue queue_;
  std::vector<std::int32_t> added_;
  std::vector<Constraint> changed_list_;
  std::vector<Constraint> touched_;
  std::vector<Candidate> candidates_;
  std::vector<VirtualFinish> due_;
  std::vector<Kept> kept_;
  double next_release_ = kInfinity;
  MaxMinFill fill_;
};

}  // namespace moesim

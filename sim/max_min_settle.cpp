// How the levels of MaxMinShares become consistent again after a change. A link is settled by giving it the level at
// which its flows, each held to the least level of its other constraints, fill it exactly. Other links for which that
// changes anything go on the queue; the queue runs from low levels to high, because a level depends on lower levels
// alone.
#include <algorithm>
#include <cmath>

#include "sim/check.hpp"
#include "sim/max_min.hpp"

namespace moesim {
namespace {

// Settling a level stops where what it would change is rounding. Finish times are then off by some 1e-12, relative.
constexpr double kRounding = 1e-12;
// A link is not saturated before its flows exceed it by more than the rounding of their sum.
constexpr double kOverload = 1e-12;
// `slack` is kept up to date by adding what changes; it is added up anew after so many visits to a link, so that
// rounding cannot pile up.
constexpr std::uint32_t kVisitsToAddUp = 256;
// Visits per link and change after which something is wrong: in practice a link is visited once or twice.
constexpr std::size_t kMaxVisits = 1000;

}  // namespace

// Lets the link be put on the queue, once its slack is more than what a consistent level leaves.
void MaxMinShares::open(Constraint link) {
  Balance& balance = balance_[at(link)];
  const auto weight = static_cast<double>(states_[at(link)].weight);
  if (observed_) {
    balance.low = kInfinity;  // Any change: an observer wants to know.
    balance.high = -kInfinity;
  } else if (weight == 0) {
    balance.low = -kOverload * capacities_[at(link)];
    balance.high = kInfinity;
  } else {
    balance.high = kRounding * weight * levels_[at(link)];
    balance.low = -balance.high;
  }
}

void MaxMinShares::close(Constraint link) {
  balance_[at(link)].low = -kInfinity;
  balance_[at(link)].high = kInfinity;
}

bool MaxMinShares::is_closed(Constraint link) const {
  return balance_[at(link)].low == -kInfinity && balance_[at(link)].high == kInfinity;
}

void MaxMinShares::enqueue(Constraint link) {
  if (is_closed(link)) return;
  close(link);
  queue_.push(link, levels_[at(link)]);
}

void MaxMinShares::settle_all() {
  std::size_t budget = kMaxVisits * (num_links_ + 1);
  while (!queue_.empty()) {
    MOESIM_CHECK(budget-- > 0, "levels of {} links and {} flows do not settle", num_links_, draining_);
    const Constraint link = queue_.pop();
    ++visits_;
    if (++states_[at(link)].visits % kVisitsToAddUp == 0) add_up_slack(link);
    settle(link);
    open(link);
    if (observed_ && !is_touched_[at(link)]) {
      is_touched_[at(link)] = 1;
      touched_.push_back(link);
    }
  }
}

// The link stays closed meanwhile.
void MaxMinShares::settle(Constraint link) {
  const State& state = states_[at(link)];
  Balance& balance = balance_[at(link)];
  if (state.weight == 0) {
    if (state.elsewhere.empty()) balance.slack = capacities_[at(link)];
    if (balance.slack >= -kOverload * capacities_[at(link)]) {
      levels_[at(link)] = kInfinity;
    } else {
      fall(link, 0);
    }
    return;
  }
  const auto weight = static_cast<double>(state.weight);
  if (std::abs(balance.slack) <= kRounding * weight * levels_[at(link)]) return;
  if (balance.slack > 0) {
    rise(link);
  } else {
    fall(link, levels_[at(link)] + balance.slack / weight);
  }
}

// The own flows can have more. Those that another link holds to less than the new level leave for that link.
void MaxMinShares::rise(Constraint link) {
  const State& state = states_[at(link)];
  const double old_level = levels_[at(link)];
  auto& leavers = candidates_;
  leavers.clear();
  std::int64_t weight = state.weight;
  double left = balance_[at(link)].slack + static_cast<double>(weight) * old_level;
  double level = old_level + balance_[at(link)].slack / static_cast<double>(weight);
  if (state.uneven == 0 && least_level(state.own.others()) >= level) {
    set_level(link, level);
    return;
  }
  for (double floor = 0; weight > 0;) {
    // Each leaver raises the level for those that stay, and so may make others leave.
    const std::size_t before = leavers.size();
    const auto others = state.own.others();
    for (std::size_t i = 0; i < others.size(); ++i) {
      const std::int32_t flow = state.own.entries()[i].flow;
      const Constraint other = others[i] != kNone ? others[i] : bottleneck_without(flow, link);
      const double rest = levels_[at(other)];
      if (rest < level && rest >= floor) [[unlikely]]
        leavers.push_back({flow, other, rest});
    }
    if (leavers.size() == before) break;
    for (std::size_t i = before; i < leavers.size(); ++i) {
      left -= weight_of(leavers[i].flow) * leavers[i].level;
      weight -= weights_[at(leavers[i].flow)];
    }
    floor = level;
    level = weight > 0 ? left / static_cast<double>(weight) : kInfinity;
  }
  for (std::size_t i = 0; i < leavers.size(); ++i) {
    prefetch(i, link, kNone);
    move(leavers[i].flow, link, leavers[i].other, old_level, leavers[i].level);
  }
  set_level(link, level);
}

double MaxMinShares::least_level(std::span<const Constraint> constraints) const {
  // Four at a time, since each comparison would wait for the one before it.
  double least[4] = {kInfinity, kInfinity, kInfinity, kInfinity};
  const double* const levels = levels_.data();
  std::size_t i = 0;
  for (; i + 4 <= constraints.size(); i += 4) {
    for (std::size_t j = 0; j < 4; ++j) least[j] = std::min(least[j], levels[constraints[i + j]]);
  }
  for (; i < constraints.size(); ++i) least[0] = std::min(least[0], levels[constraints[i]]);
  return std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
}

// The own flows, if any, must have less, but not less than `floor`. Flows held back elsewhere to more than the new
// level get their bottleneck here.
void MaxMinShares::fall(Constraint link, double floor) {
  auto& joiners = candidates_;
  joiners.clear();
  double level = floor;
  if (balance_[at(link)].highest_elsewhere > floor) {
    find_joiners(link, floor);
    level = level_with_joiners(link, floor);
  }
  set_level(link, level);
  for (std::size_t i = 0; i < joiners.size(); ++i) {
    prefetch(i, kNone, link);
    move(joiners[i].flow, joiners[i].other, link, joiners[i].level, level);
  }
}

void MaxMinShares::find_joiners(Constraint link, double floor) {
  double highest = 0;
  for (const Elsewhere& entry : states_[at(link)].elsewhere) {
    const Constraint bottleneck = bottlenecks_[at(entry.flow)];
    const double rate = levels_[at(bottleneck)];
    if (rate > floor) {
      candidates_.push_back({entry.flow, bottleneck, rate});
    } else {
      highest = std::max(highest, rate);
    }
  }
  balance_[at(link)].highest_elsewhere = highest;
}

// The level at which the link's own flows and `candidates_` fill it; leaves in `candidates_` those at that level.
double MaxMinShares::level_with_joiners(Constraint link, double floor) {
  std::int64_t weight = states_[at(link)].weight;
  double left = balance_[at(link)].slack;
  if (weight > 0) left += static_cast<double>(weight) * levels_[at(link)];
  for (const Candidate& joiner : candidates_) {
    left += weight_of(joiner.flow) * joiner.level;
    weight += weights_[at(joiner.flow)];
  }
  double level = floor;
  for (bool all_at_level = candidates_.empty(); !all_at_level && weight > 0;) {
    level = left / static_cast<double>(weight);
    std::size_t kept = 0;
    for (const Candidate& joiner : candidates_) {
      if (joiner.level > level) {
        candidates_[kept++] = joiner;
      } else {
        left -= weight_of(joiner.flow) * joiner.level;
        weight -= weights_[at(joiner.flow)];
        balance_[at(link)].highest_elsewhere = std::max(balance_[at(link)].highest_elsewhere, joiner.level);
      }
    }
    all_at_level = kept == candidates_.size();
    candidates_.resize(kept);
  }
  return weight > 0 ? level : kInfinity;
}

// Gives the link a level, and tells the other links of its own flows that these are faster or slower now.
void MaxMinShares::set_level(Constraint link, double level) {
  const State& state = states_[at(link)];
  const double change = level - levels_[at(link)];
  advance_clock(link);
  levels_[at(link)] = level;
  mark_changed(link);
  if (state.weight == 0) return;
  balance_[at(link)].slack -= static_cast<double>(state.weight) * change;
  spread(link, change, level);
}

void MaxMinShares::spread(Constraint link, double change, double level) {
  const State& state = states_[at(link)];
  if (state.uneven == 0) {
    // The loops that most time is spent in. Slack that shrinks can but leave its range below, and the other way round.
    Balance* const balance = balance_.data();
    if (change < 0) {
      for (const Constraint c : state.own.others()) {
        Balance& other = balance[c];
        other.slack -= change;
        if (other.slack > other.high) [[unlikely]]
          enqueue(c);
      }
    } else {
      for (const Constraint c : state.own.others()) {
        Balance& other = balance[c];
        other.highest_elsewhere = std::max(other.highest_elsewhere, level);
        other.slack -= change;
        if (other.slack < other.low) [[unlikely]]
          enqueue(c);
      }
    }
  } else {
    for (const VirtualFinish& own : state.own.entries()) {
      for (const LinkId other : route_of(own.flow)) {
        if (other.value == link) continue;
        Balance& balance = balance_[other.index()];
        balance.highest_elsewhere = std::max(balance.highest_elsewhere, level);
        use(other.value, weight_of(own.flow) * change);
      }
    }
  }
}

// Has what moves of later candidates will touch brought from memory: most of a move is waiting for that. The one of
// `from` and `to` that is the candidates' own is not given.
void MaxMinShares::prefetch(std::size_t i, Constraint from, Constraint to) const {
  constexpr std::size_t kFlows = 12;   // So far ahead what is known of the flow,
  constexpr std::size_t kPlaces = 8;   // where it is in lists,
  constexpr std::size_t kEntries = 4;  // and the entries there.
  if (i + kFlows < candidates_.size()) {
    const std::size_t flow = at(candidates_[i + kFlows].flow);
    __builtin_prefetch(&flows_[flow]);
    __builtin_prefetch(&places_in_own_[flow]);
    __builtin_prefetch(&bottlenecks_[flow]);
  }
  if (i + kPlaces < candidates_.size()) {
    const Candidate& later = candidates_[i + kPlaces];
    places_.prefetch(flows_[at(later.flow)].places);
    const State& state = states_[at(from != kNone ? from : later.other)];
    __builtin_prefetch(state.own.entries().data() + places_in_own_[at(later.flow)]);
  }
  if (i + kEntries < candidates_.size()) {
    const Candidate& later = candidates_[i + kEntries];
    const Constraint source = from != kNone ? from : later.other;
    const Constraint target = to != kNone ? to : later.other;
    const auto& own = states_[at(source)].own.entries();
    __builtin_prefetch(&places_in_own_[at(own.back().flow)]);
    const auto& list = states_[at(target)].elsewhere;
    if (!is_link(target) || states_[at(source)].uneven != 0) return;
    __builtin_prefetch(list.data() + places_.at(flows_[at(later.flow)].places + place_on_route(target, source)));
  }
}

// The flow gets another bottleneck and with it, in place of the old rate, the new rate: the level of `to`.
void MaxMinShares::move(std::int32_t flow, Constraint from, Constraint to, double old_rate, double new_rate) {
  const bool two_constraints = states_[at(from)].uneven == 0;
  VirtualFinish own = take_from_own(flow, from);
  if (own.other != kNone) own.other = from;  // It has these two constraints.
  put_in_own(own, to);
  std::uint32_t place = flows_[at(flow)].places;
  if (two_constraints) {
    const double change = new_rate - old_rate;
    if (is_link(to)) {
      take_elsewhere(to, place + place_on_route(to, from));
      enqueue(to);
      use(to, change);
    }
    if (is_link(from)) {
      balance_[at(from)].highest_elsewhere = std::max(balance_[at(from)].highest_elsewhere, new_rate);
      put_elsewhere(flow, from, place + place_on_route(from, to));
      enqueue(from);
      use(from, change);
    }
    return;
  }
  for (const LinkId link : route_of(flow)) {
    if (link.value == to) {
      take_elsewhere(link.value, place);
    } else {
      balance_[link.index()].highest_elsewhere = std::max(balance_[link.index()].highest_elsewhere, new_rate);
    }
    if (link.value == from) put_elsewhere(flow, link.value, place);
    // How many share the level counts for its balance, not the slack alone.
    if (link.value == from || link.value == to) enqueue(link.value);
    use(link.value, weight_of(flow) * (new_rate - old_rate));
    ++place;
  }
}

void MaxMinShares::add_up_slack(Constraint link) {
  const auto weight = static_cast<double>(states_[at(link)].weight);
  double used = weight > 0 ? weight * levels_[at(link)] : 0;
  for (const Elsewhere& entry : states_[at(link)].elsewhere) {
    used += weight_of(entry.flow) * levels_[at(bottlenecks_[at(entry.flow)])];
  }
  balance_[at(link)].slack = capacities_[at(link)] - used;
}

// Which of the flow's constraints but `link` has the least level; among equals a rate cap, then the first on the route.
MaxMinShares::Constraint MaxMinShares::bottleneck_without(std::int32_t flow, Constraint link) const {
  const Constraint cap = flows_[at(flow)].cap;
  Constraint best = cap != kNone && cap != link ? cap : no_constraint();
  for (const LinkId other : route_of(flow)) {
    if (other.value != link && levels_[other.index()] < levels_[at(best)]) best = other.value;
  }
  return best;
}

}  // namespace moesim

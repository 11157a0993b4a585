// How the levels of MaxMinShares become consistent again after a change. A link is settled by giving it the level at
// which its flows, each held to the least level of its other constraints, fill it exactly. What that changes for other
// links is put on the queue; the queue goes from low levels to high, because a level depends on lower levels alone.
#include <algorithm>
#include <cmath>

#include "sim/check.hpp"
#include "sim/max_min.hpp"

namespace moesim {
namespace {

// A link is not saturated before its flows exceed it by more than the rounding of their sum.
constexpr double kOverload = 1e-12;
// `fixed` is kept up to date by adding what changes; it is added up anew after so many visits to a link, so that
// rounding cannot pile up.
constexpr std::uint32_t kVisitsToAddUp = 64;
// Visits per link and change after which something is wrong: in practice a link is visited once or twice.
constexpr std::size_t kMaxVisits = 1000;

}  // namespace

void MaxMinShares::enqueue(Constraint link) {
  if (queued_[at(link)]) return;
  queued_[at(link)] = 1;
  queue_.push(link, levels_[at(link)]);
}

void MaxMinShares::touch(Constraint link) {
  if (is_touched_[at(link)]) return;
  is_touched_[at(link)] = 1;
  touched_.push_back(link);
}

void MaxMinShares::settle_all() {
  std::size_t budget = kMaxVisits * (num_links_ + 1);
  while (!queue_.empty()) {
    MOESIM_CHECK(budget-- > 0, "levels of {} links and {} flows do not settle", num_links_, draining_);
    const Constraint link = queue_.pop();
    queued_[at(link)] = 0;
    settle(link);
    if (observed_) touch(link);
  }
}

void MaxMinShares::settle(Constraint link) {
  ++visits_;
  State& state = states_[at(link)];
  if (++state.visits % kVisitsToAddUp == 0) add_up_fixed(link);
  const double capacity = capacities_[at(link)];
  const double fixed = fixed_[at(link)];
  if (state.weight == 0) {
    if (state.elsewhere.empty()) fixed_[at(link)] = 0;
    if (fixed <= capacity * (1 + kOverload)) {
      levels_[at(link)] = kInfinity;
    } else {
      fall(link, 0);
    }
    return;
  }
  const double even = (capacity - fixed) / static_cast<double>(state.weight);
  const double level = levels_[at(link)];
  if (std::abs(even - level) <= tolerance_ * level) return;
  if (even > level) {
    rise(link);
  } else {
    fall(link, even);
  }
}

// The own flows can have more. Those that another link holds to less than the new level leave for that link.
void MaxMinShares::rise(Constraint link) {
  const State& state = states_[at(link)];
  auto& leavers = candidates_;
  leavers.clear();
  double fixed = fixed_[at(link)];
  std::int64_t weight = state.weight;
  double level = 0;
  double floor = 0;
  while (weight > 0) {
    // Each leaver raises the level for those that stay, and so may make others leave.
    level = (capacities_[at(link)] - fixed) / static_cast<double>(weight);
    const std::size_t before = leavers.size();
    for (const VirtualFinish& own : state.own.entries()) {
      const double rest = best_elsewhere(own, link);
      if (rest < level && rest >= floor) [[unlikely]]
        leavers.push_back({own.flow, rest});
    }
    if (leavers.size() == before) break;
    for (std::size_t i = before; i < leavers.size(); ++i) {
      fixed += copies_[at(leavers[i].flow)] * leavers[i].level;
      weight -= copies_[at(leavers[i].flow)];
    }
    floor = level;
  }
  const double old_level = levels_[at(link)];
  set_level(link, weight > 0 ? level : kInfinity);
  for (const Candidate& leaver : leavers) {
    move(leaver.flow, link, bottleneck_without(leaver.flow, link), old_level, leaver.level);
  }
  if (weight > 0) spread(link, level - old_level);
}

// The own flows, if any, must have less, but not less than `floor`. Flows held back elsewhere to more than the new
// level get their bottleneck here.
void MaxMinShares::fall(Constraint link, double floor) {
  auto& joiners = candidates_;
  joiners.clear();
  for (const Elsewhere& entry : states_[at(link)].elsewhere) {
    const double rate = levels_[at(bottlenecks_[at(entry.flow)])];
    if (rate > floor) joiners.push_back({entry.flow, rate});
  }
  const double level = level_of_fall(link, floor);
  const double old_level = levels_[at(link)];
  const bool has_own = states_[at(link)].weight > 0;
  set_level(link, level);
  if (has_own) spread(link, level - old_level);
  for (const Candidate& joiner : joiners) {
    move(joiner.flow, bottlenecks_[at(joiner.flow)], link, joiner.level, level);
  }
}

// The level at which the link's own flows and `candidates_` fill it; leaves in `candidates_` those at that level.
double MaxMinShares::level_of_fall(Constraint link, double floor) {
  double fixed = fixed_[at(link)];
  std::int64_t weight = states_[at(link)].weight;
  for (const Candidate& joiner : candidates_) {
    fixed -= copies_[at(joiner.flow)] * joiner.level;
    weight += copies_[at(joiner.flow)];
  }
  double level = floor;
  for (bool all_at_level = false; !all_at_level && weight > 0;) {
    level = (capacities_[at(link)] - fixed) / static_cast<double>(weight);
    const auto stays_below = [&](const Candidate& joiner) {
      if (joiner.level > level) return false;
      fixed += copies_[at(joiner.flow)] * joiner.level;
      weight -= copies_[at(joiner.flow)];
      return true;
    };
    // Not std::remove_if with a predicate that counts: it may copy the predicate.
    std::size_t kept = 0;
    for (const Candidate& joiner : candidates_) {
      if (!stays_below(joiner)) candidates_[kept++] = joiner;
    }
    all_at_level = kept == candidates_.size();
    candidates_.resize(kept);
  }
  return weight > 0 ? level : kInfinity;
}

// Tells the other links of this link's own flows that these have got faster by `change`.
void MaxMinShares::spread(Constraint link, double change) {
  const State& state = states_[at(link)];
  if (state.uneven == 0) {
    for (const VirtualFinish& own : state.own.entries()) {
      fixed_[at(own.other)] += change;
      enqueue(own.other);
    }
    return;
  }
  for (const VirtualFinish& own : state.own.entries()) {
    const double total = copies_[at(own.flow)] * change;
    for (const LinkId other : route_of(own.flow)) {
      if (other.value == link) continue;
      fixed_[other.index()] += total;
      enqueue(other.value);
    }
  }
}

// The flow gets another bottleneck and with it, in place of the old rate, the new rate: the level of `to`.
void MaxMinShares::move(std::int32_t flow, Constraint from, Constraint to, double old_rate, double new_rate) {
  const double copies = copies_[at(flow)];
  put_in_own(flow, to, take_from_own(flow, from));
  std::uint32_t place = flows_[at(flow)].places;
  for (const LinkId link : route_of(flow)) {
    if (link.value == from) {
      fixed_[link.index()] += copies * new_rate;
      put_elsewhere(flow, link.value, place);
    } else if (link.value == to) {
      fixed_[link.index()] -= copies * old_rate;
      take_elsewhere(link.value, place);
    } else {
      fixed_[link.index()] += copies * (new_rate - old_rate);
    }
    enqueue(link.value);
    ++place;
  }
}

void MaxMinShares::set_level(Constraint link, double level) {
  advance_clock(link);
  levels_[at(link)] = level;
  mark_changed(link);
}

void MaxMinShares::add_up_fixed(Constraint link) {
  double sum = 0;
  for (const Elsewhere& entry : states_[at(link)].elsewhere) {
    sum += copies_[at(entry.flow)] * levels_[at(bottlenecks_[at(entry.flow)])];
  }
  fixed_[at(link)] = sum;
}

// The least level among the flow's constraints but `link`, its bottleneck.
double MaxMinShares::best_elsewhere(const VirtualFinish& own, Constraint link) const {
  if (own.other != kNone) return levels_[at(own.other)];
  const Constraint cap = flows_[at(own.flow)].cap;
  double best = cap != kNone && cap != link ? levels_[at(cap)] : kInfinity;
  for (const LinkId other : route_of(own.flow)) {
    if (other.value != link) best = std::min(best, levels_[other.index()]);
  }
  return best;
}

// Where that level is; among equals the first on the route.
MaxMinShares::Constraint MaxMinShares::bottleneck_without(std::int32_t flow, Constraint link) const {
  const Constraint cap = flows_[at(flow)].cap;
  Constraint best = cap != kNone && cap != link ? cap : no_constraint();
  for (const LinkId other : route_of(flow)) {
    if (other.value != link && levels_[other.index()] < levels_[at(best)]) best = other.value;
  }
  return best;
}

}  // namespace moesim

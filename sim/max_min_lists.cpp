// Which flows are held back where: the heaps and lists of MaxMinShares.
#include <algorithm>

#include "sim/check.hpp"
#include "sim/max_min.hpp"

namespace moesim {

void MaxMinShares::mark_changed(Constraint constraint) {
  if (changed_[at(constraint)]) return;
  changed_[at(constraint)] = 1;
  changed_list_.push_back(constraint);
}

VirtualFinish MaxMinShares::make_own(std::int32_t flow, Constraint constraint) const {
  const auto route = route_of(flow);
  const Constraint cap = flows_[at(flow)].cap;
  const std::size_t constraints = route.size() + (cap != kNone ? 1 : 0);
  Constraint other = kNone;
  if (weights_[at(flow)] != 1) return {flows_[at(flow)].bytes_left, flow, other};
  if (constraints == 1) other = no_constraint();
  if (constraints == 2) {
    const Constraint first = route[0].value;
    const Constraint second = cap != kNone ? cap : route[1].value;
    other = first == constraint ? second : first;
  }
  return {flows_[at(flow)].bytes_left, flow, other};
}

// `own.at` counts from now: the bytes that a part of weight 1 still has to drain.
void MaxMinShares::put_in_own(VirtualFinish own, Constraint constraint) {
  State& state = states_[at(constraint)];
  if (state.own.empty()) {
    state.clock = 0;
    state.clock_at = now_;
  } else {
    advance_clock(constraint);
  }
  own.at += state.clock;
  state.own.push(own, places_in_own_);
  state.weight += own_weight(own);
  state.uneven += is_uneven(own) ? 1 : 0;
  bottlenecks_[at(own.flow)] = constraint;
  mark_changed(constraint);
}

// Gives back what put_in_own() takes.
VirtualFinish MaxMinShares::take_from_own(std::int32_t flow, Constraint constraint) {
  advance_clock(constraint);
  State& state = states_[at(constraint)];
  const auto place = at(places_in_own_[at(flow)]);
  VirtualFinish own = state.own.entries()[place];
  own.at = bytes_left(flow);
  state.own.remove(place, places_in_own_);
  state.weight -= own_weight(own);
  state.uneven -= is_uneven(own) ? 1 : 0;
  mark_changed(constraint);
  return own;
}

// Of a part of weight 1; the clock of its bottleneck must have been brought up to now.
double MaxMinShares::bytes_left(std::int32_t flow) const {
  const State& state = states_[at(bottlenecks_[at(flow)])];
  MOESIM_DCHECK(state.clock_at == now_, "a clock is at {} ps, not {} ps", state.clock_at, now_);
  return std::max(0.0, state.own.entries()[at(places_in_own_[at(flow)])].at - state.clock);
}

void MaxMinShares::put_elsewhere(std::int32_t flow, Constraint link, std::uint32_t place) {
  auto& list = states_[at(link)].elsewhere;
  places_[place] = static_cast<std::uint32_t>(list.size());
  list.push_back({flow, place});
}

void MaxMinShares::take_elsewhere(Constraint link, std::uint32_t place) {
  auto& list = states_[at(link)].elsewhere;
  const std::uint32_t index = places_[place];
  list[index] = list.back();
  places_[list[index].place] = index;
  list.pop_back();
}

}  // namespace moesim

#include "sim/max_min.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {
namespace {

// Ends that should be at one instant come out apart by the rounding of the clocks. This close they are one: relative to
// the time and to the bytes on the clock, and in picoseconds.
constexpr double kSameFinish = 1e-12;
constexpr double kSameFinishPs = 1e-3;
constexpr std::size_t kBlock = 64;

}  // namespace

MaxMinShares::MaxMinShares(std::span<const double> capacities) : num_links_(capacities.size()), routes_(capacities) {
  for (const double capacity : capacities) {
    MOESIM_CHECK(capacity > 0 && capacity < kInfinity, "a link of {} B/s", capacity);
    add_constraint(capacity, kInfinity);
  }
  add_constraint(kInfinity, kInfinity);
}

void MaxMinShares::add_constraint(double capacity, double level) {
  capacities_.push_back(capacity);
  levels_.push_back(level);
  balance_.push_back({capacity});
  changed_.push_back(0);
  is_touched_.push_back(0);
  states_.emplace_back();
  finishes_.push_back(kInfinity);
  if (finishes_of_64_.size() * kBlock < finishes_.size()) finishes_of_64_.push_back(kInfinity);
  const auto constraint = static_cast<Constraint>(capacities_.size() - 1);
  is_link(constraint) ? open(constraint) : close(constraint);
}

void MaxMinShares::keep_all_links() {
  routes_.count_all_links();
  observed_ = true;
  for (std::size_t link = 0; link < num_links_; ++link) {
    if (!is_closed(static_cast<Constraint>(link))) open(static_cast<Constraint>(link));
  }
}

void MaxMinShares::add(std::int32_t flow, RouteId route, std::optional<Bandwidth> rate_cap, std::int64_t weight,
                       double bytes, double begin) {
  if (at(flow) >= flows_.size()) {
    flows_.resize(at(flow) + 1);
    weights_.resize(flows_.size());
    bottlenecks_.resize(flows_.size(), kNone);
    places_in_own_.resize(flows_.size());
  }
  MOESIM_DCHECK(bottlenecks_[at(flow)] == kNone, "flow {} drains already", flow);
  Constraint cap = kNone;
  if (rate_cap) {
    cap = no_constraint() + 1 + caps_.take(rate_cap->bytes_per_s());
    if (at(cap) == balance_.size()) add_constraint(kInfinity, rate_cap->bytes_per_s());
    levels_[at(cap)] = rate_cap->bytes_per_s();
  }
  flows_[at(flow)] = {route, cap, 0, bytes, begin};
  weights_[at(flow)] = weight;
  added_.push_back(flow);
  ++draining_;
}

void MaxMinShares::share_out() {
  for (const Constraint link : touched_) is_touched_[at(link)] = 0;
  touched_.clear();
  if (draining_ > 0) update_routes();
  if (!added_.empty()) {
    for (const std::int32_t flow : added_) flows_[at(flow)].places = places_.take(route_of(flow).size());
    if (!fill_.fill(*this, added_)) {
      for (const std::int32_t flow : added_) insert(flow);
    }
    added_.clear();
  }
  settle_all();
  update_finishes();
}

void MaxMinShares::update_routes() {
  if (routes_.needs_count()) rebuild();
}

// Takes all flows out and lets them come anew, since the links that count on their routes have changed.
void MaxMinShares::rebuild() {
  std::vector<std::int32_t> all;
  for (std::size_t c = 0; c < states_.size(); ++c) {
    State& state = states_[c];
    if (state.own.empty()) continue;
    const auto constraint = static_cast<Constraint>(c);
    advance_clock(constraint);
    for (const VirtualFinish& own : state.own.entries()) {
      flows_[at(own.flow)].bytes_left = std::max(0.0, own.at - state.clock);
      places_.free(flows_[at(own.flow)].places, route_of(own.flow).size());
      bottlenecks_[at(own.flow)] = kNone;
      all.push_back(own.flow);
    }
    mark_changed(constraint);
    state = {};
  }
  for (std::size_t i = 0; i < num_links_; ++i) {
    const auto link = static_cast<Constraint>(i);
    states_[i].elsewhere.clear();
    levels_[i] = kInfinity;
    balance_[i].slack = capacities_[i];
    balance_[i].highest_elsewhere = 0;
    if (!is_closed(link)) open(link);
  }
  routes_.count();
  added_.insert(added_.begin(), all.begin(), all.end());
}

// Puts one flow among the others, at the least level that it finds; settling does the rest.
void MaxMinShares::insert(std::int32_t flow) {
  const Constraint bottleneck = first_bottleneck(flow);
  double& level = levels_[at(bottleneck)];
  if (level == kInfinity) {
    // A link with room. Any level will do that is above the rates on it; it falls to the right one when it is settled.
    const double capacity = capacities_[at(bottleneck)];
    level = states_[at(bottleneck)].elsewhere.empty() ? capacity / weight_of(flow) : 2 * capacity;
  }
  put_in_own(make_own(flow, bottleneck), bottleneck);
  std::uint32_t place = flows_[at(flow)].places;
  for (const LinkId link : route_of(flow)) {
    if (link.value == bottleneck) {
      enqueue(link.value);
    } else {
      put_elsewhere(flow, link.value, place);
      balance_[link.index()].highest_elsewhere = std::max(balance_[link.index()].highest_elsewhere, level);
    }
    use(link.value, weight_of(flow) * level);
    ++place;
  }
}

MaxMinShares::Constraint MaxMinShares::first_bottleneck(std::int32_t flow) {
  const Constraint best = bottleneck_without(flow, kNone);
  if (levels_[at(best)] < kInfinity) return best;
  Constraint fullest = kNone;
  double least_room = kInfinity;
  for (const LinkId link : route_of(flow)) {
    if (balance_[link.index()].slack >= least_room) continue;
    least_room = balance_[link.index()].slack;
    fullest = link.value;
  }
  MOESIM_CHECK(fullest != kNone, "a flow has neither a link nor a rate cap");
  return fullest;
}

double MaxMinShares::same_instant_ps(double now) { return kSameFinishPs + now * kSameFinish; }

void MaxMinShares::take_finished(double now, std::vector<std::int32_t>& finished) {
  now_ = now;
  const double latest = now + same_instant_ps(now);
  const std::size_t before = kept_.size();
  for (std::size_t block = 0; block < finishes_of_64_.size(); ++block) {
    if (finishes_of_64_[block] > latest) continue;
    const std::size_t end = std::min(finishes_.size(), (block + 1) * kBlock);
    for (std::size_t c = block * kBlock; c < end; ++c) {
      if (finishes_[c] <= latest) take_due(static_cast<Constraint>(c), latest);
    }
  }
  for (std::size_t i = before; i < kept_.size(); ++i) {
    const std::int32_t flow = kept_[i].entry.flow;
    finished.push_back(flow);
    next_release_ = std::min(next_release_, now + tolerance_ * (now - flows_[at(flow)].begin));
  }
  draining_ -= kept_.size() - before;
  if (tolerance_ == 0) {
    free_kept();
  } else {
    update_finishes();
  }
}

void MaxMinShares::take_due(Constraint constraint, double latest) {
  advance_clock(constraint);
  State& state = states_[at(constraint)];
  // What passes at this level until `latest`, and the rounding of the clock.
  const double slack = levels_[at(constraint)] * (latest - now_) * kSecondsPerPs + state.clock * kSameFinish;
  due_.clear();
  state.own.take_until(state.clock + slack, due_, places_in_own_);
  for (const VirtualFinish& entry : due_) kept_.push_back({entry, constraint});
  mark_changed(constraint);
}

void MaxMinShares::free_kept() {
  for (const Kept& kept : kept_) remove(kept.entry, kept.bottleneck);
  kept_.clear();
  next_release_ = kInfinity;
}

void MaxMinShares::release(double now, std::vector<EarlyRelease>& early) {
  now_ = now;
  free_kept();
  for (std::size_t c = 0; c < finishes_.size(); ++c) {
    // No flow is older than the clock.
    if (finishes_[c] * (1 - tolerance_) <= now) take_early(static_cast<Constraint>(c), early);
  }
}

void MaxMinShares::take_early(Constraint constraint, std::vector<EarlyRelease>& early) {
  State& state = states_[at(constraint)];
  while (!state.own.empty()) {
    const VirtualFinish entry = state.own.top();
    const double finish = finish_of(constraint, entry);
    if (finish - now_ > tolerance_ * (finish - flows_[at(entry.flow)].begin)) break;
    early.push_back({entry.flow, finish});
    advance_clock(constraint);
    state.own.remove(0, places_in_own_);
    mark_changed(constraint);
    remove(entry, constraint);
    --draining_;
  }
}

double MaxMinShares::finish_of(Constraint constraint, const VirtualFinish& entry) const {
  const State& state = states_[at(constraint)];
  return state.clock_at + (entry.at - state.clock) / levels_[at(constraint)] * (1 / kSecondsPerPs);
}

// Takes a flow that has ended, and is in no heap any more, off its links.
void MaxMinShares::remove(const VirtualFinish& entry, Constraint bottleneck) {
  const std::int32_t flow = entry.flow;
  const double rate = weight_of(flow) * levels_[at(bottleneck)];
  State& state = states_[at(bottleneck)];
  state.weight -= weights_[at(flow)];
  state.uneven -= is_uneven(entry) ? 1 : 0;
  const std::uint32_t places = flows_[at(flow)].places;
  std::uint32_t place = places;
  for (const LinkId link : route_of(flow)) {
    if (link.value != bottleneck) take_elsewhere(link.value, place);
    if (link.value == bottleneck || states_[link.index()].elsewhere.empty()) enqueue(link.value);
    use(link.value, -rate);
    ++place;
  }
  places_.free(places, route_of(flow).size());
  const Constraint cap = flows_[at(flow)].cap;
  if (cap != kNone) caps_.release(cap - no_constraint() - 1);
  bottlenecks_[at(flow)] = kNone;
}

void MaxMinShares::restart_clock() {
  MOESIM_CHECK(draining_ == 0 && kept_.empty(), "{} flows drain, {} are kept", draining_, kept_.size());
  now_ = 0;
}

double MaxMinShares::rate(std::int32_t flow) const {
  if (at(flow) >= bottlenecks_.size() || bottlenecks_[at(flow)] == kNone) return 0;
  return levels_[at(bottlenecks_[at(flow)])];
}

double MaxMinShares::left(std::int32_t flow) {
  if (rate(flow) == 0) return 0;
  advance_clock(bottlenecks_[at(flow)]);
  return bytes_left(flow);
}

double MaxMinShares::link_rate(LinkId link) const { return capacities_[link.index()] - balance_[link.index()].slack; }

void MaxMinShares::advance_clock(Constraint constraint) {
  State& state = states_[at(constraint)];
  // While its last flows leave it, a link may have an infinite level: at one instant, in which nothing drains.
  if (state.clock_at == now_) return;
  if (!state.own.empty()) state.clock += levels_[at(constraint)] * ((now_ - state.clock_at) * kSecondsPerPs);
  state.clock_at = now_;
}

void MaxMinShares::update_finishes() {
  for (const Constraint c : changed_list_) {
    changed_[at(c)] = 0;
    const State& state = states_[at(c)];
    finishes_[at(c)] = state.own.empty() ? kInfinity : finish_of(c, state.own.top());
    finishes_of_64_[at(c) / kBlock] = -1;  // Out of date.
  }
  for (const Constraint c : changed_list_) {
    double& least = finishes_of_64_[at(c) / kBlock];
    if (least >= 0) continue;
    const auto begin = finishes_.begin() + static_cast<std::ptrdiff_t>(at(c) / kBlock * kBlock);
    const auto length = std::min<std::ptrdiff_t>(kBlock, finishes_.end() - begin);
    least = *std::min_element(begin, begin + length);
  }
  if (!changed_list_.empty()) next_finish_ = *std::ranges::min_element(finishes_of_64_);
  changed_list_.clear();
}

}  // namespace moesim

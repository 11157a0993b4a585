#include "sim/max_min_fill.hpp"

#include <algorithm>
#include <functional>

#include "sim/max_min.hpp"

namespace moesim {
namespace {

// Below this many, or if the part has so many times more flows, settling link by link is cheaper.
constexpr std::size_t kFewFlows = 8;
constexpr std::size_t kManyMore = 4;
// Levels that differ by the rounding of the sums they come from are one, so that flows of one size end together.
constexpr double kSameLevel = 5e-13;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

bool MaxMinFill::fill(MaxMinShares& shares, std::span<const std::int32_t> added) {
  if (added.size() < kFewFlows) return false;
  shares_ = &shares;
  loads_.resize(shares.num_links_);
  visited_.resize(shares.flows_.size());
  const bool worth_it = gather(added);
  if (worth_it) {
    take_out_old();
    flows_.insert(flows_.end(), added.begin(), added.end());
    put_in_all();
    fix_all();
    finish();
  }
  forget();
  return worth_it;
}

// Finds all links that the new flows reach, through flows and links, and the flows on them.
bool MaxMinFill::gather(std::span<const std::int32_t> added) {
  const std::size_t limit = kManyMore * added.size();
  for (const std::int32_t flow : added) visit_links(flow);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const auto& state = shares_->states_[at(links_[i])];
    if (state.own.entries().size() + state.elsewhere.size() > limit) return false;
    for (const VirtualFinish& own : state.own.entries()) visit(own.flow);
    for (const auto& entry : state.elsewhere) visit(entry.flow);
    if (flows_.size() > limit) return false;
  }
  return true;
}

void MaxMinFill::visit(std::int32_t flow) {
  if (visited_[at(flow)]) return;
  visited_[at(flow)] = true;
  flows_.push_back(flow);
  visit_links(flow);
}

void MaxMinFill::visit_links(std::int32_t flow) {
  for (const LinkId link : shares_->route_of(flow)) {
    if (loads_[link.index()].visited) continue;
    loads_[link.index()] = {.visited = true};
    links_.push_back(link.value);
  }
}

void MaxMinFill::forget() {
  for (const Constraint link : links_) loads_[at(link)].visited = false;
  for (const std::int32_t flow : flows_) visited_[at(flow)] = false;
  links_.clear();
  flows_.clear();
  capped_.clear();
  queue_.clear();
}

void MaxMinFill::take_out_old() {
  for (const std::int32_t flow : flows_) {
    const Constraint bottleneck = shares_->bottlenecks_[at(flow)];
    shares_->advance_clock(bottleneck);
    shares_->flows_[at(flow)].bytes_left = shares_->bytes_left(flow);
    if (!shares_->is_link(bottleneck)) shares_->take_from_own(flow, bottleneck);
    shares_->bottlenecks_[at(flow)] = MaxMinShares::kNone;
  }
  for (const Constraint link : links_) {
    auto& state = shares_->states_[at(link)];
    state.own.clear();
    state.elsewhere.clear();
    state.weight = 0;
    state.uneven = 0;
    state.clock = 0;
    state.clock_at = shares_->now_;
    shares_->levels_[at(link)] = MaxMinShares::kInfinity;
    shares_->mark_changed(link);
  }
}

// All flows enter the lists of their links as flows elsewhere.
void MaxMinFill::put_in_all() {
  growing_ = flows_.size();
  for (const std::int32_t flow : flows_) {
    std::uint32_t place = shares_->flows_[at(flow)].places;
    for (const LinkId link : shares_->route_of(flow)) {
      shares_->put_elsewhere(flow, link.value, place++);
      loads_[link.index()].growing += shares_->weights_[at(flow)];
    }
    if (shares_->flows_[at(flow)].cap != MaxMinShares::kNone) capped_.push_back(flow);
  }
  std::ranges::stable_sort(capped_, {},
                           [&](std::int32_t flow) { return shares_->levels_[at(shares_->flows_[at(flow)].cap)]; });
  for (const Constraint link : links_) queue_.emplace_back(level_of(link), link);
  std::ranges::make_heap(queue_, std::greater{});
}

void MaxMinFill::fix_all() {
  std::size_t next_capped = 0;
  double last_level = 0;
  while (growing_ > 0) {
    while (next_capped < capped_.size() && shares_->bottlenecks_[at(capped_[next_capped])] != MaxMinShares::kNone) {
      ++next_capped;
    }
    const double cap = next_capped < capped_.size()
                           ? shares_->levels_[at(shares_->flows_[at(capped_[next_capped])].cap)]
                           : MaxMinShares::kInfinity;
    if (queue_.empty() || cap <= queue_.front().first) {
      MOESIM_CHECK(next_capped < capped_.size(), "{} flows have neither a link nor a rate cap", growing_);
      fix_capped(capped_[next_capped++]);
      continue;
    }
    std::ranges::pop_heap(queue_, std::greater{});
    const auto [level, link] = queue_.back();
    queue_.pop_back();
    if (loads_[at(link)].growing == 0) continue;
    const double level_now = level_of(link);
    if (level_now > level * (1 + kSameLevel)) {
      // Flows that were fixed since have left more for the others.
      queue_.emplace_back(level_now, link);
      std::ranges::push_heap(queue_, std::greater{});
      continue;
    }
    if (level_now > last_level * (1 + kSameLevel) || level_now < last_level * (1 - kSameLevel)) last_level = level_now;
    fix_link(link, last_level);
  }
}

void MaxMinFill::fix_capped(std::int32_t flow) {
  const Constraint cap = shares_->flows_[at(flow)].cap;
  shares_->put_in_own(shares_->make_own(flow, cap), cap);
  tell_others(flow, cap, shares_->levels_[at(cap)]);
  --growing_;
}

void MaxMinFill::fix_link(Constraint link, double level) {
  auto& state = shares_->states_[at(link)];
  shares_->levels_[at(link)] = level;
  auto& list = state.elsewhere;
  std::size_t kept = 0;
  for (const auto entry : list) {
    if (shares_->bottlenecks_[at(entry.flow)] != MaxMinShares::kNone) {
      shares_->places_[entry.place] = static_cast<std::uint32_t>(kept);
      list[kept++] = entry;
      continue;
    }
    const VirtualFinish own = shares_->make_own(entry.flow, link);
    state.own.append(own);
    state.weight += shares_->weights_[at(entry.flow)];
    state.uneven += shares_->is_uneven(own) ? 1 : 0;
    shares_->bottlenecks_[at(entry.flow)] = link;
    tell_others(entry.flow, link, level);
    --growing_;
  }
  list.resize(kept);
  state.own.restore(shares_->places_in_own_);
  loads_[at(link)].growing = 0;
}

void MaxMinFill::tell_others(std::int32_t flow, Constraint bottleneck, double level) {
  for (const LinkId link : shares_->route_of(flow)) {
    if (link.value == bottleneck) continue;
    Load& load = loads_[link.index()];
    if (load.level != level) {
      add_up(link.value);
      load.level = level;
    }
    load.at_level += shares_->weights_[at(flow)];
    load.growing -= shares_->weights_[at(flow)];
  }
}

void MaxMinFill::add_up(Constraint link) {
  Load& load = loads_[at(link)];
  load.fixed += static_cast<double>(load.at_level) * load.level;
  load.at_level = 0;
}

// The level at which the link is full if all its growing flows reach it.
double MaxMinFill::level_of(Constraint link) const {
  const Load& load = loads_[at(link)];
  const double fixed = load.fixed + static_cast<double>(load.at_level) * load.level;
  return (shares_->capacities_[at(link)] - fixed) / static_cast<double>(load.growing);
}

void MaxMinFill::finish() {
  for (const Constraint link : links_) {
    add_up(link);
    auto& balance = shares_->balance_[at(link)];
    const auto weight = static_cast<double>(shares_->states_[at(link)].weight);
    balance.slack = shares_->capacities_[at(link)] - loads_[at(link)].fixed -
                    (weight > 0 ? weight * shares_->levels_[at(link)] : 0);
    balance.highest_elsewhere = loads_[at(link)].level;  // Levels are fixed in rising order.
    if (!shares_->is_closed(link)) shares_->open(link);
    shares_->use(link, 0);  // Has it settled if rounding has left it out of balance.
  }
}

}  // namespace moesim

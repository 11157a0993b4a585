#include "sim/flow_network.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sim/check.hpp"
#include "sim/max_min_certificate.hpp"

namespace moesim {
namespace {

constexpr std::uint64_t kWake = UINT64_MAX;  // Other payloads are batches.
constexpr double kLatest = 4e18;             // Picoseconds that surely fit in 63 bits, also after an origin.
// An end that lies this little after a whole picosecond, by the rounding of the clocks, is told of at that one.
constexpr double kClockRoundingPs = 1e-3;
constexpr double kClockRounding = 1e-14;
// An observer is told of changes beyond this part of a link's capacity, not of rounding.
constexpr double kToldChange = 1e-9;
constexpr double kNever = std::numeric_limits<double>::infinity();

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

std::vector<double> bytes_per_s(std::span<const LinkSpec> links) {
  std::vector<double> result;
  for (const LinkSpec& link : links) result.push_back(link.capacity.bytes_per_s());
  return result;
}

}  // namespace

FlowNetwork::FlowNetwork(Simulator& simulator, std::span<const LinkSpec> links)
    : simulator_(simulator), shares_(bytes_per_s(links)), carried_(links.size()) {
  for (const LinkSpec& link : links) {
    MOESIM_CHECK(link.latency >= Picoseconds::zero(), "a link with a latency of {} ps", link.latency.count);
    link_latency_.push_back(link.latency);
    capacities_.push_back(link.capacity);
  }
}

RouteId FlowNetwork::add_route(std::span<const LinkId> links) {
  const RouteId route = shares_.add_route(links);
  Picoseconds latency;
  for (const LinkId link : links) latency += link_latency_[link.index()];
  latency_.push_back(latency);
  return route;
}

FlowId FlowNetwork::start(const FlowSpec& spec) {
  MOESIM_CHECK(spec.route.valid() && spec.route.index() < latency_.size(), "there is no route {}", spec.route.value);
  MOESIM_CHECK(spec.weight > 0, "a flow of weight {}", spec.weight);
  MOESIM_CHECK(spec.bytes.count >= 0 && spec.multiplicity > 0 && spec.start_up >= Picoseconds::zero(),
               "{} flows of {} bytes after {} ps", spec.multiplicity, spec.bytes.count, spec.start_up.count);
  MOESIM_CHECK(!spec.rate_cap || spec.rate_cap->bytes_per_s() > 0, "a rate cap of {} B/s",
               spec.rate_cap->bytes_per_s());
  MOESIM_CHECK(spec.bytes.count == 0 || spec.rate_cap || !shares_.links(spec.route).empty(),
               "a flow without links needs a rate cap");
  const std::int32_t id = take_id();
  flows_[at(id)] = {spec.route, spec.multiplicity, spec.bytes, spec.rate_cap ? spec.rate_cap->bytes_per_s() : kNoCap,
                    spec.tag,   started_++,        spec.weight};
  ++live_;
  const Picoseconds begin = simulator_.now() + spec.start_up + latency_[spec.route.index()];
  if (begin == simulator_.now()) {
    joining_.push_back(id);
    wake_at(begin);
  } else {
    begin_later(id, begin);
  }
  return FlowId{id};
}

void FlowNetwork::set_tolerance(double relative) {
  MOESIM_CHECK(started_ == 0 && relative >= 0 && relative < 1, "a tolerance of {} after {} flows", relative, started_);
  shares_.set_tolerance(relative);
}

void FlowNetwork::set_observer(LinkObserver* observer) {
  observer_ = observer;
  told_rates_.resize(capacities_.size(), 0);
  shares_.keep_all_links();
}

std::int32_t FlowNetwork::take_id() {
  if (free_id_ == kNone) {
    flows_.emplace_back();
    return static_cast<std::int32_t>(flows_.size()) - 1;
  }
  const std::int32_t id = free_id_;
  free_id_ = flows_[at(id)].next;
  return id;
}

void FlowNetwork::begin_later(std::int32_t flow, Picoseconds begin) {
  for (const auto& open : open_batches_) {
    if (!open || batches_[*open].at != begin) continue;
    flows_[at(batches_[*open].last)].next = flow;
    batches_[*open].last = flow;
    return;
  }
  std::size_t batch = batches_.size();
  if (free_batches_.empty()) {
    batches_.emplace_back();
  } else {
    batch = free_batches_.back();
    free_batches_.pop_back();
  }
  batches_[batch] = {begin, flow, flow};
  open_batches_[next_open_] = batch;
  next_open_ = (next_open_ + 1) % open_batches_.size();
  simulator_.schedule(begin, *this, batch);
}

void FlowNetwork::begin_batch(std::size_t batch) {
  for (std::int32_t flow = batches_[batch].first; flow != kNone; flow = flows_[at(flow)].next) joining_.push_back(flow);
  for (auto& open : open_batches_) {
    if (open == batch) open.reset();
  }
  free_batches_.push_back(batch);
  wake_at(simulator_.now());
}

void FlowNetwork::wake_at(Picoseconds when) {
  if (next_wake_ && *next_wake_ <= when) return;
  next_wake_ = when;
  simulator_.schedule(when, *this, kWake);
}

void FlowNetwork::on_event(std::uint64_t payload) {
  if (payload != kWake) {
    begin_batch(payload);
  } else if (next_wake_ == simulator_.now()) {
    next_wake_.reset();
    wake();
  }
}

void FlowNetwork::wake() {
  end_due_flows();
  if (!finished_.empty()) {
    tell_ends();
    if (!joining_.empty()) {
      // What was just told has started flows, and events of this instant that are still to come may start more.
      wake_at(simulator_.now());
      return;
    }
  }
  if (!joining_.empty()) begin_joining_flows();
  const double next = std::min(active().next_finish(), active().next_release());
  if (active().draining() > 0) wake_at(std::max(simulator_.now(), rounded_up(next)));
  if (!coasting_.empty()) wake_at(coasting_.front().end);
}

Picoseconds FlowNetwork::rounded_up(double local) const {
  const double rounded = std::ceil(local - kClockRoundingPs - kClockRounding * local);
  if (rounded >= kLatest) throw TimeRangeError();
  return origin_ + Picoseconds{static_cast<std::int64_t>(rounded)};
}

// Takes the ends up to now, each at its own exact time, so that the fluid knows nothing of whole picoseconds.
void FlowNetwork::end_due_flows() {
  const double now = local(simulator_.now());
  const double due = now + MaxMinShares::same_instant_ps(now);
  for (;;) {
    const double finish = active().next_finish();
    const double release_at = active().next_release();
    if (std::min(finish, release_at) > due) break;
    if (release_at < finish) {
      release(std::min(now, release_at));
    } else {
      take_finished(std::min(now, finish));
      if (!active().keeps_ended()) share_out();
    }
  }
  if (active().draining() == 0) release(now);
  while (!coasting_.empty() && coasting_.front().end <= simulator_.now()) {
    finished_.push_back(coasting_.front().flow);
    std::ranges::pop_heap(coasting_, std::greater{}, &Coasting::end);
    coasting_.pop_back();
  }
}

// Shares out what ended flows have kept and what flows that end soon have.
void FlowNetwork::release(double now) {
  if (active().next_release() == kNever) return;
  active().release(now, early_);
  const auto coast = [this](std::int32_t flow, double finish) {
    flows_[at(flow)].in_class = kNone;
    coasting_.push_back({rounded_up(finish), flow});
    std::ranges::push_heap(coasting_, std::greater{}, &Coasting::end);
  };
  for (const EarlyRelease& early : early_) {
    if (quotient_) {
      for (const std::int32_t flow : quotient_->members(early.flow)) coast(flow, early.finish);
    } else {
      coast(early.flow, early.finish);
    }
  }
  early_.clear();
  share_out();
}

void FlowNetwork::begin_joining_flows() {
  if (active().draining() == 0) {
    origin_ = simulator_.now();
    end_quotient();
    shares_.restart_clock();
  }
  const double now = local(simulator_.now());
  release(now);
  active().advance(now);
  std::erase_if(joining_, [this](std::int32_t id) {
    if (flows_[at(id)].bytes.count == 0) finished_.push_back(id);
    return flows_[at(id)].bytes.count == 0;
  });
  if (!joining_.empty() && !join_as_classes(now)) {
    leave_classes();
    for (const std::int32_t id : joining_) {
      add_to_shares(id, static_cast<double>(flows_[at(id)].bytes.count) / flows_[at(id)].weight, now);
    }
  }
  joining_.clear();
  share_out();
  tell_ends();
}

// `bytes_of_weight`: what a part of weight 1 has to drain.
void FlowNetwork::add_to_shares(std::int32_t id, double bytes_of_weight, double begin) {
  const Flow& flow = flows_[at(id)];
  std::optional<Bandwidth> cap;
  if (flow.rate_cap < kNoCap) cap = Bandwidth::bytes_per_s(flow.rate_cap / flow.weight);
  shares_.add(id, flow.route, cap, std::int64_t{flow.multiplicity} * flow.weight, bytes_of_weight, begin);
}

double FlowNetwork::rate_bytes_per_s(FlowId id) const {
  const Flow& flow = flows_[id.index()];
  const double rate = flow.in_class == kNone ? shares_.rate(id.value) : quotient_->shares.rate(flow.in_class);
  return rate * flow.weight;
}

void FlowNetwork::share_out() {
  active().share_out();
  ++sharings_;
  if (observer_ != nullptr) tell_observer();
  if (check_every_sharing_) {
    const auto found = violation();
    MOESIM_CHECK(!found, "at {} ps: {}", simulator_.now().count, *found);
  }
}

void FlowNetwork::tell_ends() {
  ended_.clear();
  for (const std::int32_t id : finished_) ended_.push_back({flows_[at(id)].order, id});
  finished_.clear();
  // A class that ends, in order already, is large.
  if (!std::ranges::is_sorted(ended_, {}, &Ended::order)) std::ranges::sort(ended_, {}, &Ended::order);
  for (const Ended& end : ended_) {
    const Flow flow = flows_[at(end.flow)];
    for (const LinkId link : shares_.links(flow.route)) carried_[link.index()] += flow.multiplicity * flow.bytes;
    --live_;
    if (listener_ != nullptr) listener_->on_flow_finished(FlowId{end.flow}, flow.tag);
    flows_[at(end.flow)].multiplicity = 0;
    flows_[at(end.flow)].next = free_id_;
    free_id_ = end.flow;
  }
}

void FlowNetwork::tell_observer() {
  for (const std::int32_t link : shares_.touched()) {
    const double capacity = capacities_[at(link)].bytes_per_s();
    double rate = shares_.link_rate(LinkId{link});
    if (rate < kToldChange * capacity) rate = 0;
    if (std::abs(rate - told_rates_[at(link)]) <= kToldChange * capacity) continue;
    told_rates_[at(link)] = rate;
    observer_->on_link_rate(LinkId{link}, simulator_.now(), rate);
  }
}

std::optional<std::string> FlowNetwork::violation(double tolerance) const {
  std::vector<SharingFlow> sharing;
  std::vector<double> rates;
  for (std::size_t id = 0; id < flows_.size(); ++id) {
    const Flow& flow = flows_[id];
    if (flow.multiplicity == 0) continue;
    const double rate = rate_bytes_per_s(FlowId{static_cast<std::int64_t>(id)});
    if (rate == 0) continue;
    const auto links = shares_.links(flow.route);
    std::optional<Bandwidth> cap;
    if (flow.rate_cap < kNoCap) cap = Bandwidth::bytes_per_s(flow.rate_cap);
    sharing.push_back({{links.begin(), links.end()}, cap, flow.multiplicity, flow.weight});
    rates.push_back(rate);
  }
  return max_min_violation(capacities_, sharing, rates, tolerance);
}

}  // namespace moesim

// Which flows of a FlowNetwork drain as classes. All that drain do or none: flows that begin together, or join others
// that drain as classes, are looked at together; where they are not alike, all drain one by one until none is left.
#include "sim/flow_network.hpp"

namespace moesim {
namespace {

// Fewer flows are not worth it, nor are so few beside those that drain already: telling all apart costs more than it
// can save, if it has to be done again for every few that join.
constexpr std::size_t kFewFlows = 256;
constexpr std::size_t kManyMore = 4;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

}  // namespace

FlowKind FlowNetwork::kind(const Flow& flow, double bytes, double begin) const {
  return {bytes, begin, flow.rate_cap / flow.weight, std::int64_t{flow.multiplicity} * flow.weight};
}

bool FlowNetwork::join_as_classes(double now) {
  if (!use_classes_ || observer_ != nullptr || joining_.size() < kFewFlows || shares_.draining() > 0) return false;
  if (quotient_ && kManyMore * joining_.size() < quotient_->flows.size()) return false;
  FlowClasses classes;
  std::vector<std::int32_t> ids;
  if (quotient_) {
    for (std::size_t c = 0; c < quotient_->size(); ++c) {
      const auto number = static_cast<std::int32_t>(c);
      if (quotient_->shares.rate(number) == 0) continue;
      const double left = quotient_->shares.left(number);
      for (const std::int32_t id : quotient_->members(number)) {
        classes.add(flows_[at(id)].route, kind(flows_[at(id)], left, quotient_->shares.begin(number)));
        ids.push_back(id);
      }
    }
  }
  for (const std::int32_t id : joining_) {
    const Flow& flow = flows_[at(id)];
    classes.add(flow.route, kind(flow, static_cast<double>(flow.bytes.count) / flow.weight, now));
    ids.push_back(id);
  }
  shares_.update_routes();
  if (!classes.find(shares_.routes(), shares_.capacities())) return false;
  end_quotient();
  quotient_ = std::make_unique<FlowQuotient>(classes, ids);
  flows_in_classes_ += ids.size();
  classes_ += classes.size();
  MaxMinShares& shares = quotient_->shares;
  shares.set_tolerance(shares_.tolerance());
  shares.advance(now);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const FlowClasses::Class flow = classes.of(c);
    std::optional<Bandwidth> cap;
    if (flow.kind.cap < kNoCap) cap = Bandwidth::bytes_per_s(flow.kind.cap);
    const auto number = static_cast<std::int32_t>(c);
    shares.add(number, shares.add_route(flow.links), cap, flow.kind.weight, flow.kind.bytes, flow.kind.begin);
    for (const std::int32_t id : quotient_->members(number)) flows_[at(id)].in_class = number;
  }
  return true;
}

// Lets all flows drain one by one.
void FlowNetwork::leave_classes() {
  if (!quotient_) return;
  shares_.restart_clock();
  for (std::size_t c = 0; c < quotient_->size(); ++c) {
    const auto number = static_cast<std::int32_t>(c);
    if (quotient_->shares.rate(number) == 0) continue;
    const double left = quotient_->shares.left(number);
    for (const std::int32_t id : quotient_->members(number)) {
      flows_[at(id)].in_class = kNone;
      add_to_shares(id, left, quotient_->shares.begin(number));
    }
  }
  end_quotient();
  shares_.advance(local(simulator_.now()));
}

void FlowNetwork::end_quotient() {
  if (quotient_) link_visits_ += quotient_->shares.visits();
  quotient_.reset();
}

// Takes the flows that end at `when`.
void FlowNetwork::take_finished(double when) {
  if (!quotient_) return shares_.take_finished(when, finished_);
  finished_classes_.clear();
  quotient_->shares.take_finished(when, finished_classes_);
  for (const std::int32_t c : finished_classes_) {
    for (const std::int32_t id : quotient_->members(c)) {
      flows_[at(id)].in_class = kNone;
      finished_.push_back(id);
    }
  }
}

}  // namespace moesim

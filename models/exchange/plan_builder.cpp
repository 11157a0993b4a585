#include "models/exchange/plan_builder.hpp"

#include <utility>

namespace moesim::detail {

PlanBuilder::PlanBuilder(const ExchangeInput& input) : PlanBuilder(input.options) { direction_ = input.direction; }

PlanBuilder::PlanBuilder(const ExchangeOptions& options)
    : direction_(ExchangeDirection::dispatch),
      launch_(options.launch),
      eager_(options.eager),
      local_copy_rate_(options.local_copy_rate) {
  plan_.message_overhead = options.message_overhead;
  plan_.message_rate_cap = options.message_rate_cap;
}

std::int32_t PlanBuilder::add(RankId from, RankId to, Bytes bytes, std::span<const std::int32_t> waits) {
  MOESIM_CHECK(plan_.messages.size() < INT32_MAX && plan_.waits.size() < INT32_MAX - waits.size(),
               "an exchange of more than 2^31 messages");
  if (direction_ == ExchangeDirection::combine) std::swap(from, to);
  const auto index = static_cast<std::int32_t>(plan_.messages.size());
  bool waits_for_source = true;
  for (const std::int32_t wait : waits) {
    if (plan_.messages[static_cast<std::size_t>(wait)].source == from) waits_for_source = false;
  }
  plan_.messages.push_back({.source = from,
                            .destination = to,
                            .bytes = bytes,
                            .lead = waits.empty() ? launch_ : Picoseconds{},
                            .first_wait = static_cast<std::int32_t>(plan_.waits.size()),
                            .num_waits = static_cast<std::int32_t>(waits.size()),
                            .waits_for_source = waits_for_source});
  plan_.waits.insert(plan_.waits.end(), waits.begin(), waits.end());
  return index;
}

std::int32_t PlanBuilder::add_call(RankId from, RankId to, Bytes bytes, std::span<const std::int32_t> waits) {
  const std::int32_t index = add(from, to, bytes, waits);
  if (eager_ && eager_->launch + bytes / eager_->rate < launch_) {
    Message& message = this->message(index);
    message.lead = waits.empty() ? eager_->launch : Picoseconds{};
    message.pacing = bytes / eager_->rate;
  }
  return index;
}

void PlanBuilder::add_local_copy(RankId rank, Bytes bytes) {
  if (!local_copy_rate_) return;
  if (local_copies_.size() <= rank.index()) local_copies_.resize(rank.index() + 1);
  local_copies_[rank.index()] += bytes / *local_copy_rate_;
}

ExchangePlan PlanBuilder::take() {
  for (Message& message : plan_.messages) {
    const std::size_t rank = message.source.index();
    if (message.num_waits == 0 && rank < local_copies_.size()) message.lead += local_copies_[rank];
  }
  return std::move(plan_);
}

void PlanBuilder::reserve(std::size_t messages, std::size_t waits) {
  plan_.messages.reserve(messages);
  plan_.waits.reserve(waits);
}

ExchangePlan plan_pairs(const ExchangeInput& input, const CountMatrix& counts) {
  PlanBuilder builder(input);
  for (int from = 0; from < counts.rows(); ++from) {
    for (int to = 0; to < counts.columns(); ++to) {
      const std::int64_t copies = counts.at(from, to);
      if (from != to && copies > 0) builder.add_call(RankId{from}, RankId{to}, copies * input.copy);
    }
  }
  return builder.take();
}

Picoseconds copying(const ExchangeInput& input, std::int64_t copies) {
  return input.options.copy_rate ? copies * input.copy / *input.options.copy_rate : Picoseconds{};
}

std::int64_t row_sum(const CountMatrix& counts, int row) {
  std::int64_t sum = 0;
  for (int column = 0; column < counts.columns(); ++column) sum += counts.at(row, column);
  return sum;
}

std::int64_t padded_copies(const ExchangeInput& input) {
  const auto experts = static_cast<std::int64_t>(input.batch.expert_tokens.size());
  MOESIM_CHECK(experts % input.batch.layout.ranks == 0, "{} experts on {} ranks", experts, input.batch.layout.ranks);
  return *input.options.padded_slots_per_expert * (experts / input.batch.layout.ranks);
}

}  // namespace moesim::detail

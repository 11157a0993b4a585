#include "models/routing/capacity.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "models/routing/sequences.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

// Indices of choices, first come first served.
using Refused = std::vector<std::size_t>;

Refused refused_by_position(std::int64_t slots, const Choices& choices, std::vector<std::int64_t>& accepted) {
  Refused refused;
  const auto stride = static_cast<std::size_t>(choices.slots);
  for (std::size_t slot = 0; slot < stride; ++slot) {
    for (std::size_t i = slot; i < choices.experts.size(); i += stride) {
      const std::int32_t expert = choices.experts[i];
      if (expert < 0) continue;
      std::int64_t& count = accepted[static_cast<std::size_t>(expert)];
      if (count == slots) {
        refused.push_back(i);
      } else {
        ++count;
      }
    }
  }
  return refused;
}

Refused refused_by_score(std::int64_t slots, const Choices& choices, std::vector<std::int64_t>& accepted) {
  MOESIM_CHECK(choices.weights.size() == choices.experts.size(), "{} weights of {} choices", choices.weights.size(),
               choices.experts.size());
  const auto stride = static_cast<std::size_t>(choices.slots);
  const auto comes_first = [&](std::size_t a, std::size_t b) {
    if (choices.weights[a] != choices.weights[b]) return choices.weights[a] > choices.weights[b];
    return a % stride != b % stride ? a % stride < b % stride : a < b;
  };
  std::vector<std::vector<std::size_t>> choices_of(accepted.size());
  for (std::size_t i = 0; i < choices.experts.size(); ++i) {
    if (choices.experts[i] >= 0) choices_of[static_cast<std::size_t>(choices.experts[i])].push_back(i);
  }
  Refused refused;
  for (std::size_t e = 0; e < accepted.size(); ++e) {
    accepted[e] = std::min(slots, std::ssize(choices_of[e]));
    if (accepted[e] == std::ssize(choices_of[e])) continue;
    const auto last = choices_of[e].begin() + static_cast<std::ptrdiff_t>(slots);
    std::nth_element(choices_of[e].begin(), last, choices_of[e].end(), comes_first);
    refused.insert(refused.end(), last, choices_of[e].end());
  }
  std::sort(refused.begin(), refused.end(), comes_first);
  return refused;
}

// Finds new experts for what was refused.
class SendOn {
 public:
  SendOn(const RouterSpec& router, std::int64_t slots, std::vector<std::int64_t>& accepted, Choices& choices,
         Alternatives& others)
      : overflow_(router.capacity->overflow), slots_(slots), accepted_(accepted), choices_(choices), others_(others) {
    for (const std::int64_t count : accepted) open_.push_back(count < slots);
  }

  // The choice no longer names the expert that refused it.
  std::int32_t expert_for(std::size_t token) {
    const std::int32_t expert =
        overflow_ == Capacity::Overflow::reroute ? others_.next(token, open_) : least_loaded(token);
    if (expert == Alternatives::kNone) return expert;
    const auto e = static_cast<std::size_t>(expert);
    open_[e] = ++accepted_[e] < slots_;
    return expert;
  }

 private:
  // Of equal ones the lowest.
  std::int32_t least_loaded(std::size_t token) const {
    const auto stride = static_cast<std::size_t>(choices_.slots);
    const auto chosen = std::span(choices_.experts).subspan(token * stride, stride);
    std::int32_t best = Alternatives::kNone;
    std::int64_t least = slots_;
    for (std::size_t e = 0; e < accepted_.size(); ++e) {
      const auto expert = static_cast<std::int32_t>(e);
      if (accepted_[e] >= least || !others_.allows(token, expert)) continue;
      if (std::find(chosen.begin(), chosen.end(), expert) != chosen.end()) continue;
      best = expert;
      least = accepted_[e];
    }
    return best;
  }

  Capacity::Overflow overflow_;
  std::int64_t slots_;
  std::vector<std::int64_t>& accepted_;
  Choices& choices_;
  Alternatives& others_;
  std::vector<char> open_;  // [experts]
};

}  // namespace

std::int64_t capacity_slots(const RouterSpec& router, std::int64_t tokens) {
  // So that a factor such as 1.15 of 100 is 115, although 1.15 * 100 is a little less in binary.
  constexpr double kRounding = 1e-9;
  const std::int64_t mean = tokens * router.top_k / router.num_experts;
  const double factor = router.capacity ? router.capacity->factor : 1.0;
  return std::max<std::int64_t>(1,
                                static_cast<std::int64_t>(std::floor(static_cast<double>(mean) * factor + kRounding)));
}

std::int64_t slots_of_rank(const RouterSpec& router, std::int64_t tokens) {
  const bool by_sequence = router.capacity && router.capacity->scope == Capacity::Scope::sequence;
  std::int64_t slots = 0;
  std::int64_t routed = 0;
  for (const Sequence& sequence : sequences(router, tokens)) {
    routed += sequence.kept * router.sub_tokens.parts;
    if (by_sequence) slots += capacity_slots(router, sequence.kept * router.sub_tokens.parts);
  }
  return by_sequence ? slots : capacity_slots(router, routed);
}

void enforce_capacity(const RouterSpec& router, std::int64_t slots, Choices& choices, Alternatives* others) {
  MOESIM_CHECK(choices.shares.size() == choices.experts.size(), "{} shares of {} choices", choices.shares.size(),
               choices.experts.size());
  const auto stride = static_cast<std::size_t>(choices.slots);
  std::vector<std::int64_t> accepted(static_cast<std::size_t>(router.num_experts));
  const bool by_score = router.capacity->order == Capacity::Order::score;
  const Refused refused =
      by_score ? refused_by_score(slots, choices, accepted) : refused_by_position(slots, choices, accepted);
  for (const std::size_t i : refused) {
    choices.experts[i] = Choices::kDropped;
    choices.lost_share += static_cast<double>(choices.shares[i]);
  }
  if (others == nullptr) return;
  SendOn send_on(router, slots, accepted, choices, *others);
  for (const std::size_t i : refused) {
    const std::int32_t expert = send_on.expert_for(i / stride);
    if (expert == Alternatives::kNone) continue;
    choices.experts[i] = expert;
    choices.shares[i] = others->share(i / stride, expert);
    choices.lost_share -= static_cast<double>(choices.shares[i]);
    ++choices.rerouted;
  }
}

}  // namespace moesim

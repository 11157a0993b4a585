#pragma once

#include <memory>

#include "models/routing/choices.hpp"
#include "models/routing/expert_groups.hpp"
#include "models/routing/expert_race.hpp"
#include "models/routing/router_spec.hpp"
#include "models/routing/token_random.hpp"

namespace moesim {

// The rule by which one MoE layer's router picks experts. It knows scores and experts; nothing of ranks, placement or
// capacity, which come after it.
//
// Contract: each call appends its tokens to `choices`, in order. A token's experts differ from one another and stand
// best first. `choices.lost_share` grows by what the rule itself gives up (0 for the free top-k). Randomness comes only
// from `random`. The two ways to choose give the same distribution; a policy object is immutable.
class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;

  // From the logits of every expert. Also fills `choices.weights`.
  virtual void choose(const LogitBlock& logits, detail::TokenRandom& random, Choices& choices) const = 0;

  // From the race, without the logits that nobody needs. Only where can_sample() holds for what `wanted` is asked to
  // hold.
  virtual bool can_sample(const Choices& /*wanted*/) const { return false; }
  // Whether sample() wants the race in the groups of the policy, or over all experts.
  virtual bool races_in_groups() const { return true; }
  virtual void sample(ExpertRace& race, std::size_t tokens, detail::TokenRandom& random, Choices& choices) const;

  // True if tokens compete, so that choose() must be given all tokens among which the policy chooses at once.
  virtual bool needs_all_tokens() const { return false; }
};

// No choices yet; asks for what the router's capacity will have to know of them.
Choices empty_choices(const RouterSpec& router);

// Whether the policy, asked so, needs the logits of every expert, drawn one by one or computed.
bool draws_all_logits(const RouterSpec& router);

// The one list of policies: a new one is a file in policies/, a line here and a test.
std::unique_ptr<RoutingPolicy> make_policy(const RouterSpec& router, const ExpertGroups& groups);

}  // namespace moesim

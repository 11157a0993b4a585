#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/routing/choices.hpp"
#include "models/routing/router_spec.hpp"
#include "models/routing/token_random.hpp"

namespace moesim {

// Where tokens may go that an expert has refused, of Choices with their `rest`. `open` [experts] says which experts
// take one more; an expert that is closed once stays so. Keeps references to the router and the choices.
class Alternatives {
 public:
  static constexpr std::int32_t kNone = -1;

  virtual ~Alternatives() = default;

  // The token's expert of the highest score (plus bias) among those that are open, that the rule lets it go to, and
  // that none of its choices names.
  virtual std::int32_t next(std::size_t token, const std::vector<char>& open) = 0;

  // Whether the rule lets the token go to the expert.
  virtual bool allows(std::size_t token, std::int32_t expert) const = 0;

  // The share (Choices::shares) of an expert that next() gave last for the token, or of any other that the token has
  // not chosen; each is asked for once.
  virtual float share(std::size_t token, std::int32_t expert) = 0;
};

// Of choices that RoutingPolicy::choose() made.
std::unique_ptr<Alternatives> alternatives_from_scores(const RouterSpec& router, const Choices& choices);

// Of choices that an unrestricted top-k sampled, all with one popularity [experts]: the race goes on among the experts
// that are left. `random` belongs to these choices alone.
std::unique_ptr<Alternatives> alternatives_from_race(const RouterSpec& router, std::span<const double> popularity,
                                                     const Choices& choices, const detail::TokenRandom& random);

}  // namespace moesim

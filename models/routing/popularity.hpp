#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/router_spec.hpp"
#include "sim/ids.hpp"

namespace moesim {

// No expert's popularity is below this, however steep the skew: every expert can win the race.
inline constexpr double kMinPopularity = 1e-12;

// How popular each expert is: p[experts], sum 1; the logit of expert e is ln p[e] plus Gumbel noise. `router.skew`
// gives the shape, which is the same for every seed; the seed only says which experts are the popular ones. With v_i
// the shape's values, i = 0 the most popular, u_i = (i + 1/2) / N:
//   uniform    v_i = 1
//   zipf       v_i = (i + 1)^-exponent
//   power_law  v_i = quantile 1 - u_i of the density x^-alpha on [1, R], with R = 0.8 tokens, or 200 if tokens * k <= N
//              (the law by which NVIDIA AIConfigurator loads experts in its kernel measurements)
//   lognormal  v_i = exp(sigma * z_i), z_i the quantile 1 - u_i of the normal distribution
//   hot_rank   the experts of rank 0 share one value and all others another, such that of the copies of an unrestricted
//              top-k the share `parameter` is for rank 0. `parameter` is below max_hot_share().
// `rank_of_expert` [experts]; `tokens` is T over all ranks (power_law only).
std::vector<double> expert_popularity(const RouterSpec& router, std::span<const RankId> rank_of_expert,
                                      std::int64_t tokens, std::uint64_t seed);

// The same where expert e is the places[e]-th most popular, counted from 0, of the shapes that are shuffled.
std::vector<double> expert_popularity(const RouterSpec& router, std::span<const RankId> rank_of_expert,
                                      std::int64_t tokens, std::span<const std::int32_t> places);

// The order in which `seed` shuffles the experts: places[experts], 0 the most popular.
std::vector<std::int32_t> shuffled_places(int experts, std::uint64_t seed);

// Sum 1, and none below kMinPopularity.
void normalize_popularity(std::vector<double>& values);

// The values v_i above, [experts], most popular first; all 1 for the kinds that are no shape.
std::vector<double> popularity_shape(const RouterSpec& router, std::int64_t tokens);

// Quantile `u` of the density proportional to x^-alpha on [least, largest].
double power_law_quantile(double u, double alpha, double least, double largest);

// The largest share of all copies that one rank can be given when a token's k experts differ: min(1, experts a rank /
// k).
double max_hot_share(int experts_per_rank, int top_k);

}  // namespace moesim

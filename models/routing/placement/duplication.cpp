#include "models/routing/placement/duplication.hpp"

#include <algorithm>
#include <tuple>

#include "models/routing/placement/balanced_packing.hpp"
#include "sim/check.hpp"

namespace moesim {

ExpertPlacement duplicate_busiest(std::span<const double> loads, int redundant, int ranks) {
  const auto experts = static_cast<int>(loads.size());
  MOESIM_CHECK(ranks > 0 && experts % ranks == 0 && redundant % ranks == 0, "{} and {} experts on {} ranks", experts,
               redundant, ranks);
  const std::vector<std::int32_t> replicas = replicate_heaviest(loads, experts + redundant);
  std::vector<double> shares(loads.begin(), loads.end());
  std::vector<double> count(loads.size());
  for (const std::int32_t e : replicas) ++count[static_cast<std::size_t>(e)];
  for (std::size_t e = 0; e < shares.size(); ++e) shares[e] /= count[e];

  const auto slots = static_cast<std::size_t>((experts + redundant) / ranks);
  std::vector<std::vector<std::int32_t>> members(static_cast<std::size_t>(ranks));
  std::vector<double> sums(members.size());
  const auto put = [&](std::int32_t expert, std::size_t rank) {
    members[rank].push_back(expert);
    sums[rank] += shares[static_cast<std::size_t>(expert)];
  };
  for (std::int32_t e = 0; e < experts; ++e) put(e, static_cast<std::size_t>(e / (experts / ranks)));

  const std::span copies = std::span(replicas).subspan(loads.size());
  std::vector<double> copy_shares;
  copy_shares.reserve(copies.size());
  for (const std::int32_t e : copies) copy_shares.push_back(shares[static_cast<std::size_t>(e)]);
  for (const std::int32_t copy : falling_order(copy_shares)) {
    const std::int32_t expert = copies[static_cast<std::size_t>(copy)];
    const auto cost = [&](std::size_t rank) {
      const auto& own = members[rank];
      return std::tuple{own.size() == slots, std::find(own.begin(), own.end(), expert) != own.end(), sums[rank]};
    };
    std::size_t best = 0;
    for (std::size_t rank = 1; rank < members.size(); ++rank) {
      if (cost(rank) < cost(best)) best = rank;
    }
    put(expert, best);
  }
  std::vector<std::int32_t> expert_of_slot;
  for (const auto& own : members) expert_of_slot.insert(expert_of_slot.end(), own.begin(), own.end());
  return {experts, ranks, std::move(expert_of_slot)};
}

double duplication_break_even_tokens(const DuplicationCosts& costs) {
  const double saved = costs.top_k * (costs.max_over_mean_before - costs.max_over_mean_after) * costs.copy.seconds();
  MOESIM_CHECK(saved > 0, "max over mean from {} to {}", costs.max_over_mean_before, costs.max_over_mean_after);
  return costs.move.seconds() / saved;
}

}  // namespace moesim

#include "models/routing/placement.hpp"

#include "sim/check.hpp"

namespace moesim {

std::optional<PlacementKind> placement_kind(std::string_view name) {
  if (name == "contiguous") return PlacementKind::contiguous;
  if (name == "strided") return PlacementKind::strided;
  return std::nullopt;
}

std::string_view name(PlacementKind kind) { return kind == PlacementKind::contiguous ? "contiguous" : "strided"; }

std::vector<RankId> place_experts(PlacementKind kind, int experts, int ranks) {
  MOESIM_CHECK(ranks > 0 && experts > 0 && experts % ranks == 0, "{} experts on {} ranks", experts, ranks);
  const int experts_per_rank = experts / ranks;
  std::vector<RankId> rank_of_expert;
  rank_of_expert.reserve(static_cast<std::size_t>(experts));
  for (int expert = 0; expert < experts; ++expert) {
    rank_of_expert.emplace_back(kind == PlacementKind::contiguous ? expert / experts_per_rank : expert % ranks);
  }
  return rank_of_expert;
}

}  // namespace moesim

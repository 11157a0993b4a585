#include "models/schedule/parallel_sizes.hpp"

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {
namespace {

// Ranks base, base + step, ...
std::vector<RankId> strided(int base, int step, int count) {
  std::vector<RankId> ranks;
  ranks.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ranks.push_back(RankId{base + i * step});
  return ranks;
}

}  // namespace

std::optional<std::string> why_not(const ParallelSizes& sizes) {
  for (const auto& [name, size] : {std::pair{"tp", sizes.tp},
                                   {"cp", sizes.cp},
                                   {"dp", sizes.dp},
                                   {"pp", sizes.pp},
                                   {"ep", sizes.ep},
                                   {"etp", sizes.etp}}) {
    if (size < 1) return fmt::format("{} is {}, not 1 or more", name, size);
  }
  const int experts = sizes.ep * sizes.etp;
  if (sizes.stage_ranks() % experts != 0) {
    return fmt::format("ep * etp = {} does not divide the {} ranks of a stage (tp * cp * dp)", experts,
                       sizes.stage_ranks());
  }
  return std::nullopt;
}

RankPlace place_of(const ParallelSizes& sizes, RankId rank) {
  MOESIM_CHECK(rank.value >= 0 && rank.value < sizes.ranks(), "rank {} of {}", rank.value, sizes.ranks());
  const int in_stage = rank.value % sizes.stage_ranks();
  return {.tp = in_stage % sizes.tp,
          .cp = in_stage / sizes.tp % sizes.cp,
          .dp = in_stage / (sizes.tp * sizes.cp),
          .pp = rank.value / sizes.stage_ranks(),
          .etp = in_stage % sizes.etp,
          .ep = in_stage / sizes.etp % sizes.ep,
          .replica = in_stage / (sizes.etp * sizes.ep)};
}

RankId rank_at(const ParallelSizes& sizes, int pp, int dp, int cp, int tp) {
  return RankId{((pp * sizes.dp + dp) * sizes.cp + cp) * sizes.tp + tp};
}

std::vector<RankId> group_of(const ParallelSizes& sizes, ParallelGroup group, RankId rank) {
  const RankPlace at = place_of(sizes, rank);
  const int stage = at.pp * sizes.stage_ranks();
  const int in_stage = rank.value - stage;
  switch (group) {
    case ParallelGroup::tensor:
      return strided(rank.value - at.tp, 1, sizes.tp);
    case ParallelGroup::context:
      return strided(rank.value - at.cp * sizes.tp, sizes.tp, sizes.cp);
    case ParallelGroup::data:
      return strided(stage + in_stage % (sizes.tp * sizes.cp), sizes.tp * sizes.cp, sizes.dp);
    case ParallelGroup::data_and_context:
      return strided(stage + at.tp, sizes.tp, sizes.cp * sizes.dp);
    case ParallelGroup::pipeline:
      return strided(in_stage, sizes.stage_ranks(), sizes.pp);
    case ParallelGroup::expert:
      return strided(rank.value - at.ep * sizes.etp, sizes.etp, sizes.ep);
    case ParallelGroup::expert_data:
      return strided(stage + at.ep * sizes.etp + at.etp, sizes.ep * sizes.etp, sizes.expert_replicas());
  }
  MOESIM_CHECK(false, "no such group");
  return {};
}

}  // namespace moesim

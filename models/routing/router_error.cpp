#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/routing/popularity.hpp"
#include "models/routing/route_batch.hpp"

namespace moesim {
namespace {

using Error = std::optional<std::string>;

Error count_error(const RouterSpec& router, const RankLayout& layout) {
  const int experts = router.num_experts;
  if (experts < 1) return fmt::format("num_experts is {}, but must be at least 1", experts);
  if (router.top_k < 1) return fmt::format("top_k is {}, but must be at least 1", router.top_k);
  if (router.top_k > experts) return fmt::format("top_k is {}, but there are only {} experts", router.top_k, experts);
  if (layout.ranks < 1 || layout.ranks_per_node < 1 || experts % layout.ranks != 0) {
    return fmt::format("{} experts cannot be spread evenly over {} ranks", experts, layout.ranks);
  }
  if (router.kind == RoutingKind::top_1 && router.top_k != 1) return fmt::format("top_1 with top_k {}", router.top_k);
  if (router.kind == RoutingKind::top_2_random_second && router.top_k != 2) {
    return fmt::format("top_2_random_second with top_k {}", router.top_k);
  }
  if (!router.bias.empty() && std::ssize(router.bias) != experts) {
    return fmt::format("bias has {} values for {} experts", router.bias.size(), experts);
  }
  if (router.capacity && !(router.capacity->factor > 0 && std::isfinite(router.capacity->factor))) {
    return fmt::format("capacity factor is {}, but must be above 0", router.capacity->factor);
  }
  return std::nullopt;
}

Error group_error(const RouterSpec& router, const RankLayout& layout) {
  const bool by_node = router.kind == RoutingKind::node_limited;
  if (!by_node && router.kind != RoutingKind::group_limited) return std::nullopt;
  const int groups = by_node ? layout.nodes() : router.groups;
  const char* word = by_node ? "nodes" : "groups";
  if (groups < 1 || (!by_node && router.num_experts % groups != 0)) {
    return fmt::format("{} experts cannot be split into {} groups", router.num_experts, groups);
  }
  if (router.groups_kept < 1) return fmt::format("at most {} {} a token, but it needs one", router.groups_kept, word);
  if (router.groups_kept >= groups) return std::nullopt;
  const int experts_per_rank = router.num_experts / layout.ranks;
  const int whole = by_node ? experts_per_rank * layout.ranks_per_node : router.num_experts / groups;
  const int missing = by_node ? (layout.nodes() * layout.ranks_per_node - layout.ranks) * experts_per_rank : 0;
  const int reachable = router.groups_kept * whole - missing;
  if (router.top_k > reachable) {
    return fmt::format("top_k is {}, but {} {} have only {} experts", router.top_k, router.groups_kept, word,
                       reachable);
  }
  return std::nullopt;
}

Error recorded_error(const RouterSpec& router) {
  if (router.kind != RoutingKind::recorded) return std::nullopt;
  if (!router.recorded) return "no recorded ids";
  if (router.recorded->top_k != router.top_k) {
    return fmt::format("top_k is {}, but {} experts a token were recorded", router.top_k, router.recorded->top_k);
  }
  const auto most = *std::max_element(router.recorded->ids.begin(), router.recorded->ids.end());
  if (most < router.num_experts) return std::nullopt;
  return fmt::format("expert {} was recorded, but there are only {} experts", most, router.num_experts);
}

Error named_load_error(const RouterSpec& router) {
  const RoutingKind kind = router.kind;
  const bool in_turn = router.skew.kind == SkewKind::w0_balanced;
  if (in_turn && kind != RoutingKind::top_k && kind != RoutingKind::top_1) {
    return fmt::format("w0_balanced deals experts out in turn, which is top_k or top_1 and not {}", name(kind));
  }
  if (router.skew.kind != SkewKind::w5_zero_load || router.top_k <= (router.num_experts + 1) / 2) return std::nullopt;
  return fmt::format("top_k is {}, but w5_zero_load leaves only {} experts", router.top_k,
                     (router.num_experts + 1) / 2);
}

Error loads_error(const RouterSpec& router) {
  if (router.skew.kind != SkewKind::loads) return std::nullopt;
  if (!router.loads) return "no loads";
  if (router.loads->experts == router.num_experts) return std::nullopt;
  return fmt::format("loads of {} experts, but there are {}", router.loads->experts, router.num_experts);
}

Error skew_error(const RouterSpec& router, const RankLayout& layout) {
  const double parameter = router.skew.parameter;
  switch (router.skew.kind) {
    case SkewKind::zipf:
    case SkewKind::power_law:
    case SkewKind::lognormal:
      if (parameter >= 0 && std::isfinite(parameter)) return std::nullopt;
      return fmt::format("the skew's parameter is {}, but must be at least 0", parameter);
    case SkewKind::hot_rank: {
      const double most = max_hot_share(router.num_experts / layout.ranks, router.top_k);
      if (layout.ranks == 1 || (parameter > 0 && parameter < most)) return std::nullopt;
      return fmt::format("the hot rank's share is {}, but must be above 0 and below {}", parameter, most);
    }
    default:
      return std::nullopt;  // Without a parameter.
  }
}

// Logits, scores and one expert's candidates; the last is small beside the others.
Error memory_error(const RouterSpec& router, const RankLayout& layout, std::int64_t tokens) {
  constexpr double kMostGib = 16;
  if (router.kind != RoutingKind::expert_choice) return std::nullopt;
  const bool batch = router.capacity && router.capacity->scope == Capacity::Scope::batch;
  const double scope_tokens = static_cast<double>(tokens) / (batch ? 1 : layout.ranks);
  const double gib = scope_tokens * router.num_experts * 2 * sizeof(float) * 0x1p-30;
  if (gib <= kMostGib) return std::nullopt;
  return fmt::format("expert_choice over {:.3g} tokens and {} experts would take {:.0f} GiB, more than {:.0f}",
                     scope_tokens, router.num_experts, gib, kMostGib);
}

}  // namespace

std::optional<std::string> router_error(const RouterSpec& router, const RankLayout& layout, std::int64_t tokens) {
  if (Error error = count_error(router, layout)) return error;
  if (Error error = group_error(router, layout)) return error;
  if (Error error = recorded_error(router)) return error;
  if (Error error = named_load_error(router)) return error;
  if (Error error = loads_error(router)) return error;
  if (Error error = skew_error(router, layout)) return error;
  return memory_error(router, layout, tokens);
}

}  // namespace moesim

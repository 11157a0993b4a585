#include "scenarios/routing_json.hpp"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/routing/popularity.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 8> kKinds{
    "top_1",         "top_k",        "noisy_top_k",    "top_2_random_second",
    "group_limited", "node_limited", "device_limited", "expert_choice"};
constexpr std::array<std::string_view, 3> kScorings{"softmax_topk", "softmax", "sigmoid"};
constexpr std::array<std::string_view, 2> kPaths{"sampled", "logits"};
// In the order of the enumerations.
constexpr std::array<std::string_view, 2> kGroupScores{"best", "best_two"};
constexpr std::array<std::string_view, 3> kScopes{"batch", "rank", "sequence"};
constexpr std::array<std::string_view, 2> kOrders{"position", "score"};
constexpr std::array<std::string_view, 3> kOverflows{"drop", "reroute", "least_loaded"};
constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;
constexpr int kMostParts = 1024;

// In the order of SkewKind: the name, the key of its parameter, and the largest value of that.
struct SkewForm {
  std::string_view name;
  std::string_view parameter;
  double most;
};
constexpr std::array<SkewForm, 13> kSkews{{{"uniform", "", 0},
                                           {"zipf", "exponent", 10},
                                           {"power_law", "alpha", 10},
                                           {"lognormal", "sigma", 10},
                                           {"hot_rank", "share", 1},
                                           {"w0_balanced", "", 0},
                                           {"w1_hot_experts", "", 0},
                                           {"w2_hot_rank", "", 0},
                                           {"w3_spread", "", 0},
                                           {"w4_ragged_sources", "", 0},
                                           {"w5_zero_load", "", 0},
                                           {"w6_rotating", "", 0},
                                           {"w7_burst", "", 0}}};

Skew read_skew(JsonReader reader) {
  std::array<std::string_view, kSkews.size()> names;
  for (std::size_t i = 0; i < kSkews.size(); ++i) names[i] = kSkews[i].name;
  const std::size_t index = reader.choice("kind", names);
  Skew skew;
  skew.kind = static_cast<SkewKind>(index);
  const SkewForm& form = kSkews[index];
  if (!form.parameter.empty()) skew.parameter = reader.number(form.parameter, 0, form.most);
  if (is_shuffled(skew.kind)) {
    skew.layer_correlation = reader.number_or("layer_correlation", 0, 1, 0);
    skew.step_drift = reader.number_or("step_drift", 0, 1, 0);
  }
  reader.finish();
  return skew;
}

// "none", or {"factor": 1.25, "scope": "rank", "order": "position", "overflow": "drop"}.
std::optional<Capacity> read_capacity(JsonReader& reader) {
  const nlohmann::json& value = reader.raw("capacity");
  if (value == "none") return std::nullopt;
  if (!value.is_object()) reader.fail("capacity", shorten_json(value), "\"none\" or an object with \"factor\"");
  JsonReader capacity = reader.object("capacity");
  Capacity result;
  result.factor = capacity.number("factor", 1e-3, 1e6);
  if (capacity.has("scope")) result.scope = static_cast<Capacity::Scope>(capacity.choice("scope", kScopes));
  if (capacity.has("order")) result.order = static_cast<Capacity::Order>(capacity.choice("order", kOrders));
  if (capacity.has("overflow")) {
    result.overflow = static_cast<Capacity::Overflow>(capacity.choice("overflow", kOverflows));
  }
  capacity.finish();
  return result;
}

// "none", or {"share": 0.125}.
std::optional<MixtureOfDepths> read_depths(JsonReader& reader) {
  const nlohmann::json& value = reader.raw("mixture_of_depths");
  if (value == "none") return std::nullopt;
  if (!value.is_object()) {
    reader.fail("mixture_of_depths", shorten_json(value), "\"none\" or an object with \"share\"");
  }
  JsonReader depths = reader.object("mixture_of_depths");
  const MixtureOfDepths result{.share = depths.number("share", 1e-6, 1)};
  depths.finish();
  return result;
}

// "none", or {"parts": 4, "projections": true}.
SubTokens read_sub_tokens(JsonReader& reader) {
  const nlohmann::json& value = reader.raw("sub_tokens");
  if (value == "none") return {};
  if (!value.is_object()) reader.fail("sub_tokens", shorten_json(value), "\"none\" or an object with \"parts\"");
  JsonReader sub_tokens = reader.object("sub_tokens");
  SubTokens result;
  result.parts = static_cast<int>(sub_tokens.integer("parts", 2, kMostParts));
  result.projections = sub_tokens.boolean_or("projections", true);
  sub_tokens.finish();
  return result;
}

// Sequences matter where tokens are counted within them.
void read_sequence_length(JsonReader& reader, RouterSpec& router) {
  const bool by_sequence = router.capacity && router.capacity->scope == Capacity::Scope::sequence;
  router.sequence_length = 0;
  if (by_sequence) {
    router.sequence_length = reader.integer("sequence_length", 1, kMostTokens);
  } else if (router.mixture_of_depths) {
    router.sequence_length = reader.integer_or("sequence_length", 0, kMostTokens, 0);
  }
}

void read_top_k(JsonReader& reader, RouterSpec& router) {
  // Two kinds leave no choice.
  const bool one = router.kind == RoutingKind::top_1;
  const bool two = router.kind == RoutingKind::top_2_random_second;
  if (one || two) router.top_k = one ? 1 : 2;
  const int least = two ? 2 : 1;
  const int most = one ? 1 : two ? 2 : router.num_experts;
  router.top_k = static_cast<int>(reader.integer_or("top_k", least, most, router.top_k));
}

void read_groups(JsonReader& reader, const RouterSpec& published, const RankLayout& layout, RouterSpec& router) {
  if (!is_group_limited(router.kind)) {
    router.groups = 1;
    router.groups_kept = 1;
    router.group_score = GroupScore::best_two;
    return;
  }
  if (router.kind == RoutingKind::node_limited) {
    router.groups = layout.nodes();
  } else if (router.kind == RoutingKind::device_limited) {
    router.groups = layout.ranks;
  } else if (is_group_limited(published.kind)) {
    router.groups = static_cast<int>(reader.integer_or("groups", 1, router.num_experts, published.groups));
  } else {
    router.groups = static_cast<int>(reader.integer("groups", 1, router.num_experts));
  }
  if (router.num_experts % router.groups != 0 && router.kind == RoutingKind::group_limited) {
    reader.fail("groups", std::to_string(router.groups), fmt::format("a divisor of {} experts", router.num_experts));
  }
  // The card's limit holds as far as there are so many groups or nodes; without one the scenario has to say it.
  router.groups_kept = is_group_limited(published.kind)
                           ? static_cast<int>(reader.integer_or("groups_kept", 1, router.groups,
                                                                std::min(published.groups_kept, router.groups)))
                           : static_cast<int>(reader.integer("groups_kept", 1, router.groups));
  // Device-limited is DeepSeek-V2's; the others are the card's, or else DeepSeek-V3's.
  if (router.kind == RoutingKind::device_limited) {
    router.group_score = GroupScore::best;
  } else if (!is_group_limited(published.kind)) {
    router.group_score = GroupScore::best_two;
  }
  if (reader.has("group_score")) {
    router.group_score = static_cast<GroupScore>(reader.choice("group_score", kGroupScores));
  }
}

// One rank has all copies anyway; of more, the hottest can have no more than its experts allow.
void check_hot_rank(JsonReader& reader, const RouterSpec& router, const RankLayout& layout) {
  if (router.skew.kind != SkewKind::hot_rank) return;
  if (layout.ranks == 1) reader.fail("skew", "hot_rank with one rank", "another kind: the one rank has every copy");
  if (!reader.has("skew")) return;
  const double most = max_hot_share(router.num_experts / layout.ranks, router.top_k);
  const double share = router.skew.parameter;
  if (share > 0 && share < most) return;
  reader.object("skew").fail("share", fmt::format("{}", share), fmt::format("a number above 0 and below {:g}", most));
}

}  // namespace

RoutingChoice read_routing(JsonReader reader, const RouterSpec& published, const RankLayout& layout,
                           std::int64_t tokens) {
  RoutingChoice choice{published, RoutingPath::sampled};
  RouterSpec& router = choice.router;
  if (reader.has("kind")) router.kind = *routing_kind(kKinds[reader.choice("kind", kKinds)]);
  read_top_k(reader, router);
  if (reader.has("scoring")) router.scoring = static_cast<Scoring>(reader.choice("scoring", kScorings));
  router.normalize = reader.boolean_or("normalize", router.normalize);
  read_groups(reader, published, layout, router);
  if (reader.has("capacity")) router.capacity = read_capacity(reader);
  if (reader.has("mixture_of_depths")) router.mixture_of_depths = read_depths(reader);
  if (reader.has("sub_tokens")) router.sub_tokens = read_sub_tokens(reader);
  read_sequence_length(reader, router);
  if (reader.has("skew")) router.skew = read_skew(reader.object("skew"));
  if (reader.has("path")) choice.path = *routing_path(kPaths[reader.choice("path", kPaths)]);
  check_hot_rank(reader, router, layout);
  reader.finish();
  if (const auto problem = router_error(router, layout, tokens)) reader.fail("", *problem, "a router that can route");
  return choice;
}

ordered_json routing_json(const RouterSpec& router, RoutingPath path) {
  ordered_json json = {{"kind", name(router.kind)}, {"top_k", router.top_k}};
  json["scoring"] = kScorings[static_cast<std::size_t>(router.scoring)];
  json["normalize"] = router.normalize;
  if (router.kind == RoutingKind::group_limited) json["groups"] = router.groups;
  if (is_group_limited(router.kind)) {
    json["groups_kept"] = router.groups_kept;
    json["group_score"] = kGroupScores[static_cast<std::size_t>(router.group_score)];
  }
  json["capacity"] = "none";
  if (const auto& capacity = router.capacity) {
    json["capacity"] = {{"factor", capacity->factor},
                        {"scope", kScopes[static_cast<std::size_t>(capacity->scope)]},
                        {"order", kOrders[static_cast<std::size_t>(capacity->order)]},
                        {"overflow", kOverflows[static_cast<std::size_t>(capacity->overflow)]}};
  }
  if (router.mixture_of_depths) json["mixture_of_depths"] = {{"share", router.mixture_of_depths->share}};
  if (router.sub_tokens.parts > 1) {
    json["sub_tokens"] = {{"parts", router.sub_tokens.parts}, {"projections", router.sub_tokens.projections}};
  }
  if (router.sequence_length > 0) json["sequence_length"] = router.sequence_length;
  const SkewForm& skew = kSkews[static_cast<std::size_t>(router.skew.kind)];
  json["skew"]["kind"] = skew.name;
  if (!skew.parameter.empty()) json["skew"][std::string(skew.parameter)] = router.skew.parameter;
  if (is_shuffled(router.skew.kind)) {
    json["skew"]["layer_correlation"] = router.skew.layer_correlation;
    json["skew"]["step_drift"] = router.skew.step_drift;
  }
  json["path"] = name(path);
  return json;
}

}  // namespace moesim

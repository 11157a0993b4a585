#include "scenarios/routing_json.hpp"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/routing/popularity.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 7> kKinds{"top_1",         "top_k",        "noisy_top_k",  "top_2_random_second",
                                                 "group_limited", "node_limited", "expert_choice"};
constexpr std::array<std::string_view, 3> kScorings{"softmax_topk", "softmax", "sigmoid"};
constexpr std::array<std::string_view, 2> kPaths{"sampled", "logits"};
constexpr std::array<std::string_view, 2> kScopes{"batch", "rank"};

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

bool has_groups(RoutingKind kind) { return kind == RoutingKind::group_limited || kind == RoutingKind::node_limited; }

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

// "none", or {"factor": 1.25, "scope": "rank"}.
std::optional<Capacity> read_capacity(JsonReader& reader) {
  const nlohmann::json& value = reader.raw("capacity");
  if (value == "none") return std::nullopt;
  if (!value.is_object()) reader.fail("capacity", shorten_json(value), "\"none\" or an object with \"factor\"");
  JsonReader capacity = reader.object("capacity");
  Capacity result;
  result.factor = capacity.number("factor", 1e-3, 1e6);
  if (capacity.has("scope") && capacity.choice("scope", kScopes) == 0) result.scope = Capacity::Scope::batch;
  capacity.finish();
  return result;
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
  if (!has_groups(router.kind)) {
    router.groups = 1;
    router.groups_kept = 1;
    return;
  }
  if (router.kind == RoutingKind::node_limited) {
    router.groups = layout.nodes();
  } else if (has_groups(published.kind)) {
    router.groups = static_cast<int>(reader.integer_or("groups", 1, router.num_experts, published.groups));
  } else {
    router.groups = static_cast<int>(reader.integer("groups", 1, router.num_experts));
  }
  if (router.num_experts % router.groups != 0 && router.kind == RoutingKind::group_limited) {
    reader.fail("groups", std::to_string(router.groups), fmt::format("a divisor of {} experts", router.num_experts));
  }
  // The card's limit holds as far as there are so many groups or nodes; without one the scenario has to say it.
  router.groups_kept = has_groups(published.kind)
                           ? static_cast<int>(reader.integer_or("groups_kept", 1, router.groups,
                                                                std::min(published.groups_kept, router.groups)))
                           : static_cast<int>(reader.integer("groups_kept", 1, router.groups));
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
  if (has_groups(router.kind)) json["groups_kept"] = router.groups_kept;
  if (router.capacity) {
    json["capacity"] = {{"factor", router.capacity->factor},
                        {"scope", router.capacity->scope == Capacity::Scope::batch ? "batch" : "rank"}};
  } else {
    json["capacity"] = "none";
  }
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

#include "scenarios/moe_json.hpp"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_json.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::int64_t kMaxExperts = 1 << 20;
constexpr std::int64_t kMaxWidth = 1 << 20;
constexpr double kMostFactor = 1e6;

// The policies that a published model can have; node_limited depends on a cluster.
constexpr std::array<std::string_view, 6> kKinds{"top_1",         "top_k",        "noisy_top_k", "top_2_random_second",
                                                 "group_limited", "expert_choice"};
constexpr std::array<std::string_view, 3> kScorings{"softmax_topk", "softmax", "sigmoid"};
constexpr std::array<std::string_view, 2> kGroupScores{"best", "best_two"};
constexpr std::array<std::string_view, 2> kScopes{"batch", "rank"};  // What a sequence is, a card cannot know.

void check_counts(JsonReader& reader, const RouterSpec& router) {
  if (router.top_k <= router.num_experts) return;
  reader.fail("top_k", fmt::format("{}", router.top_k), fmt::format("at most the {} experts", router.num_experts));
}

void check_policy(JsonReader& reader, const RouterSpec& router) {
  const std::int64_t k = router.top_k;
  if (router.kind == RoutingKind::top_1 && k != 1) reader.fail("top_k", fmt::format("{}", k), "1 with \"top_1\"");
  if (router.kind == RoutingKind::top_2_random_second && k != 2) {
    reader.fail("top_k", fmt::format("{}", k), "2 with \"top_2_random_second\"");
  }
}

void read_groups(JsonReader& reader, RouterSpec& router) {
  if (router.kind != RoutingKind::group_limited) return;
  router.groups = static_cast<int>(reader.integer("groups", 1, router.num_experts));
  if (router.num_experts % router.groups != 0) {
    reader.fail("groups", fmt::format("{}", router.groups),
                fmt::format("a divisor of the {} experts", router.num_experts));
  }
  router.groups_kept = static_cast<int>(reader.integer("groups_kept", 1, router.groups));
  if (reader.has("group_score")) {
    router.group_score = static_cast<GroupScore>(reader.choice("group_score", kGroupScores));
  }
  const std::int64_t reachable = std::int64_t{router.groups_kept} * (router.num_experts / router.groups);
  if (router.top_k > reachable) {
    reader.fail("groups_kept", fmt::format("{} groups with {} experts", router.groups_kept, reachable),
                fmt::format("groups with at least the {} experts of a token", router.top_k));
  }
}

void read_routing(JsonReader reader, MoeFfn& moe) {
  RouterSpec& router = moe.routing;
  router.kind = *routing_kind(kKinds[reader.choice("kind", kKinds)]);
  router.scoring = static_cast<Scoring>(reader.choice("scoring", kScorings));
  router.normalize = reader.boolean_or("normalize", false);
  router.scaling_factor = reader.number_or("scaling_factor", 1e-6, kMostFactor, 1);
  read_groups(reader, router);
  moe.selection_bias = reader.boolean_or("selection_bias", false);
  if (reader.has("capacity")) {
    JsonReader entry = reader.object("capacity");
    router.capacity = Capacity{.factor = entry.number("factor", 1e-6, kMostFactor), .scope = Capacity::Scope::rank};
    if (entry.has("scope")) router.capacity->scope = static_cast<Capacity::Scope>(entry.choice("scope", kScopes));
    entry.finish();
  }
  reader.finish();
}

ordered_json routing_json(const MoeFfn& moe) {
  const RouterSpec& router = moe.routing;
  ordered_json value{{"kind", name(router.kind)}, {"scoring", kScorings[static_cast<std::size_t>(router.scoring)]}};
  if (router.normalize) value["normalize"] = true;
  if (router.scaling_factor != 1) value["scaling_factor"] = card_number(router.scaling_factor);
  if (router.kind == RoutingKind::group_limited) {
    value["groups"] = router.groups;
    value["groups_kept"] = router.groups_kept;
    if (router.group_score == GroupScore::best) value["group_score"] = "best";
  }
  if (moe.selection_bias) value["selection_bias"] = true;
  if (router.capacity) {
    value["capacity"] = {{"factor", card_number(router.capacity->factor)},
                         {"scope", kScopes[static_cast<std::size_t>(router.capacity->scope)]}};
  }
  return value;
}

}  // namespace

MoeFfn read_moe(JsonReader reader) {
  MoeFfn moe;
  moe.routing.num_experts = static_cast<int>(reader.integer("experts", 1, kMaxExperts));
  moe.routing.top_k = static_cast<int>(reader.integer("top_k", 1, kMaxExperts));
  check_counts(reader, moe.routing);
  moe.expert_width = reader.integer("width", 1, kMaxWidth);
  moe.matrices = static_cast<int>(reader.integer("matrices", 2, 3));
  if (reader.has("latent_size")) moe.latent_size = reader.integer("latent_size", 1, kMaxWidth);
  moe.latent_norm = reader.boolean_or("latent_norm", false);
  if (moe.latent_norm && !moe.latent_size) reader.fail("latent_norm", "true", "false without \"latent_size\"");
  moe.expert_bias = reader.boolean_or("expert_bias", false);
  moe.gate_bias = reader.boolean_or("gate_bias", false);
  if (reader.has("shared_experts")) {
    moe.shared_experts = reader.integer("shared_experts", 1, 1024);
    moe.shared_width = reader.integer("shared_width", 1, kMaxWidth);
    moe.shared_gate = reader.boolean_or("shared_gate", false);
  }
  moe.extra_gate_outputs = reader.integer_or("extra_gate_outputs", 0, kMaxExperts, 0);
  moe.hash_layers = reader.integer_or("hash_layers", 0, kMaxExperts, 0);
  moe.bias_is_buffer = reader.boolean_or("bias_is_buffer", false);
  read_routing(reader.object("routing"), moe);
  check_policy(reader, moe.routing);
  reader.finish();
  return moe;
}

ordered_json moe_json(const MoeFfn& moe) {
  ordered_json value{{"experts", moe.routing.num_experts},
                     {"top_k", moe.routing.top_k},
                     {"width", moe.expert_width},
                     {"matrices", moe.matrices}};
  if (moe.latent_size) value["latent_size"] = *moe.latent_size;
  if (moe.latent_norm) value["latent_norm"] = true;
  if (moe.expert_bias) value["expert_bias"] = true;
  if (moe.gate_bias) value["gate_bias"] = true;
  if (moe.shared_experts > 0) {
    value["shared_experts"] = moe.shared_experts;
    value["shared_width"] = moe.shared_width;
    if (moe.shared_gate) value["shared_gate"] = true;
  }
  if (moe.extra_gate_outputs > 0) value["extra_gate_outputs"] = moe.extra_gate_outputs;
  if (moe.hash_layers > 0) value["hash_layers"] = moe.hash_layers;
  if (moe.bias_is_buffer) value["bias_is_buffer"] = true;
  value["routing"] = routing_json(moe);
  return value;
}

}  // namespace moesim

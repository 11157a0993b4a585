#include "scenarios/placement_json.hpp"

#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 7> kKinds{"contiguous",   "strided", "zigzag",    "greedy",
                                                 "coactivation", "eplb",    "duplicates"};
constexpr std::array<std::string_view, 2> kLoads{"same_step", "previous_steps"};
constexpr std::array<std::string_view, 2> kReplicas{"even", "nearest"};
constexpr int kMaxLoadSteps = 1000;
constexpr double kMaxSlack = 100;

// The router's own where it has some, as long as they are of equal size.
int default_groups(const RouterSpec& router) { return router.num_experts % router.groups == 0 ? router.groups : 1; }

void read_replicas(JsonReader& reader, const RouterSpec& router, const RankLayout& layout, PlacementSpec& spec) {
  const int experts = router.num_experts;
  spec.redundant_experts =
      static_cast<int>(reader.integer_or("redundant_experts", 0, std::int64_t{experts} * (layout.ranks - 1), 0));
  if (spec.redundant_experts % layout.ranks != 0) {
    reader.fail("redundant_experts", std::to_string(spec.redundant_experts),
                fmt::format("a multiple of {}, so that all ranks hold the same number of experts", layout.ranks));
  }
  if (spec.redundant_experts > 0 && reader.has("replicas")) {
    spec.replicas = *replica_choice(kReplicas[reader.choice("replicas", kReplicas)]);
  }
}

void read_groups(JsonReader& reader, const RouterSpec& router, PlacementSpec& spec) {
  const int experts = router.num_experts;
  spec.groups = static_cast<int>(reader.integer_or("groups", 1, experts, default_groups(router)));
  if (experts % spec.groups != 0) {
    reader.fail("groups", std::to_string(spec.groups), fmt::format("a divisor of {} experts", experts));
  }
}

void read_loads(JsonReader& reader, PlacementChoice& placement) {
  if (reader.has("loads") && reader.choice("loads", kLoads) == 0) {
    placement.load_steps = 0;
    return;
  }
  placement.load_steps = static_cast<int>(reader.integer_or("load_steps", 1, kMaxLoadSteps, 1));
  if (reader.has("load_seed")) {
    placement.load_seed = static_cast<std::uint64_t>(reader.integer("load_seed", 0, INT64_MAX));
  }
}

}  // namespace

PlacementChoice read_placement(JsonReader& reader, std::string_view key, const RouterSpec& router,
                               const RankLayout& layout) {
  PlacementChoice placement;
  if (!reader.has(key)) return placement;
  const nlohmann::json& value = reader.raw(key);
  if (!value.is_object()) {
    placement.spec.kind = *placement_kind(kKinds[reader.choice(key, kKinds)]);
    if (placement.spec.kind == PlacementKind::eplb) placement.spec.groups = default_groups(router);
    return placement;
  }
  JsonReader object = reader.object(key);
  placement.spec.kind = *placement_kind(kKinds[object.choice("kind", kKinds)]);
  if (has_replicas(placement.spec.kind)) read_replicas(object, router, layout, placement.spec);
  if (placement.spec.kind == PlacementKind::eplb) read_groups(object, router, placement.spec);
  if (placement.spec.kind == PlacementKind::coactivation) {
    placement.spec.load_slack = object.number_or("load_slack", 0, kMaxSlack, placement.spec.load_slack);
  }
  if (needs_loads(placement.spec.kind)) read_loads(object, placement);
  object.finish();
  return placement;
}

ordered_json placement_json(const PlacementChoice& placement) {
  const PlacementSpec& spec = placement.spec;
  if (!needs_loads(spec.kind)) return name(spec.kind);
  ordered_json json = {{"kind", name(spec.kind)}};
  if (has_replicas(spec.kind)) json["redundant_experts"] = spec.redundant_experts;
  if (spec.kind == PlacementKind::eplb) json["groups"] = spec.groups;
  if (spec.redundant_experts > 0) json["replicas"] = name(spec.replicas);
  if (spec.kind == PlacementKind::coactivation) json["load_slack"] = spec.load_slack;
  json["loads"] = kLoads[placement.load_steps == 0 ? 0 : 1];
  if (placement.load_steps > 0) json["load_steps"] = placement.load_steps;
  if (placement.load_seed) json["load_seed"] = *placement.load_seed;
  return json;
}

}  // namespace moesim

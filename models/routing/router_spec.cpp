#include "models/routing/router_spec.hpp"

#include <array>
#include <utility>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::array<std::pair<RoutingKind, std::string_view>, 8> kNames = {{
    {RoutingKind::top_1, "top_1"},
    {RoutingKind::top_k, "top_k"},
    {RoutingKind::noisy_top_k, "noisy_top_k"},
    {RoutingKind::top_2_random_second, "top_2_random_second"},
    {RoutingKind::group_limited, "group_limited"},
    {RoutingKind::node_limited, "node_limited"},
    {RoutingKind::expert_choice, "expert_choice"},
    {RoutingKind::recorded, "recorded"},
}};

}  // namespace

std::optional<RoutingKind> routing_kind(std::string_view name) {
  for (const auto& [kind, text] : kNames) {
    if (text == name) return kind;
  }
  return std::nullopt;
}

std::string_view name(RoutingKind kind) {
  for (const auto& [candidate, text] : kNames) {
    if (candidate == kind) return text;
  }
  MOESIM_CHECK(false, "routing kind {}", static_cast<int>(kind));
  return {};
}

bool is_shuffled(SkewKind kind) {
  return kind == SkewKind::zipf || kind == SkewKind::power_law || kind == SkewKind::lognormal;
}

}  // namespace moesim

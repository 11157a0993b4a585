#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sim/ids.hpp"

namespace moesim {

enum class PlacementKind {
  contiguous,  // Expert e is on rank e / (N / P).
  strided,     // Expert e is on rank e mod P.
};
std::optional<PlacementKind> placement_kind(std::string_view name);
std::string_view name(PlacementKind kind);

// Where each logical expert lives: rank_of_expert[experts]. `ranks` divides `experts`.
std::vector<RankId> place_experts(PlacementKind kind, int experts, int ranks);

}  // namespace moesim

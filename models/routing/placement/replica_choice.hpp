#pragma once

#include <optional>
#include <string_view>

namespace moesim {

// Which replica of its expert a copy goes to. Those that can take it take turns, copy by copy for each source rank and
// expert; source rank r begins with replica r mod their number.
enum class ReplicaChoice {
  even,     // All replicas.
  nearest,  // Those on the source's rank; without one, those in its node; without one, all.
};
std::optional<ReplicaChoice> replica_choice(std::string_view name);
std::string_view name(ReplicaChoice choice);

}  // namespace moesim

#pragma once

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// Reads the "dispatch" object of a moe_layer. Keys that the algorithm has no use for are refused.
DispatchSpec read_dispatch(JsonReader reader, const RouterSpec& router, const GpuCard& gpu);
nlohmann::ordered_json dispatch_json(const DispatchSpec& dispatch);

// That of an all_to_all, which knows two algorithms and moves bytes, not tokens.
DispatchSpec read_all_to_all_dispatch(JsonReader reader, const GpuCard& gpu);
// That of a collective, which knows its library alone.
DispatchSpec read_collective_dispatch(JsonReader reader, const GpuCard& gpu);

// Reads the "compute" object. Without a "profile", the catalog's of that GPU if there is one. A type that neither the
// GPU nor a wider unit of it computes is refused.
ComputeSpec read_compute(JsonReader reader, Direction direction, const GpuCard& gpu);
nlohmann::ordered_json compute_json(const ComputeSpec& compute, Direction direction);

}  // namespace moesim

#pragma once

#include <cstdint>
#include <optional>

#include "models/exchange/exchange_plan.hpp"
#include "models/kernels/moe_layer.hpp"
#include "models/rank_layout.hpp"
#include "models/routing/routed_batch.hpp"
#include "scenarios/scenario.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// A scenario's layer in the words of the models: everything that is known before a token is routed. Refers to the
// scenario and the workload.
struct LayerInput {
  const Scenario& scenario;
  const MoeLayerWorkload& workload;
  RankLayout layout;
  RouterSpec router;
  MoeLayerShape shape;
  WireFormat dispatch;
  WireFormat combine;
};

// `scenario` has a model with experts.
LayerInput layer_input(const Scenario& scenario, const MoeLayerWorkload& workload, const Topology& topology);

Device device(const GpuCard& gpu);

// Slots of one (source rank, expert) buffer where shapes are static.
std::optional<std::int64_t> padded_slots(const LayerInput& input);

// How far the routing lets a token get.
ReachLimit reach_limit(const LayerInput& input);

// Tokens of all ranks, those that skip the layer included.
std::int64_t tokens_of(const LayerInput& input, const RoutedBatch& batch);

ExchangePlan exchange_plan(const LayerInput& input, ExchangeDirection direction, const RoutedBatch& batch);

}  // namespace moesim

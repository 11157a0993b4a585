#pragma once

#include <optional>
#include <vector>

#include "models/kernels/kernel_model.hpp"
#include "scenarios/cluster_network.hpp"
#include "scenarios/layer_costs.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "topologies/topology.hpp"

namespace moesim {

// What one MoE layer takes of one micro-batch, for programs that run it many times: the tokens are routed and the
// exchanges simulated once, message by message, all ranks of the group starting together. Each kernel's time is that
// of the rank where it takes longest, since the exchange that follows waits for that rank.
struct LayerPrice {
  MoeLayerCosts forward;
  MoeLayerCosts backward;  // Only where asked for.
  Picoseconds dispatch;    // The same in both passes.
  Picoseconds combine;
  ExchangeTraffic dispatch_traffic;
  ExchangeTraffic combine_traffic;
  LoadResult load;
  LayerMemory memory;            // Of the fullest rank.
  Bytes recomputed_activations;  // Of its activations, what selective recomputation does not keep.
  MoeLayerShape shape;
  std::vector<Caveat> caveats;
};

// `model`: the device as the layer's own kernels see it. `tokens_per_rank` of every rank of the scenario's
// expert-parallel group, the first of the cluster.
LayerPrice price_layer(const Scenario& scenario, std::int64_t tokens_per_rank, Direction direction,
                       const KernelModel& model, const Topology& topology, const LinkUse& use);

}  // namespace moesim

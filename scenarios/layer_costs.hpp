#pragma once

#include <cstdint>
#include <vector>

#include "models/kernels/kernel_model.hpp"
#include "models/kernels/layer_memory.hpp"
#include "models/kernels/moe_layer.hpp"
#include "models/routing/placement/expert_placement.hpp"
#include "models/routing/routed_batch.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/result.hpp"

namespace moesim {

// What every rank has to do in a layer. `loads` refers to the lists beside it.
struct RankLoads {
  std::vector<std::vector<std::int64_t>> expert_tokens;
  std::vector<MoeRankLoad> loads;

  const MoeRankLoad& most() const;  // The first with the most rows.
};
RankLoads rank_loads(const LayerInput& input, const RoutedBatch& batch, const ExpertPlacement& placement);

// With the scenario's profile, or a roofline.
KernelModel kernel_model(const Scenario& scenario, const Device& gpu);

// What the exchange's kernels hold while shared experts run; 0 where these run alone, or are none.
int multiprocessors_lent(const LayerInput& input);

// The device as kernels see it that run beside the exchange: its kernels hold multiprocessors, and its copies pass
// through the memory at the rate of the links, once in and once out.
Device beside_exchange(const Scenario& scenario, const RankLayout& group, const Device& gpu);
Device device_of_shared(const LayerInput& input, const Device& gpu);  // The whole device where they run alone.

// Of the passes that run.
struct RankCosts {
  MoeLayerCosts forward;
  MoeLayerCosts backward;
  LayerMemory memory;
};
std::vector<RankCosts> rank_costs(const LayerInput& input, const KernelModel& model, const RankLoads& loads);

LoadResult load_result(const LayerInput& input, const RoutedBatch& batch, const ExpertPlacement& placement);

}  // namespace moesim

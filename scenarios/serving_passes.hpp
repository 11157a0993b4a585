#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "models/schedule/serving_modules.hpp"
#include "models/schedule/slot_schedule.hpp"
#include "scenarios/group_collective.hpp"
#include "scenarios/layer_price.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// The phases of a pass, in the order in which a report lists them.
enum class ServingPhase : int {
  embedding,
  projections,  // Norm and projections before attention.
  attention,    // With the output projection.
  dense_ffn,
  gate,
  permute,
  dispatch,
  shared_experts,
  experts,
  combine,
  unpermute,
  head,
  tensor_parallel,
};
inline constexpr int kServingPhases = 13;
std::string_view name(ServingPhase phase);

// What one micro-batch does in one pass.
struct ServedMicroBatch {
  std::vector<ServedSequences> parts;
  std::int64_t head_rows = 0;  // Tokens that the head is asked about.
};

// Passes through the layers of a model on one rank, which stands for all: every kernel is that of the rank where it
// takes longest, exchanges are simulated message by message among all ranks of one expert-parallel group, collectives
// among those of one tensor-parallel group. Micro-batches share the rank's lanes (models/schedule/slot_schedule.hpp).
class ServingPasses {
 public:
  // All that is given outlives it.
  ServingPasses(const Scenario& scenario, const Topology& topology, const LinkUse& use);

  // All layers, embedding and head.
  SlotTiming pass(AttentionPhase phase, const std::vector<ServedMicroBatch>& micro_batches);
  // One draft: the multi-token prediction's projection, layer and head.
  SlotTiming draft(const std::vector<ServedMicroBatch>& micro_batches);

  // Of the layer with so many tokens on each rank; the model has experts.
  const LayerPrice& layer(std::int64_t tokens_per_rank);
  const KernelModel& model() const { return model_; }
  // Of all kernels priced so far, each once.
  const std::vector<Caveat>& caveats() const { return caveats_; }

 private:
  Chain pass_chain(AttentionPhase phase, const ServedMicroBatch& micro_batch);
  Chain draft_chain(const ServedMicroBatch& micro_batch);
  Chain layer_chain(const ServingPricer& pricer, const ServedBatch& batch, const Layer& layer);
  void moe(const ServingPricer& pricer, std::int64_t tokens, Chain& chain);
  void gather(const ServedBatch& batch, Chain& chain);
  void scatter(const ServedBatch& batch, Chain& chain);
  void collective(CollectiveOp op, const ServedBatch& batch, Chain& chain);
  ServedBatch batch(AttentionPhase phase, const ServedMicroBatch& micro_batch) const;
  ServingTypes types() const;
  void note(std::vector<Caveat> caveats);

  const Scenario& scenario_;
  Scenario priced_;  // The scenario as the layer is priced: where all kernels run beside the exchange, so say the
                     // devices that they are given, and shared experts are not set apart once more.
  const Topology& topology_;
  LinkUse use_;
  KernelModel model_;
  GroupCollectives collectives_;
  std::map<std::int64_t, LayerPrice> layers_;  // By tokens of a rank.
  std::vector<Caveat> caveats_;
};

// The same steps one after another.
Picoseconds one_by_one(const SlotTiming& timing);

}  // namespace moesim

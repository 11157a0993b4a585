#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "models/kernels/kernel_model.hpp"
#include "models/schedule/module_costs.hpp"
#include "models/schedule/pipeline_schedule.hpp"
#include "models/schedule/slot_schedule.hpp"
#include "scenarios/layer_price.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// The phases of a training step, in the order in which a report lists them.
enum class TrainingPhase : int {
  embedding,
  attention,
  dense_ffn,
  gate,
  permute,
  dispatch,
  shared_experts,
  experts,
  combine,
  unpermute,
  weight_gradients,
  head,
  tensor_parallel,
  recompute,
  pipeline,
  reduce_gradients,
  optimizer,
  gather_parameters,
};
inline constexpr int kTrainingPhases = 18;
std::string_view name(TrainingPhase phase);

// What stands at one place of a model: one of its layers, or what comes before and after them.
enum class PieceKind { embedding, layer, mtp, head };
struct Piece {
  PieceKind kind = PieceKind::layer;
  int layer = 0;  // Into ModelCard::layers.
};
// All pieces of a model, first to last.
std::vector<Piece> pieces_of(const ModelCard& card);

// The times of tensor-parallel collectives around one module.
struct TensorTimes {
  Picoseconds gather;   // Before its first product.
  Picoseconds scatter;  // After its last.
  Picoseconds context;  // Keys and values to the other ranks of a context-parallel group.
};

// Prices the work of a training step piece by piece: what a rank of the piece's stage does for one micro-batch.
class PiecePricer {
 public:
  // `layer` is null where the model has no experts. All that is given outlives it.
  PiecePricer(const Scenario& scenario, const TrainingWorkload& workload, const KernelModel& model,
              const LayerPrice* layer, const TensorTimes& tensor);

  // The steps of `kind` through the pieces: forward first to last, backward last to first. `split`: in a backward of
  // both gradients those of weights wait until nothing else is ready.
  Chain chain(std::span<const Piece> pieces, WorkKind kind, bool split) const;
  // Forward and backward, one after the other: for sharing the pieces out over stages.
  Picoseconds time(const Piece& piece) const;
  // What a rank keeps of one micro-batch from the piece's forward pass to its backward pass.
  Bytes kept(const Piece& piece) const;

 private:
  struct LayerModules {
    std::vector<ModuleCosts> mixers;
    std::vector<ModuleCosts> dense;
    bool moe = false;
  };
  LayerModules modules(const Layer& layer) const;
  void forward(const Piece& piece, Chain& chain) const;
  void backward(const Piece& piece, WorkKind kind, bool split, Chain& chain) const;
  void layer_forward(const LayerModules& layer, Chain& chain) const;
  void layer_backward(const LayerModules& layer, WorkKind kind, bool split, Chain& chain) const;
  // What of a tensor-parallel collective beside these kernels takes time of its own.
  Picoseconds shown(Picoseconds collective, const KernelCost& kernels) const;
  void moe_forward(Chain& chain) const;
  void moe_backward(WorkKind kind, bool split, Chain& chain) const;
  const LayerModules& modules_of(const Piece& piece) const;

  const Scenario& scenario_;
  const TrainingWorkload& workload_;
  const LayerPrice* moe_;
  TensorTimes tensor_;
  ModulePricer pricer_;
  ModuleCosts embedding_;
  ModuleCosts head_;
  ModuleCosts mtp_projection_;
  ModuleCosts around_experts_;
  Bytes layer_input_;
  std::vector<LayerModules> kinds_;   // Distinct ones.
  std::vector<std::size_t> kind_of_;  // [layers], then MTP's.
};

}  // namespace moesim

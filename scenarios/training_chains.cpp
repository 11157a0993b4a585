#include "scenarios/training_chains.hpp"

#include <algorithm>
#include <array>

#include "sim/check.hpp"

namespace moesim {
namespace {

int id(TrainingPhase phase) { return static_cast<int>(phase); }

KernelCost recomputed(const ModuleCosts& module) {
  KernelCost sum;
  for (const auto& [name, cost] : module.forward) {
    if (is_recomputed(name)) sum += cost;
  }
  return sum;
}

void compute(Chain& chain, TrainingPhase phase, const KernelCost& cost) {
  if (cost.time.count > 0) chain.then(id(phase), Lane::compute, cost.time);
}

void collective(Chain& chain, Picoseconds time) {
  if (time.count > 0) chain.then(id(TrainingPhase::tensor_parallel), Lane::tensor, time);
}

void weights(Chain& chain, const KernelCost& cost, bool split) {
  if (cost.time.count == 0) return;
  if (split) {
    chain.deferred(id(TrainingPhase::weight_gradients), cost.time);
  } else {
    chain.then(id(TrainingPhase::weight_gradients), Lane::compute, cost.time);
  }
}

bool has_input_gradient(WorkKind kind) { return kind == WorkKind::backward || kind == WorkKind::input_gradient; }
bool has_weight_gradient(WorkKind kind) { return kind == WorkKind::backward || kind == WorkKind::weight_gradient; }

ModuleTypes module_types(const Scenario& scenario) {
  return {.compute = scenario.compute.dtype, .kept = scenario.compute.kept_dtype};
}

MicroBatch micro_batch(const Scenario& scenario, const TrainingWorkload& workload) {
  return {.sequences = workload.micro_batch,
          .length = workload.sequence_length,
          .tp = scenario.parallelism.tp,
          .cp = scenario.parallelism.cp};
}

}  // namespace

std::string_view name(TrainingPhase phase) {
  static constexpr std::array<std::string_view, kTrainingPhases> kNames{
      "embedding",        "attention",      "dense_ffn",        "gate",      "permute",
      "dispatch",         "shared_experts", "experts",          "combine",   "unpermute",
      "weight_gradients", "head",           "tensor_parallel",  "recompute", "pipeline",
      "reduce_gradients", "optimizer",      "gather_parameters"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::vector<Piece> pieces_of(const ModelCard& card) {
  std::vector<Piece> pieces{{PieceKind::embedding, 0}};
  for (std::size_t i = 0; i < card.layers.size(); ++i) pieces.push_back({PieceKind::layer, static_cast<int>(i)});
  pieces.push_back({PieceKind::head, 0});
  for (int i = 0; card.mtp && i < card.mtp->modules; ++i) pieces.push_back({PieceKind::mtp, i});
  return pieces;
}

PiecePricer::PiecePricer(const Scenario& scenario, const TrainingWorkload& workload, const KernelModel& model,
                         const LayerPrice* layer, const TensorTimes& tensor)
    : scenario_(scenario),
      workload_(workload),
      moe_(layer),
      tensor_(tensor),
      pricer_(model, scenario.model->hidden_size, micro_batch(scenario, workload), module_types(scenario)) {
  const ModelCard& card = *scenario.model;
  embedding_ = pricer_.embedding();
  head_ = pricer_.head(card.vocab_size);
  mtp_projection_ = pricer_.projection(card.hidden_size, 2 * card.hidden_size);
  around_experts_ = pricer_.norm_and_residual();
  layer_input_ = matrix_bytes(micro_batch(scenario, workload).own_tokens(), card.hidden_size, DataType::bf16);
  std::vector<Layer> seen;
  const auto place = [&](const Layer& one) {
    const auto at = std::find(seen.begin(), seen.end(), one);
    kind_of_.push_back(static_cast<std::size_t>(at - seen.begin()));
    if (at != seen.end()) return;
    seen.push_back(one);
    kinds_.push_back(modules(one));
  };
  for (const Layer& one : card.layers) place(one);
  if (card.mtp) place(card.mtp->layer);
}

PiecePricer::LayerModules PiecePricer::modules(const Layer& layer) const {
  const ModelCard& card = *scenario_.model;
  LayerModules result;
  for (const std::size_t mixer : layer.mixers) {
    result.mixers.push_back(pricer_.mixer(card.mixers[mixer].mixer, layer.stack));
  }
  for (int i = 0; i < layer.dense_ffns; ++i) result.dense.push_back(pricer_.dense_ffn(*card.dense_ffn));
  result.moe = layer.moe;
  return result;
}

const PiecePricer::LayerModules& PiecePricer::modules_of(const Piece& piece) const {
  const std::size_t at = piece.kind == PieceKind::mtp ? kind_of_.size() - 1 : static_cast<std::size_t>(piece.layer);
  return kinds_[kind_of_[at]];
}

// Cut into as many pieces as there are ranks, all but one run beside the half of the module's kernels that is next.
Picoseconds PiecePricer::shown(Picoseconds collective, const KernelCost& kernels) const {
  if (!workload_.overlap_tensor_parallel) return collective;
  const Picoseconds piece{collective.count / scenario_.parallelism.tp};
  const Picoseconds rest = collective - piece;
  return piece + std::max(Picoseconds{}, rest - Picoseconds{kernels.time.count / 2});
}

void PiecePricer::moe_forward(Chain& chain) const {
  const MoeLayerCosts& c = moe_->forward;
  compute(chain, TrainingPhase::unpermute, total(around_experts_.forward));
  compute(chain, TrainingPhase::gate, c.depth + c.gate + c.top_k);
  compute(chain, TrainingPhase::permute, c.split + c.permute);
  if (c.shared.time.count > 0) {
    if (scenario_.compute.overlap_shared_experts) {
      chain.beside(id(TrainingPhase::shared_experts), Lane::compute, c.shared.time);
    } else {
      compute(chain, TrainingPhase::shared_experts, c.shared);
    }
  }
  chain.then(id(TrainingPhase::dispatch), Lane::exchange, moe_->dispatch);
  compute(chain, TrainingPhase::experts, c.experts());
  chain.then(id(TrainingPhase::combine), Lane::exchange, moe_->combine);
  compute(chain, TrainingPhase::unpermute, c.combine + c.merge);
}

void PiecePricer::moe_backward(WorkKind kind, bool split, Chain& chain) const {
  const MoeLayerCosts& c = moe_->backward;
  const KernelCost expert_weights = c.up_weights + c.down_weights;
  if (!has_input_gradient(kind)) return weights(chain, expert_weights, false);
  compute(chain, TrainingPhase::unpermute, c.merge + c.combine);
  if (c.shared.time.count > 0) {
    if (scenario_.compute.overlap_shared_experts) {
      chain.beside(id(TrainingPhase::shared_experts), Lane::compute, c.shared.time);
    } else {
      compute(chain, TrainingPhase::shared_experts, c.shared);
    }
  }
  chain.then(id(TrainingPhase::dispatch), Lane::exchange, moe_->dispatch);
  if (workload_.recompute == Recompute::selective) compute(chain, TrainingPhase::recompute, moe_->forward.activation);
  compute(chain, TrainingPhase::experts, c.unpermute + c.down + c.activation + c.up + c.expand);
  if (has_weight_gradient(kind)) weights(chain, expert_weights, split);
  chain.then(id(TrainingPhase::combine), Lane::exchange, moe_->combine);
  compute(chain, TrainingPhase::permute, c.permute + c.split);
  compute(chain, TrainingPhase::gate, c.top_k + c.gate + c.depth);
  compute(chain, TrainingPhase::unpermute, total(around_experts_.input_gradient));
}

void PiecePricer::layer_forward(const LayerModules& layer, Chain& chain) const {
  const auto module = [&](const ModuleCosts& costs, TrainingPhase phase) {
    const KernelCost kernels = total(costs.forward);
    collective(chain, shown(tensor_.gather, kernels));
    if (phase == TrainingPhase::attention) collective(chain, tensor_.context);
    compute(chain, phase, kernels);
    collective(chain, shown(tensor_.scatter, kernels));
  };
  for (const ModuleCosts& mixer : layer.mixers) module(mixer, TrainingPhase::attention);
  for (const ModuleCosts& ffn : layer.dense) module(ffn, TrainingPhase::dense_ffn);
  if (layer.moe) moe_forward(chain);
}

void PiecePricer::layer_backward(const LayerModules& layer, WorkKind kind, bool split, Chain& chain) const {
  const auto module = [&](const ModuleCosts& costs, TrainingPhase phase) {
    const KernelCost kernels = total(costs.input_gradient);
    if (has_input_gradient(kind)) {
      collective(chain, shown(tensor_.gather, kernels));
      if (workload_.recompute == Recompute::selective) compute(chain, TrainingPhase::recompute, recomputed(costs));
      compute(chain, phase, kernels);
      if (phase == TrainingPhase::attention) collective(chain, tensor_.context);
    }
    if (has_weight_gradient(kind)) weights(chain, total(costs.weight_gradient), split);
    if (has_input_gradient(kind)) collective(chain, shown(tensor_.scatter, kernels));
  };
  if (layer.moe) moe_backward(kind, split, chain);
  for (auto ffn = layer.dense.rbegin(); ffn != layer.dense.rend(); ++ffn) module(*ffn, TrainingPhase::dense_ffn);
  for (auto mixer = layer.mixers.rbegin(); mixer != layer.mixers.rend(); ++mixer) {
    module(*mixer, TrainingPhase::attention);
  }
}

void PiecePricer::forward(const Piece& piece, Chain& chain) const {
  switch (piece.kind) {
    case PieceKind::embedding:
      return compute(chain, TrainingPhase::embedding, total(embedding_.forward));
    case PieceKind::layer:
      return layer_forward(modules_of(piece), chain);
    case PieceKind::mtp:
      compute(chain, TrainingPhase::head, total(mtp_projection_.forward));
      layer_forward(modules_of(piece), chain);
      return compute(chain, TrainingPhase::head, total(head_.forward));
    case PieceKind::head:
      return compute(chain, TrainingPhase::head, total(head_.forward));
  }
}

void PiecePricer::backward(const Piece& piece, WorkKind kind, bool split, Chain& chain) const {
  const auto simple = [&](const ModuleCosts& costs, TrainingPhase phase) {
    if (has_input_gradient(kind)) compute(chain, phase, total(costs.input_gradient));
    if (has_weight_gradient(kind)) weights(chain, total(costs.weight_gradient), split);
  };
  switch (piece.kind) {
    case PieceKind::embedding:
      return simple(embedding_, TrainingPhase::embedding);
    case PieceKind::head:
      return simple(head_, TrainingPhase::head);
    case PieceKind::mtp:
      simple(head_, TrainingPhase::head);
      layer_backward(modules_of(piece), kind, split, chain);
      return simple(mtp_projection_, TrainingPhase::head);
    case PieceKind::layer:
      if (workload_.recompute == Recompute::full && has_input_gradient(kind)) {
        Chain again;
        layer_forward(modules_of(piece), again);
        chain.append(again);
      }
      return layer_backward(modules_of(piece), kind, split, chain);
  }
}

Chain PiecePricer::chain(std::span<const Piece> pieces, WorkKind kind, bool split) const {
  Chain chain;
  if (kind == WorkKind::forward) {
    for (const Piece& piece : pieces) forward(piece, chain);
  } else {
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) backward(*piece, kind, split, chain);
  }
  return chain;
}

Bytes PiecePricer::kept(const Piece& piece) const {
  const bool selective = workload_.recompute == Recompute::selective;
  const auto of = [&](const ModuleCosts& costs) {
    return costs.kept + (selective ? Bytes{} : costs.kept_unless_recomputed);
  };
  const auto of_layer = [&](const LayerModules& layer) {
    if (workload_.recompute == Recompute::full) return layer_input_;
    Bytes sum;
    for (const ModuleCosts& mixer : layer.mixers) sum += of(mixer);
    for (const ModuleCosts& ffn : layer.dense) sum += of(ffn);
    if (layer.moe) sum += around_experts_.kept + moe_->memory.activations;
    if (layer.moe && selective) sum = sum - moe_->recomputed_activations;
    return sum;
  };
  switch (piece.kind) {
    case PieceKind::embedding:
      return {};
    case PieceKind::head:
      return of(head_);
    case PieceKind::mtp:
      return of(head_) + of(mtp_projection_) + of_layer(modules_of(piece));
    case PieceKind::layer:
      return of_layer(modules_of(piece));
  }
  return {};
}

Picoseconds PiecePricer::time(const Piece& piece) const {
  Picoseconds sum;
  for (const WorkKind kind : {WorkKind::forward, WorkKind::backward}) {
    const Chain steps = chain({&piece, 1}, kind, false);
    const Chain* const one[] = {&steps};
    sum += schedule_slot(one).time;
  }
  return sum;
}

}  // namespace moesim

#include "scenarios/serving_passes.hpp"

#include <algorithm>
#include <array>

#include "scenarios/library_json.hpp"
#include "scenarios/serving_json.hpp"

namespace moesim {
namespace {

int id(ServingPhase phase) { return static_cast<int>(phase); }

void compute(Chain& chain, ServingPhase phase, const KernelCost& cost) {
  if (cost.time.count > 0) chain.then(id(phase), Lane::compute, cost.time);
}

// With two micro-batches the exchange's kernels run nearly all the time.
bool all_beside_exchange(const Scenario& scenario) {
  return scenario.model->moe && scenario.parallelism.ep > 1 && scenario.dispatch.multiprocessors > 0 &&
         serving_options(scenario)->overlap == ServingOverlap::two_micro_batch;
}

Device serving_device(const Scenario& scenario, const Topology& topology) {
  const Device gpu = device(scenario.gpu);
  if (!all_beside_exchange(scenario)) return gpu;
  return beside_exchange(scenario, {scenario.parallelism.ep, topology.ranks_per_node()}, gpu);
}

Scenario priced(Scenario scenario) {
  if (all_beside_exchange(scenario)) scenario.compute.overlap_shared_experts = false;
  return scenario;
}

SlotTiming schedule(const std::vector<Chain>& chains) {
  std::vector<const Chain*> pointers;
  for (const Chain& chain : chains) pointers.push_back(&chain);
  return schedule_slot(pointers);
}

}  // namespace

std::string_view name(ServingPhase phase) {
  static constexpr std::array<std::string_view, kServingPhases> kNames{
      "embedding",      "projections", "attention", "dense_ffn", "gate", "permute",        "dispatch",
      "shared_experts", "experts",     "combine",   "unpermute", "head", "tensor_parallel"};
  return kNames[static_cast<std::size_t>(phase)];
}

ServingPasses::ServingPasses(const Scenario& scenario, const Topology& topology, const LinkUse& use)
    : scenario_(scenario),
      priced_(priced(scenario)),
      topology_(topology),
      use_(use),
      model_(kernel_model(scenario, serving_device(scenario, topology))),
      collectives_(topology, library_for("nccl_ring", scenario.gpu.name)) {}

ServingTypes ServingPasses::types() const {
  return {.compute = scenario_.compute.dtype, .cache = serving_options(scenario_)->kv_dtype};
}

ServedBatch ServingPasses::batch(AttentionPhase phase, const ServedMicroBatch& micro_batch) const {
  return {.phase = phase, .parts = micro_batch.parts, .tp = scenario_.parallelism.tp};
}

void ServingPasses::note(std::vector<Caveat> caveats) {
  for (Caveat& caveat : caveats) {
    const bool known = std::any_of(caveats_.begin(), caveats_.end(), [&](const Caveat& each) {
      return each.key == caveat.key && each.text == caveat.text;
    });
    if (!known) caveats_.push_back(std::move(caveat));
  }
}

const LayerPrice& ServingPasses::layer(std::int64_t tokens_per_rank) {
  const auto found = layers_.find(tokens_per_rank);
  if (found != layers_.end()) return found->second;
  LayerPrice price = price_layer(priced_, tokens_per_rank, Direction::forward, model_, topology_, use_);
  note(price.caveats);
  return layers_.emplace(tokens_per_rank, std::move(price)).first->second;
}

void ServingPasses::collective(CollectiveOp op, const ServedBatch& batch, Chain& chain) {
  if (batch.tp == 1) return;
  const std::vector<RankId> group = group_of(scenario_.parallelism, ParallelGroup::tensor, RankId{0});
  // Pieces of whole tokens: a few more than there are, where there are few.
  const std::int64_t rows = batch.own_tokens() * batch.tp;
  const Bytes bytes = matrix_bytes(rows, scenario_.model->hidden_size, DataType::bf16);
  chain.then(id(ServingPhase::tensor_parallel), Lane::tensor, collectives_.time(op, bytes, group));
}

void ServingPasses::gather(const ServedBatch& batch, Chain& chain) {
  collective(CollectiveOp::all_gather, batch, chain);
}
void ServingPasses::scatter(const ServedBatch& batch, Chain& chain) {
  collective(CollectiveOp::reduce_scatter, batch, chain);
}

void ServingPasses::moe(const ServingPricer& pricer, std::int64_t tokens, Chain& chain) {
  const LayerPrice& price = layer(tokens);
  const MoeLayerCosts& c = price.forward;
  compute(chain, ServingPhase::gate, total(pricer.norm_and_residual()) + c.gate + c.top_k);
  compute(chain, ServingPhase::permute, c.permute);
  if (c.shared.time.count > 0) {
    if (scenario_.compute.overlap_shared_experts) {
      chain.beside(id(ServingPhase::shared_experts), Lane::compute, c.shared.time);
    } else {
      compute(chain, ServingPhase::shared_experts, c.shared);
    }
  }
  if (price.dispatch.count > 0) chain.then(id(ServingPhase::dispatch), Lane::exchange, price.dispatch);
  compute(chain, ServingPhase::experts, c.experts());
  if (price.combine.count > 0) chain.then(id(ServingPhase::combine), Lane::exchange, price.combine);
  compute(chain, ServingPhase::unpermute, c.combine);
}

Chain ServingPasses::layer_chain(const ServingPricer& pricer, const ServedBatch& batch, const Layer& layer) {
  const ModelCard& card = *scenario_.model;
  Chain chain;
  for (const std::size_t index : layer.mixers) {
    const TokenMixer& mixer = card.mixers[index].mixer;
    const ServedMixer kernels = pricer.mixer(mixer, layer.stack);
    note(pricer.caveats(mixer));
    gather(batch, chain);
    compute(chain, ServingPhase::projections, total(kernels.before));
    compute(chain, ServingPhase::attention, total(kernels.core));
    scatter(batch, chain);
  }
  for (int i = 0; i < layer.dense_ffns; ++i) {
    gather(batch, chain);
    compute(chain, ServingPhase::dense_ffn, total(pricer.dense_ffn(*card.dense_ffn)));
    scatter(batch, chain);
  }
  if (layer.moe) moe(pricer, batch.own_tokens(), chain);
  return chain;
}

Chain ServingPasses::pass_chain(AttentionPhase phase, const ServedMicroBatch& micro_batch) {
  const ModelCard& card = *scenario_.model;
  const ServedBatch served = batch(phase, micro_batch);
  const ServingPricer pricer(model_, card.hidden_size, served, types());
  Chain chain;
  compute(chain, ServingPhase::embedding, total(pricer.embedding()));
  std::vector<std::pair<Layer, Chain>> seen;
  for (const Layer& layer : card.layers) {
    auto found = std::find_if(seen.begin(), seen.end(), [&](const auto& each) { return each.first == layer; });
    if (found == seen.end()) found = seen.emplace(seen.end(), layer, layer_chain(pricer, served, layer));
    chain.append(found->second);
  }
  compute(chain, ServingPhase::head, total(pricer.head(card.vocab_size, micro_batch.head_rows)));
  return chain;
}

Chain ServingPasses::draft_chain(const ServedMicroBatch& micro_batch) {
  const ModelCard& card = *scenario_.model;
  const ServedBatch served = batch(AttentionPhase::decode, micro_batch);
  const ServingPricer pricer(model_, card.hidden_size, served, types());
  Chain chain;
  compute(chain, ServingPhase::embedding,
          total(pricer.embedding()) + total(pricer.projection(card.hidden_size, 2 * card.hidden_size)));
  chain.append(layer_chain(pricer, served, card.mtp->layer));
  compute(chain, ServingPhase::head, total(pricer.head(card.vocab_size, micro_batch.head_rows)));
  return chain;
}

SlotTiming ServingPasses::pass(AttentionPhase phase, const std::vector<ServedMicroBatch>& micro_batches) {
  std::vector<Chain> chains;
  for (const ServedMicroBatch& one : micro_batches) chains.push_back(pass_chain(phase, one));
  return schedule(chains);
}

SlotTiming ServingPasses::draft(const std::vector<ServedMicroBatch>& micro_batches) {
  std::vector<Chain> chains;
  for (const ServedMicroBatch& one : micro_batches) chains.push_back(draft_chain(one));
  return schedule(chains);
}

Picoseconds one_by_one(const SlotTiming& timing) {
  Picoseconds sum;
  for (const Picoseconds busy : timing.busy) sum += busy;
  return sum;
}

}  // namespace moesim

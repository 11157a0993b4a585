#include "scenarios/training_program.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "models/schedule/piece_parameters.hpp"
#include "models/schedule/stage_partition.hpp"
#include "scenarios/library_json.hpp"

namespace moesim {
namespace {

bool overlaps(PipelineKind kind) { return kind == PipelineKind::dualpipe || kind == PipelineKind::dualpipe_v; }

// A pipeline rank stands for all its ranks; this is the first of them.
RankId first_rank(const ParallelSizes& sizes, int pipeline_rank) { return RankId{pipeline_rank * sizes.stage_ranks()}; }

// Where a schedule overlaps a forward with a backward the exchange's kernels run all the time.
Device training_device(const Scenario& scenario, const TrainingWorkload& workload, const Topology& topology) {
  const Device gpu = device(scenario.gpu);
  if (!overlaps(workload.schedule) || scenario.parallelism.ep == 1) return gpu;
  return beside_exchange(scenario, {scenario.parallelism.ep, topology.ranks_per_node()}, gpu);
}

}  // namespace

int micro_batches(const Scenario& scenario, const TrainingWorkload& workload) {
  return static_cast<int>(workload.global_batch / (workload.micro_batch * scenario.parallelism.dp));
}

TrainingProgram::TrainingProgram(const Scenario& scenario, const TrainingWorkload& workload, const Topology& topology,
                                 const LinkUse& use, Simulator& simulator, ClusterNetwork& network)
    : scenario_(scenario),
      workload_(workload),
      topology_(topology),
      sizes_(scenario.parallelism),
      collectives_(topology, library_for("nccl_ring", scenario.gpu.name)),
      schedule_(make_pipeline_schedule({.kind = workload.schedule,
                                        .ranks = sizes_.pp,
                                        .micro_batches = micro_batches(scenario, workload),
                                        .chunks_per_rank = workload.chunks_per_rank})),
      model_(kernel_model(scenario, training_device(scenario, workload, topology))),
      graph_(simulator, network.flows()) {
  if (scenario.model->moe) {
    const std::int64_t tokens = workload.micro_batch * workload.sequence_length / (sizes_.tp * sizes_.cp);
    layer_ = price_layer(scenario, tokens, Direction::forward_backward, model_, topology, use);
  }
  pricer_.emplace(scenario, workload, model_, layer_ ? &*layer_ : nullptr, tensor_times());
  const std::vector<Piece> pieces = pieces_of(*scenario.model);
  std::vector<Picoseconds> costs;
  costs.reserve(pieces.size());
  for (const Piece& piece : pieces) costs.push_back(pricer_->time(piece));
  const bool mirrored = schedule_.layers_copies() > 1;
  const int stages = schedule_.virtual_stages();
  for (const auto& [begin, end] : mirrored ? partition_mirrored(costs, stages) : partition_stages(costs, stages)) {
    stages_.emplace_back(pieces.begin() + begin, pieces.begin() + end);
  }
  add_slots();
  add_updates();
}

Bytes TrainingProgram::activation_bytes(std::int64_t columns) const {
  const std::int64_t tokens = workload_.micro_batch * workload_.sequence_length / sizes_.cp;
  return matrix_bytes(tokens, columns, DataType::bf16);
}

TensorTimes TrainingProgram::tensor_times() {
  TensorTimes times;
  const ModelCard& card = *scenario_.model;
  if (sizes_.tp > 1) {
    const std::vector<RankId> group = group_of(sizes_, ParallelGroup::tensor, RankId{0});
    times.gather = collectives_.time(CollectiveOp::all_gather, activation_bytes(card.hidden_size), group);
    times.scatter = collectives_.time(CollectiveOp::reduce_scatter, activation_bytes(card.hidden_size), group);
  }
  if (sizes_.cp > 1) {
    // Keys and values of the whole sequence, of the widest mixer.
    std::int64_t widest = 0;
    for (const NamedMixer& mixer : card.mixers) widest = std::max(widest, key_value_columns(mixer.mixer, sizes_.tp));
    const std::vector<RankId> group = group_of(sizes_, ParallelGroup::context, RankId{0});
    times.context = collectives_.time(CollectiveOp::all_gather, sizes_.cp * activation_bytes(widest), group);
  }
  return times;
}

// With sequence parallelism every tensor-parallel rank hands over its part.
Picoseconds TrainingProgram::hand_over(int from, int to) {
  const Bytes bytes{activation_bytes(scenario_.model->hidden_size).count / sizes_.tp};
  return collectives_.send(bytes, first_rank(sizes_, from), first_rank(sizes_, to));
}

std::span<const Piece> TrainingProgram::pieces_of_work(const PipelineWork& work, int rank) const {
  return stages_[static_cast<std::size_t>(schedule_.virtual_stage(work.micro_batch, rank, work.chunk))];
}

const SlotTiming& TrainingProgram::timing(const PipelineSlot& slot, int rank) {
  const auto key_of = [&](const std::optional<PipelineWork>& work) {
    if (!work) return std::pair{-1, -1};
    return std::pair{schedule_.virtual_stage(work->micro_batch, rank, work->chunk), static_cast<int>(work->kind)};
  };
  const std::array key{key_of(slot.work), key_of(slot.beside)};
  const auto found = timings_.find(key);
  if (found != timings_.end()) return found->second;
  const bool split = overlaps(workload_.schedule);
  const Chain first = pricer_->chain(pieces_of_work(slot.work, rank), slot.work.kind, split);
  std::vector<const Chain*> chains{&first};
  Chain second;
  if (slot.beside) {
    second = pricer_->chain(pieces_of_work(*slot.beside, rank), slot.beside->kind, split);
    chains.push_back(&second);
  }
  return timings_.emplace(key, schedule_slot(chains)).first->second;
}

TaskId& TrainingProgram::done(WorkKind kind, int micro_batch, int stage) {
  const int backward = kind == WorkKind::forward ? 0 : 1;
  return done_[static_cast<std::size_t>((micro_batch * schedule_.virtual_stages() + stage) * 2 + backward)];
}

void TrainingProgram::add_slots() {
  const auto works = static_cast<std::size_t>(2 * schedule_.virtual_stages() * schedule_.spec().micro_batches);
  done_.assign(works, TaskId{-1});
  const PhaseId phase = graph_.add_phase("slot");
  for (int rank = 0; rank < sizes_.pp; ++rank) {
    streams_.push_back(graph_.add_stream(first_rank(sizes_, rank), "slots"));
  }
  for (int rank = 0; rank < sizes_.pp; ++rank) {
    for (const PipelineSlot& slot : schedule_.slots()[static_cast<std::size_t>(rank)]) {
      const SlotTiming& time = timing(slot, rank);
      const TaskId task = graph_.add_compute(streams_[static_cast<std::size_t>(rank)], time.time, phase);
      slots_.push_back({task, rank, slot, &time});
      for (const auto& work : {std::optional(slot.work), slot.beside}) {
        if (!work || work->kind == WorkKind::weight_gradient) continue;
        done(work->kind, work->micro_batch, schedule_.virtual_stage(work->micro_batch, rank, work->chunk)) = task;
      }
    }
  }
  for (const PlacedSlot& slot : slots_) {
    add_waits(slot, slot.slot.work);
    if (slot.slot.beside) add_waits(slot, *slot.slot.beside);
  }
}

void TrainingProgram::add_waits(const PlacedSlot& slot, const PipelineWork& work) {
  if (work.kind == WorkKind::weight_gradient) return;  // Its input gradient is earlier on the same stream.
  const int stage = schedule_.virtual_stage(work.micro_batch, slot.rank, work.chunk);
  const int before = work.kind == WorkKind::forward ? stage - 1 : stage + 1;
  if (before < 0 || before >= schedule_.virtual_stages()) return;  // Its own forward is earlier on the stream, too.
  const int from = schedule_.place(work.micro_batch, before).rank;
  const TaskId task = done(work.kind, work.micro_batch, before);
  MOESIM_CHECK(task.value >= 0, "micro-batch {} waits for a stage that nobody does", work.micro_batch);
  if (from == slot.rank) {
    graph_.depends(slot.task, task);
    return;
  }
  const PhaseId phase = graph_.add_phase(name(TrainingPhase::pipeline));
  const TaskId send = graph_.add_compute(link(from, slot.rank), hand_over(from, slot.rank), phase);
  graph_.depends(send, task);
  graph_.depends(slot.task, send);
}

// What a rank sends to one other takes turns, in the order in which that one works on it, beside the slots.
StreamId TrainingProgram::link(int from, int to) {
  const auto found = links_.find({from, to});
  if (found != links_.end()) return found->second;
  const StreamId stream = graph_.add_stream(first_rank(sizes_, from), fmt::format("to pipeline rank {}", to));
  links_.emplace(std::pair{from, to}, stream);
  return stream;
}

template <class Count>
std::int64_t TrainingProgram::sum_of_chunks(int rank, Count count) const {
  std::int64_t sum = 0;
  // Virtual stages whose parameters the rank has: those that any micro-batch finds there. The first and the last stand
  // for both directions of a DualPipe.
  for (int stage = 0; stage < schedule_.virtual_stages(); ++stage) {
    const int last = schedule_.spec().micro_batches - 1;
    const int places = (schedule_.place(0, stage).rank == rank ? 1 : 0) +
                       (schedule_.layers_copies() > 1 && schedule_.place(last, stage).rank == rank ? 1 : 0);
    if (places == 0) continue;
    for (const Piece& piece : stages_[static_cast<std::size_t>(stage)]) sum += places * count(piece);
  }
  return sum;
}

std::int64_t TrainingProgram::dense_parameters(int rank) const {
  const ModelCard& card = *scenario_.model;
  const std::int64_t table = card.vocab_size * card.hidden_size;
  return sum_of_chunks(rank, [&](const Piece& piece) -> std::int64_t {
    switch (piece.kind) {
      case PieceKind::embedding:
        return table / sizes_.tp;
      case PieceKind::head:
        return (table + card.hidden_size) / sizes_.tp;
      case PieceKind::mtp:  // Its tables are those of the model.
        return (layer_parameters(card, card.mtp->layer).dense + 2 * card.hidden_size * card.hidden_size) / sizes_.tp;
      case PieceKind::layer:
        return layer_parameters(card, card.layers[static_cast<std::size_t>(piece.layer)]).dense / sizes_.tp;
    }
    return 0;
  });
}

std::int64_t TrainingProgram::expert_parameters(int rank) const {
  const ModelCard& card = *scenario_.model;
  return sum_of_chunks(rank, [&](const Piece& piece) -> std::int64_t {
    if (piece.kind != PieceKind::layer && piece.kind != PieceKind::mtp) return 0;
    const Layer& layer =
        piece.kind == PieceKind::mtp ? card.mtp->layer : card.layers[static_cast<std::size_t>(piece.layer)];
    return layer_parameters(card, layer).experts / sizes_.ep;
  });
}

void TrainingProgram::add_updates() {
  constexpr std::int64_t kGradientBytes = 4;
  const std::int64_t weight_bytes = 2;  // As they are gathered: bf16.
  const auto group_at = [&](ParallelGroup kind, int rank) {
    std::vector<RankId> group = group_of(sizes_, kind, first_rank(sizes_, rank));
    // The ranks with the other copy of the layers share its gradients.
    const int mirror = sizes_.pp - 1 - rank;
    if (schedule_.layers_copies() > 1 && mirror != rank) {
      for (const RankId other : group_of(sizes_, kind, first_rank(sizes_, mirror))) group.push_back(other);
    }
    return group;
  };
  for (int rank = 0; rank < sizes_.pp; ++rank) {
    Picoseconds reduce;
    Picoseconds gather;
    double owned = 0;
    for (const auto& [kind, count] : {std::pair{ParallelGroup::data_and_context, dense_parameters(rank)},
                                      {ParallelGroup::expert_data, expert_parameters(rank)}}) {
      const std::vector<RankId> group = group_at(kind, rank);
      const bool sharded = workload_.zero > 0;
      reduce += collectives_.time(sharded ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce,
                                  {count * kGradientBytes}, group);
      if (sharded) gather += collectives_.time(CollectiveOp::all_gather, {count * weight_bytes}, group);
      owned += static_cast<double>(count) / (sharded ? static_cast<double>(group.size()) : 1);
    }
    // Gradient read, state read and written, weight written.
    const double state = 2 * scenario_.compute.optimizer_bytes_per_weight;
    const auto bytes = static_cast<std::int64_t>(owned * (kGradientBytes + state + weight_bytes));
    const KernelCost update = model_.stream({bytes});
    const StreamId stream = streams_[static_cast<std::size_t>(rank)];
    for (const auto& [phase, time] : {std::pair{TrainingPhase::reduce_gradients, reduce},
                                      {TrainingPhase::optimizer, update.time},
                                      {TrainingPhase::gather_parameters, gather}}) {
      if (time.count == 0) continue;
      updates_.push_back({graph_.add_compute(stream, time, graph_.add_phase(name(phase))), rank, phase});
    }
  }
}

}  // namespace moesim

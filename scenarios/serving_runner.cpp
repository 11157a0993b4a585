#include "scenarios/serving_runner.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "models/architecture/model_costs.hpp"
#include "scenarios/layer_steps.hpp"
#include "scenarios/serving_json.hpp"
#include "scenarios/serving_memory.hpp"
#include "scenarios/serving_passes.hpp"

namespace moesim {
namespace {

// Passes one after another.
struct ServedTime {
  std::vector<SlotTiming> passes;
  Picoseconds time;

  void add(SlotTiming timing) {
    time += timing.time;
    passes.push_back(std::move(timing));
  }
  Picoseconds busy(Lane lane) const {
    Picoseconds sum;
    for (const SlotTiming& pass : passes) sum += pass.busy[static_cast<std::size_t>(lane)];
    return sum;
  }
  Picoseconds exposed() const { return time - busy(Lane::compute); }
  Picoseconds one_after_another() const {
    Picoseconds sum;
    for (const SlotTiming& pass : passes) sum += one_by_one(pass);
    return sum;
  }
};

void add_timing(const ServedTime& served, RunResult& result) {
  std::array<Picoseconds, kServingPhases> phases{};
  for (const SlotTiming& pass : served.passes) {
    for (const auto& [phase, time] : pass.phases) phases[static_cast<std::size_t>(phase)] += time;
  }
  for (int i = 0; i < kServingPhases; ++i) {
    const Picoseconds time = phases[static_cast<std::size_t>(i)];
    if (time.count > 0) result.breakdown.emplace_back(name(static_cast<ServingPhase>(i)), time);
  }
  result.time = served.time;
  result.exposed_communication = served.exposed();
  result.serving->computing = served.busy(Lane::compute);
  result.serving->exchanging = served.busy(Lane::exchange);
  result.serving->one_by_one = served.one_after_another();
}

void add_slices(const ServedTime& served, Timeline* timeline) {
  if (timeline == nullptr) return;
  constexpr std::array<std::string_view, kLanes> kLaneNames{"compute", "exchange", "tensor parallel"};
  std::array<LaneId, kLanes> lanes{};
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = timeline->add_lane(RankId{0}, kLaneNames[lane]);
  Picoseconds begin;
  for (const SlotTiming& pass : served.passes) {
    const bool several = std::any_of(pass.spans.begin(), pass.spans.end(), [](const auto& s) { return s.chain > 0; });
    for (const StepSpan& span : pass.spans) {
      const std::string_view phase = name(static_cast<ServingPhase>(span.phase));
      timeline->add_slice(lanes[static_cast<std::size_t>(span.lane)],
                          several ? fmt::format("{} {}", phase, span.chain) : std::string(phase), begin + span.begin,
                          begin + span.end);
    }
    begin += pass.time;
  }
}

void add_mfu(const Scenario& scenario, double length, const ServingPasses& passes, RunResult& result) {
  const double flops = forward_flops_per_token(*scenario.model, static_cast<std::int64_t>(length)).total() *
                       static_cast<double>(*result.tokens);
  const double peak = passes.model().device().peak_flops(scenario.compute.dtype).flop_per_s();
  result.mfu = flops / (result.time.seconds() * scenario.parallelism.ranks() * peak);
}

// `count` of what the batch is counted in, whose memory but for the weights grows with it.
void add_memory(const MemoryResult& memory, std::int64_t count, int micro_batches, RunResult& result) {
  result.memory = memory;
  const auto each = static_cast<double>((memory.total() - memory.weights).count) / static_cast<double>(count);
  const auto room = static_cast<double>((memory.capacity - memory.weights).count);
  const auto most = room <= 0 ? 0 : static_cast<std::int64_t>(room / each);
  result.serving->largest_batch = most / micro_batches * micro_batches;
}

void add_layer(const LayerPrice* layer, RunResult& result) {
  if (layer == nullptr) return;
  result.load = layer->load;
  result.dispatch = layer->dispatch_traffic;
  result.combine = layer->combine_traffic;
}

void add_caveats(const Scenario& scenario, const ServingPasses& passes, RunResult& result) {
  for (const Caveat& caveat : passes.caveats()) result.caveats.push_back(caveat);
  if (scenario.routing) {
    add_router_caveat(*scenario.routing, result);
  } else {
    for (Caveat& caveat : passes.model().caveats(std::array{scenario.compute.dtype})) {
      result.caveats.push_back(std::move(caveat));
    }
  }
  result.caveats.push_back({"folded",
                            "One rank stands for all: every layer meets the loads of one routing pass, every kernel "
                            "is that of the rank where it takes longest, and all ranks have equal batches."});
  result.caveats.push_back({"no_host",
                            "What the host does between steps and between kernels (scheduling, launches that it cannot "
                            "hide, batches that are not full) takes no time here."});
}

// Halves of [begin, end), or all of it.
std::vector<ServedMicroBatch> prompt_micro_batches(const PrefillWorkload& workload, std::int64_t begin,
                                                   std::int64_t end) {
  const std::int64_t length = workload.new_tokens();
  const int halves = workload.options.micro_batches();
  std::vector<ServedMicroBatch> result;
  for (int i = 0; i < halves; ++i) {
    const std::int64_t from = begin + (end - begin) * i / halves;
    const std::int64_t to = begin + (end - begin) * (i + 1) / halves;
    const bool cut = to == workload.tokens_per_rank && to % length != 0;
    result.push_back({.parts = prompt_parts(from, to, length, workload.cached_length),
                      .head_rows = to / length - from / length + (cut ? 1 : 0)});
  }
  return result;
}

// `new_tokens` of each of `sequences`.
std::vector<ServedMicroBatch> decode_micro_batches(const DecodeWorkload& workload, std::int64_t sequences,
                                                   std::int64_t new_tokens) {
  const int halves = workload.options.micro_batches();
  const ServedMicroBatch one{
      .parts = {{.sequences = sequences / halves, .new_tokens = new_tokens, .cached = workload.context}},
      .head_rows = sequences / halves * new_tokens};
  return std::vector<ServedMicroBatch>(static_cast<std::size_t>(halves), one);
}

// Checks the drafted tokens beside the next one, then drafts anew.
ServedTime decode_step(const DecodeWorkload& workload, std::int64_t sequences, ServingPasses& passes) {
  ServedTime served;
  served.add(
      passes.pass(AttentionPhase::decode, decode_micro_batches(workload, sequences, workload.tokens_a_sequence())));
  if (workload.speculative_tokens == 0) return served;
  const SlotTiming draft = passes.draft(decode_micro_batches(workload, sequences, 1));
  for (int i = 0; i < workload.speculative_tokens; ++i) served.add(draft);
  return served;
}

const LayerPrice* layer_of(const Scenario& scenario, ServingPasses& passes, std::int64_t tokens) {
  if (!scenario.model->moe) return nullptr;
  const std::int64_t cuts = std::int64_t{serving_options(scenario)->micro_batches()} * scenario.parallelism.tp;
  return &passes.layer((tokens + cuts - 1) / cuts);
}

MemoryResult decode_memory(const Scenario& scenario, const DecodeWorkload& workload, std::int64_t sequences,
                           ServingPasses& passes) {
  const std::int64_t tokens = sequences * workload.tokens_a_sequence();
  return serving_memory(scenario,
                        {.sequences = static_cast<double>(sequences),
                         .length = static_cast<double>(workload.context + workload.tokens_a_sequence()),
                         .pass_tokens = tokens,
                         .head_rows = tokens},
                        layer_of(scenario, passes, tokens), workload.options.micro_batches());
}

double gained_per_s_per_gpu(const Scenario& scenario, const DecodeWorkload& workload, std::int64_t sequences,
                            Picoseconds time) {
  return static_cast<double>(sequences) * workload.tokens_gained() / time.seconds() / scenario.parallelism.tp;
}

Scenario dense_scenario(Scenario scenario, const ModelCard& model) {
  scenario.model = model;
  scenario.routing.reset();
  scenario.placement = {};
  scenario.parallelism.ep = 1;
  auto& workload = std::get<DecodeWorkload>(scenario.workload);
  workload.speculative_tokens = 0;
  workload.acceptance = 0;
  return scenario;
}

void add_batches(const Scenario& scenario, const DecodeWorkload& workload, const Topology& topology, const LinkUse& use,
                 ServingPasses& passes, ServingResult& serving) {
  std::optional<Scenario> dense;
  std::optional<ServingPasses> dense_passes;
  if (workload.against) {
    dense.emplace(dense_scenario(scenario, *workload.against));
    dense_passes.emplace(*dense, topology, use);
  }
  for (const std::int64_t batch : workload.batches) {
    const ServedTime served = decode_step(workload, batch, passes);
    ServedBatchResult row{.batch_per_rank = batch,
                          .time = served.time,
                          .exposed_communication = served.exposed(),
                          .tokens_per_s_per_gpu = gained_per_s_per_gpu(scenario, workload, batch, served.time),
                          .fits = decode_memory(scenario, workload, batch, passes).fits()};
    if (dense) {
      const auto& plain = std::get<DecodeWorkload>(dense->workload);
      row.against = decode_step(plain, batch, *dense_passes).time;
      row.against_tokens_per_s_per_gpu = gained_per_s_per_gpu(*dense, plain, batch, *row.against);
    }
    serving.batches.push_back(row);
  }
}

}  // namespace

void run_prefill(const Scenario& scenario, const PrefillWorkload& workload, const Topology& topology,
                 const LinkUse& use, Timeline* timeline, RunResult& result) {
  ServingPasses passes(scenario, topology, use);
  ServedTime served;
  double ended = 0;
  double waited_s = 0;
  for (std::int64_t begin = 0; begin < workload.tokens_per_rank; begin += workload.chunk) {
    const std::int64_t end = std::min(begin + workload.chunk, workload.tokens_per_rank);
    const std::vector<ServedMicroBatch> halves = prompt_micro_batches(workload, begin, end);
    served.add(passes.pass(AttentionPhase::prefill, halves));
    for (const ServedMicroBatch& half : halves) {
      ended += static_cast<double>(half.head_rows);
      waited_s += static_cast<double>(half.head_rows) * served.time.seconds();
    }
  }
  ServingResult& serving = result.serving.emplace();
  add_timing(served, result);
  result.tokens = workload.tokens_per_rank * scenario.parallelism.dp;
  serving.passes = static_cast<int>(served.passes.size());
  serving.tokens_per_s = static_cast<double>(*result.tokens) / result.time.seconds();
  serving.ttft_mean = Picoseconds::from_seconds(waited_s / ended);
  serving.kv_bytes_per_token = kv_bytes_of_sequence(scenario, static_cast<double>(workload.input_length)) -
                               kv_bytes_of_sequence(scenario, static_cast<double>(workload.input_length - 1));
  const LayerPrice* layer = layer_of(scenario, passes, workload.chunk);
  const double sequences = static_cast<double>(workload.tokens_per_rank) / static_cast<double>(workload.new_tokens());
  add_memory(serving_memory(scenario,
                            {.sequences = sequences,
                             .length = static_cast<double>(workload.input_length),
                             .pass_tokens = workload.chunk,
                             .head_rows = workload.chunk / workload.new_tokens() + 1},
                            layer, workload.options.micro_batches()),
             workload.tokens_per_rank, workload.options.micro_batches(), result);
  // The mean new token meets the prefix and half of the prompt: as in a sequence twice as long as that.
  add_mfu(scenario, static_cast<double>(2 * workload.cached_length + workload.new_tokens()), passes, result);
  add_layer(layer, result);
  add_caveats(scenario, passes, result);
  add_slices(served, timeline);
}

void run_decode(const Scenario& scenario, const DecodeWorkload& workload, const Topology& topology, const LinkUse& use,
                Timeline* timeline, RunResult& result) {
  ServingPasses passes(scenario, topology, use);
  const ServedTime served = decode_step(workload, workload.batch_per_rank, passes);
  ServingResult& serving = result.serving.emplace();
  add_timing(served, result);
  result.tokens = workload.batch_per_rank * workload.tokens_a_sequence() * scenario.parallelism.dp;
  serving.tokens_gained = workload.tokens_gained();
  serving.tpot = Picoseconds::from_seconds(result.time.seconds() / serving.tokens_gained);
  serving.draft = result.time - served.passes.front().time;
  serving.tokens_per_s = static_cast<double>(workload.batch_per_rank * scenario.parallelism.dp) *
                         serving.tokens_gained / result.time.seconds();
  const auto context = static_cast<double>(workload.context);
  serving.kv_bytes_per_token = kv_bytes_of_sequence(scenario, context + 1) - kv_bytes_of_sequence(scenario, context);
  add_memory(decode_memory(scenario, workload, workload.batch_per_rank, passes), workload.batch_per_rank,
             workload.options.micro_batches(), result);
  add_mfu(scenario, 2 * context, passes, result);
  add_layer(layer_of(scenario, passes, workload.batch_per_rank * workload.tokens_a_sequence()), result);
  add_batches(scenario, workload, topology, use, passes, serving);
  add_caveats(scenario, passes, result);
  add_slices(served, timeline);
}

}  // namespace moesim

#include "scenarios/report_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/serving_text.hpp"
#include "scenarios/training_text.hpp"

namespace moesim {

namespace {

constexpr int kWidth = 96;
constexpr std::size_t kShownLinks = 5;
constexpr std::size_t kShownFlows = 10;

double microseconds(Picoseconds time) { return static_cast<double>(time.count) / 1e6; }

// Builds the page section by section. A row is "  label   value   note".
class Report {
 public:
  Report(const RunResult& result, const ReportStyle& style) : result_(result), style_(style) {}

  std::string text() {
    text_ = scenario_text(scenario(), style_);
    headline();
    steps();
    breakdown();
    if (result_.serving) text_ += serving_text(result_, style_);
    if (result_.training) text_ += training_text(scenario(), *result_.training, style_);
    kernels();
    traffic();
    load();
    rebalance();
    memory();
    flows();
    links();
    caveats();
    return std::move(text_);
  }

 private:
  const Scenario& scenario() const { return result_.scenario; }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    std::string row = fmt::format(format, std::forward<Args>(args)...);
    row.erase(row.find_last_not_of(' ') + 1);
    text_ += row + "\n";
  }

  void section(std::string_view head, std::string_view rest = "") {
    line("");
    line("{}{}", bold(head, style_), faint(rest, style_));
  }

  void row(std::string_view label, const std::string& value, const std::string& note = "") {
    line("  {:<30}{:>16}   {}", label, value, note);
  }

  void headline();
  void steps();
  void breakdown();
  void kernels();
  void traffic();
  void load();
  void placement();
  void rebalance();
  void memory();
  void flows();
  void links();
  void caveats();

  const RunResult& result_;
  ReportStyle style_;
  std::string text_;
};

void Report::headline() {
  line("");
  const double time_us = microseconds(result_.time);
  row("time", time_text(time_us), time_us < 1000 ? "" : fmt::format("{:.6f} us", time_us));
  if (const auto rate = result_.tokens_per_s()) {
    row("tokens", grouped(*result_.tokens));
    row("throughput", count_text(*rate) + " tok/s",
        fmt::format("{} tok/s for each GPU{}", count_text(*result_.tokens_per_s_per_gpu()),
                    result_.training || result_.serving                             ? ""
                    : std::holds_alternative<ExchangeWorkload>(scenario().workload) ? "; this exchange alone"
                                                                                    : "; this layer alone"));
  }
  if (result_.bandwidth) {
    row("algorithm bandwidth", fmt::format("{:.2f} GB/s", result_.bandwidth->algorithm_gb_per_s), "bytes over time");
    row("bus bandwidth", fmt::format("{:.2f} GB/s", result_.bandwidth->bus_gb_per_s), "by nccl-tests' convention");
  }
  if (result_.copies) {
    row("copies for nodes", grouped(result_.copies->to_nodes));
    row("copies for ranks", grouped(result_.copies->to_ranks));
    row("copies for experts", grouped(result_.copies->to_experts));
  }
  if (result_.mfu) row("MFU", percent_text(*result_.mfu), "of the peak FLOP/s of all ranks");
  if (result_.exposed_communication) {
    const double share = result_.time.count == 0 ? 0 : microseconds(*result_.exposed_communication) / time_us;
    row("exposed communication", time_text(microseconds(*result_.exposed_communication)),
        percent_text(share) + " of the time");
  }
}

void Report::steps() {
  if (!result_.steps) return;
  constexpr std::size_t kShownStragglers = 5;
  const StepResults& steps = *result_.steps;
  section("Time of the layer",
          fmt::format(" over {} steps of {} layers; the rest of this page is the first", steps.steps, steps.layers));
  const auto time = [&](const char* label, Picoseconds value, const std::string& note) {
    row(label, time_text(microseconds(value)), note);
  };
  const double mean = std::max(microseconds(steps.mean), 1e-6);
  time("mean", steps.mean, "");
  time("p50", steps.p50, "");
  time("p99", steps.p99, fmt::format("{:.3f} x the mean", microseconds(steps.p99) / mean));
  time("max", steps.max,
       fmt::format("{:.3f} x the mean; step {}, layer {}", microseconds(steps.max) / mean, steps.slowest_step,
                   steps.slowest_layer));
  const auto samples = static_cast<double>(steps.times.size());
  for (std::size_t i = 0; i < std::min(steps.stragglers.size(), kShownStragglers); ++i) {
    const auto& [rank, times] = steps.stragglers[i];
    row(i == 0 ? "stragglers" : "", fmt::format("rank {}", rank),
        fmt::format("computes longest in {}", percent_text(times / samples)));
  }
  if (steps.stragglers.size() > kShownStragglers) {
    line("  {}",
         faint(fmt::format("and {} more ranks: --json has them all", steps.stragglers.size() - kShownStragglers),
               style_));
  }
}

void Report::breakdown() {
  if (result_.breakdown.size() < 2) return;
  section("Where the time goes", " (critical path)");
  Picoseconds longest;
  for (const auto& [phase, time] : result_.breakdown) longest = std::max(longest, time);
  for (const auto& [phase, time] : result_.breakdown) {
    if (time == Picoseconds::zero()) continue;
    std::string label = phase;
    std::replace(label.begin(), label.end(), '_', ' ');
    const double share =
        static_cast<double>(time.count) / static_cast<double>(std::max<std::int64_t>(result_.time.count, 1));
    const double length =
        static_cast<double>(time.count) / static_cast<double>(std::max<std::int64_t>(longest.count, 1));
    line("  {:<30}{:>13.3f} us  {:>7}  {}", label, microseconds(time), percent_text(share), bar(length, 30, style_));
  }
}

// Which kernels the difference comes from: "Most of it: shared +88.0 us, up +70.1 us, unpermute +24.7 us."
std::string largest_changes(const KernelResults& results) {
  std::vector<std::pair<double, std::string>> changes;
  for (const KernelResult& kernel : results.kernels) {
    changes.emplace_back(microseconds(kernel.time) - microseconds(kernel.uncalibrated), kernel.name);
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.first) > std::abs(b.first); });
  changes.resize(std::min<std::size_t>(changes.size(), 3));
  std::vector<std::string> words;
  for (const auto& [us, kernel] : changes) words.push_back(fmt::format("{} {:+.1f} us", kernel, us));
  return fmt::format("Most of it: {}.", fmt::join(words, ", "));
}

void Report::kernels() {
  // Without a profile there is nothing to compare: the phases above say it all.
  if (!result_.kernels || !scenario().compute.profile) return;
  const KernelResults& results = *result_.kernels;
  section(fmt::format("Kernels of rank {}", results.rank), " (the one that computes longest)");
  line("  {:<30}{:>13}{:>16}{:>10}   {}", "", "profile", "uncalibrated", "", "bound by");
  KernelResult total{.name = "all, one after the other", .time = {}, .uncalibrated = {}, .bound = ""};
  const auto show = [&](const KernelResult& kernel) {
    const double change = static_cast<double>(kernel.time.count) /
                              static_cast<double>(std::max<std::int64_t>(kernel.uncalibrated.count, 1)) -
                          1;
    std::string label = kernel.name;
    std::replace(label.begin(), label.end(), '_', ' ');
    line("  {:<30}{:>10.1f} us{:>13.1f} us{:>+8.0f} %   {}", label, microseconds(kernel.time),
         microseconds(kernel.uncalibrated), std::round(100 * change) + 0.0, kernel.bound);
  };
  for (const KernelResult& kernel : results.kernels) {
    show(kernel);
    total.time += kernel.time;
    total.uncalibrated += kernel.uncalibrated;
  }
  show(total);
  line("  {}", largest_changes(results));
  if (results.multiprocessors_lent > 0) {
    line("  Shared experts run beside the exchange, which holds {} of {} multiprocessors.",
         results.multiprocessors_lent, scenario().gpu.multiprocessors);
  }
  const KernelProfile& profile = *scenario().compute.profile;
  line("  {}", wrap(fmt::format("Profile {}: {}.", profile.name, fmt::join(results.fits, "; ")), kWidth - 2, 4));
}

// A row with a figure for each direction that ran.
template <class Cell>
std::string traffic_cells(const RunResult& result, const Cell& cell) {
  std::string cells;
  if (result.dispatch) cells += fmt::format("{:>16}", cell(*result.dispatch));
  if (result.combine) cells += fmt::format("{:>{}}", cell(*result.combine), result.dispatch ? 18 : 16);
  return cells;
}

void Report::traffic() {
  if (!result_.dispatch && !result_.combine) return;
  section("Traffic");
  const auto show = [&](const std::string& label, const auto& cell) {
    line("  {:<30}{}", label, traffic_cells(result_, cell));
  };
  const ExchangeTraffic* first = result_.dispatch ? &*result_.dispatch : nullptr;
  show("", [&](const ExchangeTraffic& t) { return std::string(&t == first ? "dispatch" : "combine"); });
  show("token copies sent", [](const ExchangeTraffic& t) { return grouped(t.copies); });
  show("elements sent", [](const ExchangeTraffic& t) { return count_text(t.elements_remote); });
  show("  closed form, uniform load", [](const ExchangeTraffic& t) { return count_text(t.elements_closed_form); });
  show(fmt::format("inside nodes ({})", scenario().gpu.scale_up_kind),
       [](const ExchangeTraffic& t) { return bytes_text(static_cast<double>(t.bytes_scale_up.count)); });
  show("between nodes",
       [](const ExchangeTraffic& t) { return bytes_text(static_cast<double>(t.bytes_scale_out.count)); });
}

void Report::load() {
  if (!result_.load) return;
  const LoadResult& load = *result_.load;
  section("Load", " (balance is max over mean; 1 is even)");
  row("experts", fmt::format("{:.3f}", load.expert_max_over_mean),
      fmt::format("{} to {} copies an expert", grouped(load.min_expert_tokens), grouped(load.max_expert_tokens)));
  row("ranks", fmt::format("{:.3f}", load.rank_max_over_mean));
  row("dropped", percent_text(load.dropped_fraction), "of (token, expert) choices");
  if (load.rerouted_fraction)
    row("sent on", percent_text(*load.rerouted_fraction), "to another expert than was chosen");
  if (load.skipped_fraction) row("skipped", percent_text(*load.skipped_fraction), "of tokens, around the layer");
  row("gate mass kept", percent_text(load.retained_gate_mass), "of what a free top-k would keep");
  if (load.max_nodes_per_token) row("nodes a token", std::to_string(*load.max_nodes_per_token), "at most");
  placement();
}

void Report::placement() {
  if (!result_.placement) return;
  const PlacementResult& placement = *result_.placement;
  const PlacementSpec& spec = scenario().placement.spec;
  section(fmt::format("Placement {}", name(spec.kind)), " (copies that ranks compute, max over mean)");
  row("contiguous", fmt::format("{:.3f}", placement.contiguous_max_over_mean), "before");
  row(std::string(name(spec.kind)), fmt::format("{:.3f}", placement.max_over_mean),
      fmt::format("{} experts a rank, {} of all redundant", placement.experts_per_rank,
                  grouped(spec.redundant_experts)));
  row("lower bound", fmt::format("{:.3f}", placement.least_max_over_mean), "of any placement with as many slots");
}

void Report::rebalance() {
  if (!result_.rebalance) return;
  const RebalanceResult& rebalance = *result_.rebalance;
  const PlacementKind from = std::get<RebalanceWorkload>(scenario().workload).from.spec.kind;
  const auto both = [&](std::string_view label, auto cell) {
    line("  {:<30}{:>16}{:>18}", label, cell(rebalance.before), cell(rebalance.after));
  };
  section("Rebalance", " of one layer");
  line("  {:<30}{:>16}{:>18}", "", name(from), name(scenario().placement.spec.kind));
  both("layer, forward", [](const RebalanceSide& side) { return time_text(microseconds(side.layer)); });
  both("ranks, max over mean",
       [](const RebalanceSide& side) { return fmt::format("{:.3f}", side.rank_max_over_mean); });
  both("exchanges between nodes",
       [](const RebalanceSide& side) { return bytes_text(static_cast<double>(side.bytes_scale_out.count)); });
  both("weights of one rank",
       [](const RebalanceSide& side) { return bytes_text(static_cast<double>(side.weights.count)); });
  row("experts moved", grouped(rebalance.experts_moved), fmt::format("to {} slots", grouped(rebalance.expert_slots)));
  row("moved inside nodes", bytes_text(static_cast<double>(rebalance.bytes_scale_up.count)));
  row("moved between nodes", bytes_text(static_cast<double>(rebalance.bytes_scale_out.count)));
  row("time lost", time_text(microseconds(result_.time)),
      fmt::format("{} for all {} layers with experts",
                  time_text(static_cast<double>(rebalance.layers) * microseconds(result_.time)), rebalance.layers));
  const double saved = microseconds(rebalance.before.layer) - microseconds(rebalance.after.layer);
  row("saved a step", fmt::format("{}{}", saved < 0 ? "-" : "", time_text(std::abs(saved))), "in this layer");
  row("break-even", rebalance.break_even_steps ? grouped(*rebalance.break_even_steps) + " steps" : "never");
  if (rebalance.break_even_tokens_per_rank) {
    row("break-even in one step", grouped(*rebalance.break_even_tokens_per_rank),
        "tokens a rank, as far as time is proportional");
  }
}

void Report::memory() {
  if (!result_.memory) return;
  const MemoryResult& memory = *result_.memory;
  const auto part = [&](std::string_view label, Bytes bytes) {
    const double share =
        static_cast<double>(bytes.count) / static_cast<double>(std::max<std::int64_t>(memory.capacity.count, 1));
    line("  {:<30}{:>16}  {:>7}  {}", label, bytes_text(static_cast<double>(bytes.count)), percent_text(share),
         bar(share, 30, style_));
  };
  section("Memory", fmt::format(" of the fullest rank, of {}", bytes_text(static_cast<double>(memory.capacity.count))));
  part("weights", memory.weights);
  part("activations", memory.activations);
  if (memory.gradients) part("gradients", *memory.gradients);
  if (memory.kv_cache) part("KV cache", *memory.kv_cache);
  if (memory.optimizer) part("optimizer", *memory.optimizer);
  part("exchange buffers", memory.buffers);
  part("total", memory.total());
  if (!memory.fits()) line("  {}", alarm("does not fit", style_));
}

void Report::flows() {
  if (result_.flows.empty()) return;
  section("Flows", " (in the order given)");
  line("  {:>10} {:>10} {:>20} {:>18} {:>18}", "src", "dst", "bytes", "start us", "finish us");
  for (std::size_t i = 0; i < std::min(result_.flows.size(), kShownFlows); ++i) {
    const FlowResult& flow = result_.flows[i];
    line("  {:>10} {:>10} {:>20} {:>18.6f} {:>18.6f}", flow.request.source.value, flow.request.destination.value,
         grouped(flow.request.bytes.count), microseconds(flow.request.start), microseconds(flow.finish));
  }
  if (result_.flows.size() > kShownFlows) {
    line("  {}", faint(fmt::format("and {} more: --json has them all",
                                   grouped(static_cast<std::int64_t>(result_.flows.size() - kShownFlows))),
                       style_));
  }
}

void Report::links() {
  if (result_.links.empty()) return;
  section("Busiest links",
          fmt::format(" of {} that carried anything", grouped(static_cast<std::int64_t>(result_.links.size()))));
  for (std::size_t i = 0; i < std::min(result_.links.size(), kShownLinks); ++i) {
    const LinkResult& link = result_.links[i];
    line("  {:<30}{:>16}  {:>7}  {}", link.name, bytes_text(static_cast<double>(link.bytes.count)),
         percent_text(link.utilization), bar(link.utilization, 30, style_));
  }
}

void Report::caveats() {
  if (result_.caveats.empty()) return;
  section("Before you lean on this");
  for (const Caveat& caveat : result_.caveats) {
    line("  {}", wrap(fmt::format("{}: {}", caveat.key, caveat.text), kWidth - 2, 4));
  }
}

}  // namespace

std::string report_text(const RunResult& result, const ReportStyle& style) { return Report(result, style).text(); }

}  // namespace moesim

#include "scenarios/serving_text.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr int kNode = 8;  // GPUs that published rates "per node" are of.

std::string layout_text(const Scenario& scenario) {
  const Parallelism& sizes = scenario.parallelism;
  std::string text = fmt::format("TP {} DP {}", sizes.tp, sizes.dp);
  if (scenario.model->moe) {
    text += fmt::format(" EP {}", sizes.ep);
    const int redundant = scenario.placement.spec.redundant_experts;
    if (redundant > 0) text += fmt::format(", {} redundant experts", redundant);
  }
  return text;
}

std::string row(std::string_view label, const std::string& value, const std::string& note) {
  std::string line = fmt::format("  {:<30}{:>16}   {}", label, value, note);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string batches_text(const RunResult& result, const ReportStyle& style) {
  const auto& decode = std::get<DecodeWorkload>(result.scenario.workload);
  const bool compared = decode.against.has_value();
  std::string text =
      fmt::format("\n{}{}\n", bold("Batches", style), faint(" (exposed: share of the time without a kernel)", style));
  text += fmt::format("  {:>8}{:>13}{:>10}{:>16}{:>7}", "a rank", "step", "exposed", "tok/s a GPU", "fits");
  if (compared) text += fmt::format("{:>20}{:>14}{:>10}", decode.against->name, "tok/s a GPU", "of it");
  text += "\n";
  for (const ServedBatchResult& batch : result.serving->batches) {
    text += fmt::format("  {:>8}{:>13}{:>10}{:>16.1f}{:>7}", grouped(batch.batch_per_rank), time_text(batch.time.us()),
                        percent_text(batch.exposed_communication.seconds() / batch.time.seconds()),
                        batch.tokens_per_s_per_gpu, batch.fits ? "yes" : "no");
    if (compared) {
      text +=
          fmt::format("{:>20}{:>14.1f}{:>10.2f}", time_text(batch.against->us()), *batch.against_tokens_per_s_per_gpu,
                      batch.tokens_per_s_per_gpu / *batch.against_tokens_per_s_per_gpu);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string serving_work_text(const Scenario& scenario) {
  if (const auto* prefill = std::get_if<PrefillWorkload>(&scenario.workload)) {
    return fmt::format(
        "prefill of {}, {} tokens a rank, prompts of {} with {} cached, {} tokens a pass\n{}, overlap {}",
        scenario.model->name, grouped(prefill->tokens_per_rank), grouped(prefill->input_length),
        grouped(prefill->cached_length), grouped(prefill->chunk), layout_text(scenario),
        name(prefill->options.overlap));
  }
  const auto& decode = std::get<DecodeWorkload>(scenario.workload);
  std::string text = fmt::format("decode step of {}, {} sequences a rank, {} tokens cached for each",
                                 scenario.model->name, grouped(decode.batch_per_rank), grouped(decode.context));
  if (decode.speculative_tokens > 0) {
    text += fmt::format(", {} drafted, each right at {}", decode.speculative_tokens, percent_text(decode.acceptance));
  }
  return text + fmt::format("\n{}, overlap {}", layout_text(scenario), name(decode.options.overlap));
}

std::string serving_text(const RunResult& result, const ReportStyle& style) {
  const ServingResult& serving = *result.serving;
  std::string text = fmt::format("\n{}\n", bold("Serving", style));
  if (serving.ttft_mean) {
    text += row("time to first token, mean", time_text(serving.ttft_mean->us()), "of this batch, without a queue");
    if (serving.passes > 1) text += row("passes", std::to_string(serving.passes), "");
  }
  if (serving.tpot) {
    text += row("time per output token", time_text(serving.tpot->us()),
                fmt::format("{:.1f} tok/s for each sequence", 1 / serving.tpot->seconds()));
  }
  if (serving.draft.count > 0) {
    text += row("tokens gained a step", fmt::format("{:.2f}", serving.tokens_gained), "by a sequence, expected");
    text += row("drafting", time_text(serving.draft.us()), "of the time");
  }
  text += row("for 8 GPUs", count_text(kNode * *result.tokens_per_s_per_gpu()) + " tok/s", "");
  text += row("kernels run", time_text(serving.computing.us()),
              percent_text(serving.computing.seconds() / result.time.seconds()) + " of the time");
  text += row("exchanges run", time_text(serving.exchanging.us()), "");
  if (serving.one_by_one > result.time) {
    text += row("the same without overlap", time_text(serving.one_by_one.us()), "both halves one after another");
  }
  text += row("KV cache of a token", bytes_text(serving.kv_bytes_per_token), "on one rank");
  text += row("largest batch that fits", grouped(serving.largest_batch),
              serving.ttft_mean ? "tokens a rank" : "sequences a rank");
  if (!serving.batches.empty()) text += batches_text(result, style);
  return text;
}

}  // namespace moesim

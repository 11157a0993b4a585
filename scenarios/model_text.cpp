#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/architecture/model_costs.hpp"
#include "models/architecture/moe_layer_counts.hpp"
#include "models/architecture/parameters.hpp"
#include "models/architecture/token_mixer.hpp"
#include "scenarios/model_report.hpp"
#include "scenarios/text_table.hpp"

namespace moesim {
namespace {

constexpr int kWidth = 100;
constexpr int kLabel = 16;

std::string row(std::string_view label, const std::string& text) {
  return fmt::format("  {}\n", wrap(fmt::format("{:<{}}{}", label, kLabel, text), kWidth - 2, kLabel + 2));
}

std::string percent_off(double error) { return fmt::format("{:+.2f} %", 100 * error); }

double real(std::int64_t n) { return static_cast<double>(n); }

std::string total_text(const ModelCard& card, const ParameterCounts& counts) {
  std::string text = fmt::format("{} ({})", count_text(real(counts.total())), grouped(counts.total()));
  if (const auto error = total_error(card)) {
    const std::int64_t scope = total_in_published_scope(card);
    text += fmt::format("; published {}", grouped(*card.published.total_params));
    if (scope != counts.total()) text += fmt::format(" with what else the checkpoint has (here {})", grouped(scope));
    text += *error == 0 ? ", met exactly" : fmt::format(", {}", percent_off(*error));
  }
  return text;
}

std::string active_text(const ModelCard& card, const ParameterCounts& counts) {
  std::string text = fmt::format("{} with both embeddings, {} without the input one, {} without either",
                                 count_text(real(counts.active(ActiveConvention::with_embeddings))),
                                 count_text(real(counts.active(ActiveConvention::without_input_embedding))),
                                 count_text(real(counts.active(ActiveConvention::without_embeddings))));
  if (const auto error = active_error(card)) {
    text += fmt::format("; published {}, {}", count_text(real(*card.published.active_params)), percent_off(*error));
  }
  return text;
}

// "3 x mla + dense, 58 x mla + moe": equal neighbours together, long patterns cut short.
std::string layers_text(const ModelCard& card) {
  constexpr std::size_t kMostRuns = 8;
  std::vector<std::pair<Layer, int>> runs;
  for (const Layer& layer : card.layers) {
    if (runs.empty() || !(runs.back().first == layer)) runs.emplace_back(layer, 0);
    ++runs.back().second;
  }
  std::string text = fmt::format("{} layers: ", card.layers.size());
  for (std::size_t i = 0; i < runs.size() && i < kMostRuns; ++i) {
    const auto& [layer, count] = runs[i];
    text += i > 0 ? ", " : "";
    if (count > 1) text += fmt::format("{} x ", count);
    std::string modules;
    for (const std::size_t mixer : layer.mixers) modules += card.mixers[mixer].name + " + ";
    for (int j = 0; j < layer.dense_ffns; ++j) modules += "dense + ";
    if (layer.moe) modules += "moe + ";
    text += modules.substr(0, modules.size() - 3);
  }
  return text + (runs.size() > kMostRuns ? ", ..." : "");
}

std::string moe_text(const ModelCard& card) {
  const MoeFfn& moe = *card.moe;
  std::string text = fmt::format("{} layers of {} experts, {} a token, width {}", card.moe_layers(),
                                 grouped(moe.routing.num_experts), moe.routing.top_k, moe.expert_width);
  if (moe.latent_size) text += fmt::format(" in a latent of {}", *moe.latent_size);
  if (moe.shared_experts > 0) text += fmt::format(", {} shared of width {}", moe.shared_experts, moe.shared_width);
  text += fmt::format("; {}", name(moe.routing.kind));
  if (moe.routing.kind == RoutingKind::group_limited) {
    text += fmt::format(" ({} of {} groups)", moe.routing.groups_kept, moe.routing.groups);
  }
  if (moe.routing.capacity) text += fmt::format(", capacity factor {:g}", moe.routing.capacity->factor);
  return text;
}

std::string parts_text(const ParameterCounts& counts) {
  const std::vector<std::pair<std::string_view, std::int64_t>> parts{{"input embedding", counts.input_embedding},
                                                                     {"LM head", counts.lm_head},
                                                                     {"token mixers", counts.token_mixer},
                                                                     {"dense FFNs", counts.dense_ffn},
                                                                     {"routed experts", counts.routed_experts},
                                                                     {"shared experts", counts.shared_experts},
                                                                     {"routers", counts.router},
                                                                     {"norms", counts.norms},
                                                                     {"other", counts.other}};
  std::string text;
  for (const auto& [label, params] : parts) {
    if (params == 0) continue;
    text += fmt::format("    {:<18}{:>22}{:>10}\n", label, grouped(params),
                        percent_text(real(params) / real(counts.total())));
  }
  return text;
}

std::string kv_text(const KvCacheSize& kv) {
  std::string text = fmt::format("{} a token", bytes_text(kv.bytes_per_token));
  if (kv.window_bytes_per_token > 0) {
    text += fmt::format(", and {} for each token inside a window", bytes_text(kv.window_bytes_per_token));
  }
  if (kv.state_bytes_per_sequence > 0) {
    text += fmt::format(", and {} of state a sequence", bytes_text(kv.state_bytes_per_sequence));
  }
  return text;
}

}  // namespace

std::string model_text(const ModelCard& card, std::int64_t context, const ReportStyle& style) {
  const ParameterCounts counts = count_parameters(card);
  std::string head = card.title;
  if (!card.developer.empty()) head += fmt::format(", {}", card.developer);
  if (!card.release.empty()) head += fmt::format(", {}", card.release);
  std::string text = bold(head, style) + "\n\n";
  text += row("parameters", total_text(card, counts));
  text += row("active", active_text(card, counts));
  text += row("shape", fmt::format("hidden {}, vocabulary {}, {}", grouped(card.hidden_size), grouped(card.vocab_size),
                                   layers_text(card)));
  for (const NamedMixer& mixer : card.mixers) {
    text += row(mixer.name, fmt::format("{}, {} parameters a layer", kind_name(mixer.mixer),
                                        count_text(real(mixer_params(mixer.mixer, card.hidden_size)))));
  }
  if (card.moe) text += row("moe", moe_text(card));
  if (card.mtp) text += row("MTP", fmt::format("{} beside the total", count_text(real(mtp_parameters(card)))));
  text +=
      row("FLOPs a token", fmt::format("{} forward, {} training, at {} tokens of context",
                                       count_text(forward_flops_per_token(card, context).total()),
                                       count_text(training_flops_per_token(card, context).total()), grouped(context)));
  text += row("KV cache, bf16", kv_text(kv_cache_size(card, DataType::bf16)));
  text += row("weights", fmt::format("{} in bf16, {} in fp8, {} in fp4",
                                     bytes_text(real(weight_bytes(card, DataType::bf16).count)),
                                     bytes_text(real(weight_bytes(card, DataType::fp8).count)),
                                     bytes_text(real(weight_bytes(card, DataType::fp4).count))));
  text += "\n  " + bold("Parameters by part", style) + "\n" + parts_text(counts);
  for (const Caveat& caveat : model_caveats(card)) text += "\n" + row("caveat", caveat.text);
  if (!card.notes.empty()) text += "\n";
  for (const std::string& note : card.notes) text += row("note", note);
  text += "\n";
  for (const std::string& source : card.sources) text += row("source", source);
  return text;
}

}  // namespace moesim

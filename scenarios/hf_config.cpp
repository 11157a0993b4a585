#include "scenarios/hf_config.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::json;

namespace {

// Keys that say how a model is run, initialised, trained or scaled, but not how large it is.
constexpr std::array kHarmless = std::to_array<std::string_view>({
    "_attn_implementation",
    "_name_or_path",
    "add_bos_token",
    "architectures",
    "attention_dropout",
    "attention_multiplier",
    "attn_implementation",
    "auto_map",
    "aux_loss_alpha",
    "bos_token_id",
    "cache_implementation",
    "clip_qkv",
    "dtype",
    "embedding_multiplier",
    "eos_token_id",
    "ep_size",
    "experts_per_token",
    "hidden_act",
    "hidden_dropout",
    "id2label",
    "initial_context_length",
    "initializer_range",
    "label2id",
    "logits_scaling",
    "max_position_embeddings",
    "max_window_layers",
    "model_type",
    "num_experts_per_group",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pad_token_id",
    "partial_rotary_factor",
    "pretraining_tp",
    "quantization_config",
    "residual_multiplier",
    "rms_norm_eps",
    "rope_interleave",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "seq_aux",
    "swiglu_limit",
    "task_specific_params",
    "torch_dtype",
    "transformers_version",
    "unsloth_fixed",
    "use_cache",
});
static_assert(std::is_sorted(kHarmless.begin(), kHarmless.end()));

std::string list(HfConfig::Names names) {
  std::string text;
  for (const std::string_view name : names) text += fmt::format("{}\"{}\"", text.empty() ? "" : " or ", name);
  return text;
}

const json& text_config(const json& config, const std::string& where) {
  const JsonReader outer(config, where);
  return outer.has("text_config") ? config.at("text_config") : config;
}

}  // namespace

HfConfig::HfConfig(const json& config, const std::string& where)
    : has_text_config_(JsonReader(config, where).has("text_config")),
      reader_(text_config(config, where), where, has_text_config_ ? "/text_config" : "") {}

std::optional<std::string_view> HfConfig::present(Names names) const {
  for (const std::string_view name : names) {
    if (reader_.has(name)) return name;
  }
  return std::nullopt;
}

std::string_view HfConfig::require(Names names, std::string_view what) const {
  const auto name = present(names);
  if (!name) fail(names, "nothing", fmt::format("{}: a configuration of this kind has {}", what, list(names)));
  return *name;
}

bool HfConfig::has(Names names) const { return present(names).has_value(); }

std::int64_t HfConfig::integer(Names names, std::int64_t min, std::int64_t max) {
  return reader_.integer(require(names, "an integer"), min, max);
}

std::int64_t HfConfig::integer_or(Names names, std::int64_t min, std::int64_t max, std::int64_t fallback) {
  return reader_.integer_or(present(names).value_or(*names.begin()), min, max, fallback);
}

double HfConfig::number_or(Names names, double min, double max, double fallback) {
  return reader_.number_or(present(names).value_or(*names.begin()), min, max, fallback);
}

bool HfConfig::boolean_or(Names names, bool fallback) {
  return reader_.boolean_or(present(names).value_or(*names.begin()), fallback);
}

std::string HfConfig::string_or(Names names, std::string_view fallback) {
  return reader_.string_or(present(names).value_or(*names.begin()), fallback);
}

std::vector<std::string> HfConfig::strings(Names names) {
  const auto name = present(names);
  return name ? reader_.strings(*name) : std::vector<std::string>();
}

std::vector<std::int64_t> HfConfig::integers(Names names) {
  std::vector<std::int64_t> values;
  const auto name = present(names);
  if (!name) return values;
  for (const json& value : reader_.raw(*name)) {
    if (!value.is_number_integer()) fail({*name}, shorten_json(value), "integers");
    values.push_back(value.get<std::int64_t>());
  }
  return values;
}

std::vector<std::string> HfConfig::not_understood() const {
  std::vector<std::string> keys;
  for (const std::string& key : reader_.unread()) {
    const json& entry = reader_.value().at(key);
    const bool off = entry.is_null() || entry == false;  // What is off adds nothing, whatever it is.
    if (!off && !std::binary_search(kHarmless.begin(), kHarmless.end(), std::string_view(key))) keys.push_back(key);
  }
  return keys;
}

void HfConfig::fail(Names names, const std::string& found, const std::string& expected) const {
  reader_.fail(*names.begin(), found, expected);
}

}  // namespace moesim

#include "scenarios/hf_import.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/hf_config.hpp"
#include "scenarios/hf_families.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/model_card_json.hpp"

namespace moesim {

using nlohmann::json;

namespace {

constexpr std::int64_t kMax = 1 << 24;  // Of any size here; reading the card checks the rest.
constexpr std::int64_t kMaxLayers = 4096;
constexpr double kMaxFactor = 1e6;

const HfFamily& find_family(HfConfig& config) {
  std::vector<std::string_view> known;
  const std::string type = config.string_or({"model_type"}, "");
  const std::vector<std::string> architectures = config.strings({"architectures"});
  for (const HfFamily& family : hf_families()) {
    if (type.empty() ? std::find(architectures.begin(), architectures.end(), family.architecture) != architectures.end()
                     : family.model_type == type) {
      return family;
    }
    known.push_back(family.model_type);
  }
  std::string list;
  for (const std::string_view name : known) list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
  config.fail({"model_type"}, type.empty() ? "nothing" : shorten_json(type),
              "one of " + list + did_you_mean(type, known));
}

GroupedQueryAttention read_attention(HfConfig& config, const HfFamily& family, std::int64_t hidden) {
  GroupedQueryAttention a;
  a.heads = config.integer({"num_attention_heads"}, 1, kMax);
  a.kv_heads = config.integer_or({"num_key_value_heads"}, 1, kMax, a.heads);
  if (!config.has({"head_dim"}) && hidden % a.heads != 0) {
    config.fail({"head_dim"}, "nothing", fmt::format("an integer: {} heads do not divide {}", a.heads, hidden));
  }
  a.head_dim = config.integer_or({"head_dim"}, 1, kMax, hidden / a.heads);
  a.v_head_dim = a.head_dim;
  a.bias = family.bias_default;
  if (config.has({"attention_bias", "qkv_bias"})) {
    a.bias = config.boolean_or({"attention_bias", "qkv_bias"}, false) ? family.bias_if_true : ProjectionBias::none;
  }
  const bool norm = !family.qk_norm_by_key || config.boolean_or({"use_qk_norm"}, false);
  a.qk_norm = norm ? family.qk_norm : QkNorm::none;
  a.sinks = family.sinks;
  if (family.linear_hybrid) a.output_gate = OutputGate::element;
  return a;
}

LatentAttention read_latent_attention(HfConfig& config) {
  LatentAttention a;
  a.heads = config.integer({"num_attention_heads"}, 1, kMax);
  if (config.has({"q_lora_rank"})) a.q_lora_rank = config.integer({"q_lora_rank"}, 1, kMax);
  a.kv_lora_rank = config.integer({"kv_lora_rank"}, 1, kMax);
  a.qk_nope_head_dim = config.integer({"qk_nope_head_dim"}, 1, kMax);
  a.qk_rope_head_dim = config.integer({"qk_rope_head_dim"}, 0, kMax);
  a.v_head_dim = config.integer({"v_head_dim"}, 1, kMax);
  // Both follow from the above and need not agree with it.
  config.integer_or({"num_key_value_heads"}, 1, kMax, 1);
  config.integer_or({"head_dim", "qk_head_dim"}, 1, kMax, 1);
  if (config.has({"index_topk"})) {
    a.indexer = Indexer{.heads = config.integer({"index_n_heads"}, 1, kMax),
                        .head_dim = config.integer({"index_head_dim"}, 1, kMax),
                        .top_k = config.integer({"index_topk"}, 1, kMax)};
  }
  return a;
}

GatedDeltaNet read_delta_net(HfConfig& config) {
  return {.key_heads = config.integer({"linear_num_key_heads"}, 1, kMax),
          .value_heads = config.integer({"linear_num_value_heads"}, 1, kMax),
          .key_head_dim = config.integer({"linear_key_head_dim"}, 1, kMax),
          .value_head_dim = config.integer({"linear_value_head_dim"}, 1, kMax),
          .conv_kernel = config.integer({"linear_conv_kernel_dim"}, 1, kMax)};
}

// Mixers of the card, and which of them each layer has.
std::vector<std::size_t> read_mixers(HfConfig& config, const HfFamily& family, ModelCard& card, std::size_t layers) {
  std::vector<std::size_t> mixer_of(layers, 0);
  if (family.latent_attention) {
    card.mixers = {{"mla", read_latent_attention(config)}};
    return mixer_of;
  }
  const GroupedQueryAttention full = read_attention(config, family, card.hidden_size);
  const std::vector<std::string> types = config.strings({"layer_types"});
  if (!types.empty() && types.size() != layers) {
    config.fail({"layer_types"}, fmt::format("{} layers", types.size()), fmt::format("{}", layers));
  }
  if (family.linear_hybrid) {
    const std::int64_t interval = config.integer_or({"full_attention_interval"}, 1, kMaxLayers, 4);
    card.mixers = {{"full", full}, {"linear", read_delta_net(config)}};
    for (std::size_t i = 0; i < layers; ++i) {
      const bool is_full =
          types.empty() ? (static_cast<std::int64_t>(i) + 1) % interval == 0 : types[i] == "full_attention";
      mixer_of[i] = is_full ? 0 : 1;
    }
    return mixer_of;
  }
  const bool window_off = !config.boolean_or({"use_sliding_window"}, true);
  const std::int64_t window = config.integer_or({"sliding_window"}, 1, std::int64_t{1} << 40, 0);
  if (window == 0 || window_off) {
    card.mixers = {{"attention", full}};
    return mixer_of;
  }
  GroupedQueryAttention sliding = full;
  sliding.sliding_window = window;
  std::size_t windowed = 0;
  for (std::size_t i = 0; i < layers; ++i) {
    const bool alternates = family.model_type == "gpt_oss";  // Without "layer_types", the first layer has the window.
    const bool is_sliding = types.empty() ? !alternates || i % 2 == 0 : types[i] == "sliding_attention";
    mixer_of[i] = is_sliding ? 1 : 0;
    windowed += mixer_of[i];
  }
  if (windowed > 0 && windowed < layers) {
    card.mixers = {{"full", full}, {"sliding", sliding}};
    return mixer_of;
  }
  card.mixers = {{"attention", windowed > 0 ? sliding : full}};
  return std::vector<std::size_t>(layers, 0);
}

RoutingKind read_policy(HfConfig& config, RouterSpec& router) {
  router.groups = static_cast<int>(config.integer_or({"n_group", "num_expert_group"}, 1, kMax, 1));
  const bool kept_given = config.has({"topk_group"});
  router.groups_kept = static_cast<int>(config.integer_or({"topk_group"}, 1, kMax, 1));
  static constexpr std::array<std::string_view, 4> kMethods{"", "greedy", "group_limited_greedy", "noaux_tc"};
  const std::string method = config.string_or({"topk_method"}, "");
  if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end()) {
    config.fail({"topk_method"}, shorten_json(method), "greedy, group_limited_greedy or noaux_tc");
  }
  const bool limited = router.groups > 1 && method != "greedy";
  if (limited && !kept_given) config.fail({"topk_group"}, "nothing", "an integer: \"n_group\" limits the routing");
  if (!limited) router.groups = router.groups_kept = 1;
  if (limited && method == "group_limited_greedy") router.group_score = GroupScore::best;
  return limited ? RoutingKind::group_limited : RoutingKind::top_k;
}

void read_shared_experts(HfConfig& config, const HfFamily& family, MoeFfn& moe) {
  if (config.has({"shared_expert_intermediate_size"})) {
    moe.shared_width = config.integer({"shared_expert_intermediate_size"}, 0, kMax);
    moe.shared_experts = moe.shared_width > 0 ? 1 : 0;
  } else {
    moe.shared_experts = config.integer_or({"n_shared_experts", "num_shared_experts"}, 0, 1024, 0);
    moe.shared_width = moe.shared_experts > 0 ? moe.expert_width : 0;
  }
  moe.shared_gate = family.shared_gate && moe.shared_experts > 0;
}

MoeFfn read_experts(HfConfig& config, const HfFamily& family) {
  MoeFfn moe;
  RouterSpec& router = moe.routing;
  router.num_experts =
      static_cast<int>(config.integer({"n_routed_experts", "num_experts", "num_local_experts"}, 1, kMax));
  router.top_k = static_cast<int>(config.integer({"num_experts_per_tok", "moe_topk", "moe_top_k"}, 1, kMax));
  moe.expert_width = family.expert_width_is_intermediate
                         ? config.integer({"moe_intermediate_size", "intermediate_size"}, 1, kMax)
                         : config.integer({"moe_intermediate_size"}, 1, kMax);
  router.scoring = family.scoring;
  const std::string scoring = config.string_or({"scoring_func"}, "");
  if (scoring == "sigmoid") router.scoring = Scoring::sigmoid;
  if (scoring == "softmax" && router.scoring == Scoring::sigmoid) router.scoring = Scoring::softmax;
  if (config.has({"scoring_func"}) && scoring != "sigmoid" && scoring != "softmax") {
    config.fail({"scoring_func"}, shorten_json(scoring), "\"softmax\" or \"sigmoid\"");
  }
  moe.selection_bias = family.selection_bias || config.string_or({"topk_method"}, "") == "noaux_tc";
  router.kind = read_policy(config, router);
  const bool normalize = config.boolean_or({"norm_topk_prob"}, family.normalize_default);
  router.normalize = normalize && router.scoring != Scoring::softmax_topk;
  router.scaling_factor = config.number_or({"routed_scaling_factor"}, 1e-6, kMaxFactor, 1);
  moe.expert_bias = moe.gate_bias = family.expert_bias;
  read_shared_experts(config, family, moe);
  return moe;
}

// Which layers have experts: DeepSeek counts from layer 0 beyond the first dense ones, Qwen from layer 1.
std::vector<bool> read_moe_layers(HfConfig& config, const HfFamily& family, std::size_t layers) {
  std::vector<bool> moe(layers, family.moe);
  if (!family.moe) return moe;
  const std::int64_t first = config.integer_or({"first_k_dense_replace"}, 0, kMaxLayers, 0);
  if (first >= static_cast<std::int64_t>(layers)) {
    config.fail({"first_k_dense_replace"}, std::to_string(first),
                fmt::format("fewer than the {} layers: others have experts", layers));
  }
  const std::int64_t frequency = config.integer_or({"moe_layer_freq"}, 1, kMaxLayers, 1);
  const std::int64_t step = config.integer_or({"decoder_sparse_step"}, 1, kMaxLayers, 1);
  const std::vector<std::int64_t> dense = config.integers({"mlp_only_layers"});
  for (std::size_t i = 0; i < layers; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    moe[i] = index >= first && index % frequency == 0 && (index + 1) % step == 0 &&
             std::find(dense.begin(), dense.end(), index) == dense.end();
  }
  return moe;
}

void read_ffns(HfConfig& config, const HfFamily& family, ModelCard& card, const std::vector<bool>& moe) {
  if (std::find(moe.begin(), moe.end(), true) != moe.end()) card.moe = read_experts(config, family);
  if (std::find(moe.begin(), moe.end(), false) != moe.end()) {
    card.dense_ffn = DenseFfn{.width = config.integer({"intermediate_size"}, 1, kMax), .matrices = 3, .bias = false};
  } else {
    config.integer_or({"intermediate_size"}, 0, kMax, 0);  // Of dense layers that there are none of.
  }
}

void read_mtp(HfConfig& config, const HfFamily& family, HfImport& import) {
  const std::int64_t modules =
      config.integer_or({"num_nextn_predict_layers", "num_mtp_modules", "mtp_num_layers"}, 0, 64, 0);
  if (modules == 0) return;
  // One more of the full-attention layers with experts.
  Layer layer = import.card.layers.back();
  layer.mixers = {0};
  import.card.mtp =
      MtpModules{.modules = static_cast<int>(modules), .layer = layer, .table_copies = family.mtp_table_copies};
  import.caveats.push_back({"mtp_tables", fmt::format("A configuration does not say whether MTP modules repeat the "
                                                      "embedding and the head; {} copies are assumed.",
                                                      family.mtp_table_copies)});
}

std::string card_name(const std::string& name) {
  std::string result;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    result += std::isalnum(byte) != 0 || c == '.' ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return result;
}

void add_caveats(const HfConfig& config, HfImport& import) {
  if (config.has_text_config()) {
    import.caveats.push_back({"text_only", "Only \"text_config\" was read: encoders of other inputs are not counted."});
  }
  const std::vector<std::string> keys = config.not_understood();
  if (keys.empty()) return;
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  import.caveats.push_back(
      {"keys_not_understood", fmt::format("Keys that were not understood and may change parameter counts: {}.", list)});
}

}  // namespace

HfImport import_hf_config(const json& value, const std::string& where, const std::string& name) {
  HfConfig config(value, where);
  const HfFamily& family = find_family(config);
  HfImport import;
  ModelCard& card = import.card;
  card.name = card_name(name);
  card.title = name;
  card.hidden_size = config.integer({"hidden_size"}, 1, kMax);
  card.vocab_size = config.integer({"vocab_size"}, 1, std::int64_t{1} << 30);
  card.tied_embeddings = config.boolean_or({"tie_word_embeddings"}, false);
  const auto layers = static_cast<std::size_t>(config.integer({"num_hidden_layers"}, 1, kMaxLayers));
  const std::vector<std::size_t> mixer_of = read_mixers(config, family, card, layers);
  const std::vector<bool> moe = read_moe_layers(config, family, layers);
  read_ffns(config, family, card, moe);
  for (std::size_t i = 0; i < layers; ++i) {
    card.layers.push_back({.mixers = {mixer_of[i]}, .dense_ffns = moe[i] ? 0 : 1, .moe = moe[i]});
  }
  read_mtp(config, family, import);
  add_caveats(config, import);
  for (const Caveat& caveat : import.caveats) card.notes.push_back(caveat.text);
  card.sources = {fmt::format("Hugging Face configuration of model type {}", family.model_type)};
  // Reading it back checks the sizes and how they fit together.
  const json checked = model_card_json(card);
  import.card = read_model_card(JsonReader(checked, where + " as a card"));
  return import;
}

}  // namespace moesim

#include "scenarios/mixer_json.hpp"

#include <array>
#include <string>

#include <nlohmann/json.hpp>

#include "models/architecture/token_mixer.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

// Bounds that no model is near and that keep every product within 64 bits.
constexpr std::int64_t kMaxHeads = 1 << 16;
constexpr std::int64_t kMaxHeadDim = 1 << 14;
constexpr std::int64_t kMaxRank = 1 << 20;
constexpr std::int64_t kMaxWindow = std::int64_t{1} << 40;

constexpr std::array<std::string_view, 3> kBiases{"none", "qkv", "qkvo"};
constexpr std::array<std::string_view, 3> kNorms{"none", "per_head", "full"};
constexpr std::array<std::string_view, 3> kGates{"none", "head", "element"};
constexpr std::array<std::string_view, 9> kKinds{
    "gqa", "mla", "compressed", "gated_delta_net", "kimi_delta", "mamba1", "mamba2", "lightning", "lstm"};

template <class Enum>
Enum choice_or(JsonReader& reader, std::string_view key, std::span<const std::string_view> names, Enum fallback) {
  return reader.has(key) ? static_cast<Enum>(reader.choice(key, names)) : fallback;
}

std::int64_t heads(JsonReader& reader, std::string_view key = "heads") { return reader.integer(key, 1, kMaxHeads); }
std::int64_t head_dim(JsonReader& reader, std::string_view key = "head_dim") {
  return reader.integer(key, 1, kMaxHeadDim);
}
std::int64_t rank(JsonReader& reader, std::string_view key) { return reader.integer(key, 1, kMaxRank); }
std::int64_t conv_kernel(JsonReader& reader) { return reader.integer("conv_kernel", 1, 64); }

std::optional<std::int64_t> maybe(JsonReader& reader, std::string_view key, std::int64_t max) {
  if (!reader.has(key)) return std::nullopt;
  return reader.integer(key, 1, max);
}

std::optional<Indexer> read_indexer(JsonReader& reader) {
  if (!reader.has("indexer")) return std::nullopt;
  JsonReader entry = reader.object("indexer");
  Indexer indexer{.heads = heads(entry),
                  .head_dim = head_dim(entry),
                  .top_k = entry.integer("top_k", 1, kMaxWindow),
                  .shared = entry.boolean_or("shared", false)};
  entry.finish();
  return indexer;
}

ordered_json indexer_json(const Indexer& indexer) {
  ordered_json value{{"heads", indexer.heads}, {"head_dim", indexer.head_dim}, {"top_k", indexer.top_k}};
  if (indexer.shared) value["shared"] = true;
  return value;
}

GroupedQueryAttention read_gqa(JsonReader& reader) {
  GroupedQueryAttention a;
  a.heads = heads(reader);
  a.kv_heads = heads(reader, "kv_heads");
  if (a.heads % a.kv_heads != 0) {
    reader.fail("kv_heads", std::to_string(a.kv_heads), "a divisor of the " + std::to_string(a.heads) + " heads");
  }
  a.head_dim = head_dim(reader);
  a.v_head_dim = reader.integer_or("v_head_dim", 1, kMaxHeadDim, a.head_dim);
  a.bias = choice_or(reader, "bias", kBiases, ProjectionBias::none);
  a.qk_norm = choice_or(reader, "qk_norm", kNorms, QkNorm::none);
  a.output_gate = choice_or(reader, "output_gate", kGates, OutputGate::none);
  a.sinks = reader.boolean_or("sinks", false);
  a.shares_kv = reader.boolean_or("shares_kv", false);
  a.key_is_value = reader.boolean_or("key_is_value", false);
  a.cross = reader.boolean_or("cross", false);
  a.sliding_window = maybe(reader, "sliding_window", kMaxWindow);
  if (reader.has("block_indexer")) {
    JsonReader entry = reader.object("block_indexer");
    a.block_indexer = BlockIndexer{.heads = heads(entry),
                                   .head_dim = head_dim(entry),
                                   .block_size = entry.integer("block_size", 1, kMaxRank),
                                   .top_k = entry.integer("top_k", 1, kMaxRank)};
    entry.finish();
  }
  return a;
}

LatentAttention read_mla(JsonReader& reader) {
  LatentAttention a;
  a.heads = heads(reader);
  a.q_lora_rank = maybe(reader, "q_lora_rank", kMaxRank);
  a.kv_lora_rank = rank(reader, "kv_lora_rank");
  a.qk_nope_head_dim = head_dim(reader, "qk_nope_head_dim");
  a.qk_rope_head_dim = reader.integer("qk_rope_head_dim", 0, kMaxHeadDim);
  a.v_head_dim = head_dim(reader, "v_head_dim");
  a.output_gate = choice_or(reader, "output_gate", kGates, OutputGate::none);
  a.sinks = reader.boolean_or("sinks", false);
  a.indexer = read_indexer(reader);
  if (a.indexer && !a.q_lora_rank) {
    reader.fail("indexer", "an indexer", "none without q_lora_rank: it reads the queries' latent");
  }
  return a;
}

CompressedAttention read_compressed(JsonReader& reader) {
  CompressedAttention a;
  a.heads = heads(reader);
  a.head_dim = head_dim(reader);
  a.q_lora_rank = rank(reader, "q_lora_rank");
  a.o_lora_rank = rank(reader, "o_lora_rank");
  a.o_groups = heads(reader, "o_groups");
  a.sliding_window = reader.integer("sliding_window", 1, kMaxWindow);
  a.compress_ratio = maybe(reader, "compress_ratio", kMaxRank);
  a.indexer = read_indexer(reader);
  if (a.indexer && !a.compress_ratio) {
    reader.fail("indexer", "an indexer", "none without compress_ratio: it picks compressed keys");
  }
  if (a.indexer && a.indexer->shared) reader.fail("indexer", "a shared one", "one of its own: only mla shares");
  return a;
}

TokenMixer read_recurrent(JsonReader& reader, std::string_view kind) {
  if (kind == "gated_delta_net") {
    return GatedDeltaNet{.key_heads = heads(reader, "key_heads"),
                         .value_heads = heads(reader, "value_heads"),
                         .key_head_dim = head_dim(reader, "key_head_dim"),
                         .value_head_dim = head_dim(reader, "value_head_dim"),
                         .conv_kernel = conv_kernel(reader)};
  }
  if (kind == "kimi_delta") {
    return KimiDeltaAttention{.heads = heads(reader),
                              .head_dim = head_dim(reader),
                              .conv_kernel = conv_kernel(reader),
                              .full_rank_gate = reader.boolean_or("full_rank_gate", false)};
  }
  if (kind == "mamba1") {
    return Mamba1{.expand = reader.integer("expand", 1, 64),
                  .state_size = head_dim(reader, "state_size"),
                  .conv_kernel = conv_kernel(reader),
                  .dt_rank = rank(reader, "dt_rank")};
  }
  if (kind == "mamba2") {
    return Mamba2{.heads = heads(reader),
                  .head_dim = head_dim(reader),
                  .state_size = head_dim(reader, "state_size"),
                  .groups = heads(reader, "groups"),
                  .conv_kernel = conv_kernel(reader)};
  }
  if (kind == "lightning") return LightningAttention{.heads = heads(reader), .head_dim = head_dim(reader)};
  return Lstm{.units = reader.integer("units", 1, kMaxRank)};
}

struct MixerJson {
  ordered_json value;

  void operator()(const GroupedQueryAttention& a) {
    value.update({{"heads", a.heads}, {"kv_heads", a.kv_heads}, {"head_dim", a.head_dim}});
    if (a.v_head_dim != a.head_dim) value["v_head_dim"] = a.v_head_dim;
    if (a.bias != ProjectionBias::none) value["bias"] = kBiases[static_cast<std::size_t>(a.bias)];
    if (a.qk_norm != QkNorm::none) value["qk_norm"] = kNorms[static_cast<std::size_t>(a.qk_norm)];
    put_gate(a.output_gate);
    if (a.sinks) value["sinks"] = true;
    if (a.shares_kv) value["shares_kv"] = true;
    if (a.key_is_value) value["key_is_value"] = true;
    if (a.cross) value["cross"] = true;
    if (a.sliding_window) value["sliding_window"] = *a.sliding_window;
    if (a.block_indexer) {
      const BlockIndexer& i = *a.block_indexer;
      value["block_indexer"] = {
          {"heads", i.heads}, {"head_dim", i.head_dim}, {"block_size", i.block_size}, {"top_k", i.top_k}};
    }
  }
  void operator()(const LatentAttention& a) {
    value["heads"] = a.heads;
    if (a.q_lora_rank) value["q_lora_rank"] = *a.q_lora_rank;
    value.update({{"kv_lora_rank", a.kv_lora_rank},
                  {"qk_nope_head_dim", a.qk_nope_head_dim},
                  {"qk_rope_head_dim", a.qk_rope_head_dim},
                  {"v_head_dim", a.v_head_dim}});
    put_gate(a.output_gate);
    if (a.sinks) value["sinks"] = true;
    if (a.indexer) value["indexer"] = indexer_json(*a.indexer);
  }
  void operator()(const CompressedAttention& a) {
    value.update({{"heads", a.heads},
                  {"head_dim", a.head_dim},
                  {"q_lora_rank", a.q_lora_rank},
                  {"o_lora_rank", a.o_lora_rank},
                  {"o_groups", a.o_groups},
                  {"sliding_window", a.sliding_window}});
    if (a.compress_ratio) value["compress_ratio"] = *a.compress_ratio;
    if (a.indexer) value["indexer"] = indexer_json(*a.indexer);
  }
  void operator()(const GatedDeltaNet& a) {
    value.update({{"key_heads", a.key_heads},
                  {"value_heads", a.value_heads},
                  {"key_head_dim", a.key_head_dim},
                  {"value_head_dim", a.value_head_dim},
                  {"conv_kernel", a.conv_kernel}});
  }
  void operator()(const KimiDeltaAttention& a) {
    value.update({{"heads", a.heads}, {"head_dim", a.head_dim}, {"conv_kernel", a.conv_kernel}});
    if (a.full_rank_gate) value["full_rank_gate"] = true;
  }
  void operator()(const Mamba1& a) {
    value.update(
        {{"expand", a.expand}, {"state_size", a.state_size}, {"conv_kernel", a.conv_kernel}, {"dt_rank", a.dt_rank}});
  }
  void operator()(const Mamba2& a) {
    value.update({{"heads", a.heads},
                  {"head_dim", a.head_dim},
                  {"state_size", a.state_size},
                  {"groups", a.groups},
                  {"conv_kernel", a.conv_kernel}});
  }
  void operator()(const LightningAttention& a) { value.update({{"heads", a.heads}, {"head_dim", a.head_dim}}); }
  void operator()(const Lstm& a) { value["units"] = a.units; }

  void put_gate(OutputGate gate) {
    if (gate != OutputGate::none) value["output_gate"] = kGates[static_cast<std::size_t>(gate)];
  }
};

}  // namespace

TokenMixer read_mixer(JsonReader reader) {
  const std::string_view kind = kKinds[reader.choice("kind", kKinds)];
  TokenMixer mixer;
  if (kind == "gqa") {
    mixer = read_gqa(reader);
  } else if (kind == "mla") {
    mixer = read_mla(reader);
  } else if (kind == "compressed") {
    mixer = read_compressed(reader);
  } else {
    mixer = read_recurrent(reader, kind);
  }
  reader.finish();
  return mixer;
}

ordered_json mixer_json(const TokenMixer& mixer) {
  MixerJson writer{{{"kind", kind_name(mixer)}}};
  std::visit(writer, mixer);
  return writer.value;
}

}  // namespace moesim

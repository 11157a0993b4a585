#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/architecture/parameters.hpp"
#include "scenarios/error.hpp"
#include "scenarios/layer_json.hpp"
#include "scenarios/model_card_json.hpp"
#include "sim/rng.hpp"
#include "tests/catch.hpp"

using namespace moesim;
using nlohmann::json;

namespace {

json small_card() {
  return json::parse(R"({
    "schema": 1, "name": "small", "hidden_size": 64, "vocab_size": 100,
    "mixers": {"attention": {"kind": "gqa", "heads": 4, "kv_heads": 2, "head_dim": 16}},
    "dense_ffn": {"width": 128, "matrices": 3},
    "moe": {"experts": 8, "top_k": 2, "width": 32, "matrices": 3,
            "routing": {"kind": "top_k", "scoring": "softmax"}},
    "layers": [{"modules": ["attention", "dense"]}, {"count": 3, "modules": ["attention", "moe"]}]
  })");
}

ModelCard read(const json& value) { return read_model_card(JsonReader(value, "card.json")); }

std::string complaint(const json& value) {
  try {
    read(value);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no complaint";
}

struct BadCard {
  std::string pointer;  // Where the value goes; null removes the key.
  std::string value;
  std::string expected;  // Must stand in the message.
};

}  // namespace

TEST_CASE("writing and reading a card gives the same card", "[property][architecture]") {
  for (const std::string_view name : model_card_names()) {
    CAPTURE(name);
    const ModelCard card = catalog_model_card(name);
    const json written = model_card_json(card);
    const ModelCard again = read(written);
    CHECK(json(model_card_json(again)) == written);
    CHECK(again.layers == card.layers);
    CHECK(count_parameters(again).total() == count_parameters(card).total());
    CHECK(mtp_parameters(again) == mtp_parameters(card));
  }
}

TEST_CASE("what is written is what is shipped", "[property][architecture]") {
  // No key of a shipped card is read and forgotten: but for folding of layers, the file is its own rewriting.
  for (const Card& shipped : model_cards()) {
    CAPTURE(shipped.name);
    json file = json::parse(shipped.text);
    json written = model_card_json(catalog_model_card(shipped.name));
    file.erase("layers");
    written.erase("layers");
    CHECK(written == file);
  }
}

TEST_CASE("the smallest card is read", "[architecture]") {
  const ModelCard card = read(small_card());
  CHECK(card.title == "small");
  REQUIRE(card.layers.size() == 4);
  CHECK(card.layers[0].dense_ffns == 1);
  CHECK(card.layers[3].moe);
  CHECK(card.moe->routing.num_experts == 8);
  CHECK(card.published.total_params == std::nullopt);
}

TEST_CASE("folding layers and unfolding them gives the same layers", "[property][architecture]") {
  const std::vector<NamedMixer> mixers{{"a", GroupedQueryAttention{}}, {"b", LightningAttention{}}};
  const std::vector<std::string> names{"a", "b"};
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed, 0);
    std::vector<Layer> layers;
    while (layers.size() < 60) {  // Blocks that repeat, so that there is something to fold.
      std::vector<Layer> block;
      for (std::uint32_t i = 0; i <= rng.below(5); ++i) {
        block.push_back({.mixers = {rng.below(2)}, .dense_ffns = static_cast<int>(rng.below(2)), .moe = false});
        block.back().norms = 1 + block.back().dense_ffns;
      }
      for (std::uint32_t i = 0; i <= rng.below(6); ++i) layers.insert(layers.end(), block.begin(), block.end());
    }
    const json value{{"layers", layers_json(layers, mixers)}};
    JsonReader reader(value, "layers");
    CHECK(read_layers(reader, names) == layers);
    CHECK(value["layers"].size() < layers.size());
  }
}

TEST_CASE("a bad card is refused with its place and what was expected", "[architecture]") {
  const std::vector<BadCard> bad{
      {"/schema", "2", "/schema"},
      {"/name", "null", "/name"},
      {"/hidden_size", "0", "/hidden_size: found 0, expected an integer from 1"},
      {"/hidden_size", "-64", "/hidden_size"},
      {"/hidden_size", "1e30", "/hidden_size"},
      {"/hidden_size", "64.5", "/hidden_size"},
      {"/hidden_size", "\"64\"", "/hidden_size"},
      {"/hiden_size", "64", "did you mean \"hidden_size\"?"},
      {"/mixers/attention/kind", "\"mha\"", "/mixers/attention/kind"},
      {"/mixers/attention/kv_heads", "3", "/mixers/attention/kv_heads: found 3, expected a divisor of the 4 heads"},
      {"/mixers/attention/v_head_dims", "8", "did you mean \"v_head_dim\"?"},
      {"/mixers/dense", R"({"kind": "lstm", "units": 8})", "/mixers/dense"},
      {"/mixers/unused", R"({"kind": "lstm", "units": 8})", "only mixers that a layer uses"},
      {"/mixers/attention", R"({"kind": "mla", "heads": 4, "kv_lora_rank": 8, "qk_nope_head_dim": 8,
        "qk_rope_head_dim": 4, "v_head_dim": 8, "indexer": {"heads": 1, "head_dim": 4, "top_k": 2}})",
       "without q_lora_rank"},
      {"/dense_ffn", "null", "/dense_ffn: found nothing, expected an object: layers use \"dense_ffn\""},
      {"/dense_ffn/matrices", "4", "/dense_ffn/matrices"},
      {"/moe", "null", "/moe"},
      {"/moe/top_k", "9", "/moe/top_k: found 9, expected at most the 8 experts"},
      {"/moe/top_k", "0", "/moe/top_k"},
      {"/moe/experts", "1000000000000", "/moe/experts"},
      {"/moe/latent_norm", "true", "/moe/latent_norm"},
      {"/moe/shared_experts", "1", "/moe/shared_width"},
      {"/moe/shared_width", "8", "/moe"},
      {"/moe/routing/kind", "\"top_1\"", "/moe/top_k: found 2, expected 1 with \"top_1\""},
      {"/moe/routing/kind", "\"node_limited\"", "/moe/routing/kind"},
      {"/moe/routing/kind", "\"group_limited\"", "/moe/routing/groups"},
      {"/moe/routing/groups", "4", "/moe/routing"},
      {"/moe/routing", R"({"kind": "group_limited", "scoring": "softmax", "groups": 3, "groups_kept": 1})",
       "a divisor of the 8 experts"},
      {"/moe/routing", R"({"kind": "group_limited", "scoring": "softmax", "groups": 8, "groups_kept": 1})",
       "at least the 2 experts of a token"},
      {"/moe/routing/capacity", R"({"factor": 0})", "/moe/routing/capacity/factor"},
      {"/layers", "[]", "/layers"},
      {"/layers/0/modules", "[]", "/layers/0/modules"},
      {"/layers/0/modules/0", "\"atention\"", "did you mean \"attention\"?"},
      {"/layers/0/modules", R"(["dense", "attention"])", "mixers first"},
      {"/layers/1/modules", R"(["attention", "moe", "moe"])", "once"},
      {"/layers/0/count", "5000", "/layers/0/count"},
      {"/layers/0", R"({"repeat": 4000, "layers": [{"count": 2, "modules": ["attention", "dense"]}]})",
       "8000 layers, expected at most 4096"},
      {"/mtp", R"({"modules": 1, "layer": ["attention", "moe"], "hyper_connections": true})", "hyper_connections"},
      {"/published", R"({"total_params": 1, "total_includes": ["audio"]})", "/published/total_includes"},
      {"/checkpoint_extras", R"([{"name": "x", "kind": "audio", "elements": 1}])", "/checkpoint_extras/0/kind"},
  };
  REQUIRE(complaint(small_card()) == "no complaint");
  for (const BadCard& change : bad) {
    CAPTURE(change.pointer, change.value);
    json value = small_card();
    const json::json_pointer pointer(change.pointer);
    if (change.value == "null") {
      value.at(pointer.parent_pointer()).erase(pointer.back());
    } else {
      value[pointer] = json::parse(change.value);
    }
    const std::string message = complaint(value);
    CHECK_THAT(message, ContainsSubstring("card.json: "));
    CHECK_THAT(message, ContainsSubstring(change.expected));
  }
}

TEST_CASE("the largest sizes are refused before they overflow", "[architecture]") {
  json value = small_card();
  value["hidden_size"] = 1 << 20;
  value["moe"]["width"] = 1 << 20;
  value["moe"]["experts"] = 1 << 20;
  CHECK_THAT(complaint(value), ContainsSubstring("/moe: found 3.46e+18 parameters in one layer"));
  // The largest that is let through, everywhere at once, still has an exact sum.
  value = small_card();
  value["hidden_size"] = 1 << 17;
  value["dense_ffn"]["width"] = 1 << 24;
  value["moe"]["width"] = 1 << 4;
  value["moe"]["experts"] = 1 << 20;
  value["layers"] = {{{"count", 4096}, {"modules", {"attention", "dense", "moe"}}}};
  const ParameterCounts counts = count_parameters(read(value));
  CHECK(counts.dense_ffn == 4096 * 3LL * (1LL << 17) * (1LL << 24));
  CHECK(counts.routed_experts == 4096 * 3LL * (1LL << 17) * (1LL << 4) * (1LL << 20));
  CHECK(counts.total() > counts.dense_ffn + counts.routed_experts);
}

TEST_CASE("a card with some keys replaced is read like any other", "[architecture]") {
  json value = model_card_json(catalog_model_card("mixtral-8x7b"));
  value.merge_patch(json::parse(R"({"moe": {"experts": 32, "top_k": 8, "width": 3584}})"));
  const ModelCard card = read(value);
  CHECK(card.moe->routing.num_experts == 32);
  CHECK(count_parameters(card).routed_experts == count_parameters(catalog_model_card("mixtral-8x7b")).routed_experts);
}

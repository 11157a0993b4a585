#include "scenarios/serving_json.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 30;
constexpr std::int64_t kMostPasses = 1000;
constexpr int kMostDrafts = 16;
constexpr std::size_t kMostBatches = 1000;
constexpr std::array<std::string_view, 2> kOverlaps{"none", "two_micro_batch"};
constexpr std::array<std::string_view, 3> kCacheTypes{"bf16", "fp16", "fp8"};  // That attention kernels read.

ServingOptions read_options(JsonReader& reader) {
  ServingOptions options;
  if (reader.has("overlap")) options.overlap = *serving_overlap(kOverlaps[reader.choice("overlap", kOverlaps)]);
  if (reader.has("kv_dtype")) options.kv_dtype = *data_type(kCacheTypes[reader.choice("kv_dtype", kCacheTypes)]);
  return options;
}

// Two micro-batches are halves.
void check_halves(const JsonReader& reader, std::string_view key, std::int64_t found, const ServingOptions& options) {
  if (found % options.micro_batches() == 0) return;
  reader.fail(key, std::to_string(found), "an even number, since overlap is two_micro_batch");
}

void read_batches(JsonReader& reader, DecodeWorkload& workload) {
  const nlohmann::json& batches = reader.raw("batches");
  if (!batches.is_array() || batches.empty() || batches.size() > kMostBatches) {
    reader.fail("batches", shorten_json(batches), fmt::format("an array of 1 to {} batches", kMostBatches));
  }
  for (const nlohmann::json& batch : batches) {
    if (!batch.is_number_integer() || batch.get<std::int64_t>() < 1 || batch.get<std::int64_t>() > kMost) {
      reader.fail("batches", shorten_json(batch), fmt::format("integers from 1 to {}", kMost));
    }
    workload.batches.push_back(batch.get<std::int64_t>());
    check_halves(reader, "batches", workload.batches.back(), workload.options);
  }
}

void read_against(JsonReader& reader, DecodeWorkload& workload) {
  auto [card, source] =
      read_model_source(reader.raw("against"), reader.where(), join_pointer(reader.pointer(), "against"));
  if (card.moe) reader.fail("against", shorten_json(reader.raw("against")), "a dense model");
  workload.against = std::move(card);
  workload.against_source = std::move(source);
}

}  // namespace

PrefillWorkload read_prefill(JsonReader& reader) {
  PrefillWorkload workload;
  workload.input_length = reader.integer("input_length", 1, kMost);
  workload.cached_length = reader.integer_or("cached_length", 0, workload.input_length - 1, 0);
  if (reader.has("sequences_per_rank") == reader.has("tokens_per_rank")) {
    reader.fail("", reader.has("tokens_per_rank") ? "both of them" : "none of them",
                "one of the keys sequences_per_rank, tokens_per_rank");
  }
  if (reader.has("tokens_per_rank")) {
    workload.tokens_per_rank = reader.integer("tokens_per_rank", 1, kMost);
  } else {
    workload.tokens_per_rank =
        workload.new_tokens() * reader.integer("sequences_per_rank", 1, kMost / workload.new_tokens());
  }
  workload.options = read_options(reader);
  workload.chunk = reader.integer_or("chunk", 1, workload.tokens_per_rank, workload.tokens_per_rank);
  check_halves(reader, reader.has("tokens_per_rank") ? "tokens_per_rank" : "sequences_per_rank",
               workload.tokens_per_rank, workload.options);
  check_halves(reader, "chunk", workload.chunk, workload.options);
  const std::int64_t passes = (workload.tokens_per_rank - 1) / workload.chunk + 1;
  if (passes > kMostPasses) {
    reader.fail("chunk", fmt::format("{}, which makes {} passes", workload.chunk, passes),
                fmt::format("at most {} passes", kMostPasses));
  }
  return workload;
}

DecodeWorkload read_decode(JsonReader& reader) {
  DecodeWorkload workload;
  workload.options = read_options(reader);
  workload.batch_per_rank = reader.integer("batch_per_rank", 1, kMost);
  workload.context = reader.integer("context", 1, kMost);
  workload.speculative_tokens = static_cast<int>(reader.integer_or("speculative_tokens", 0, kMostDrafts, 0));
  if (workload.speculative_tokens > 0) {
    workload.acceptance = reader.number("acceptance", 0, 1);
  } else if (reader.has("acceptance")) {
    reader.fail("acceptance", "a key that it has no use for", "it only with speculative_tokens");
  }
  check_halves(reader, "batch_per_rank", workload.batch_per_rank, workload.options);
  if (reader.has("batches")) read_batches(reader, workload);
  if (reader.has("against")) {
    if (workload.batches.empty()) reader.fail("against", "no batches to compare", "it with \"batches\"");
    read_against(reader, workload);
  }
  return workload;
}

ordered_json prefill_json(const PrefillWorkload& prefill) {
  return {{"kind", "prefill"},
          {"tokens_per_rank", prefill.tokens_per_rank},
          {"input_length", prefill.input_length},
          {"cached_length", prefill.cached_length},
          {"chunk", prefill.chunk},
          {"overlap", name(prefill.options.overlap)},
          {"kv_dtype", name(prefill.options.kv_dtype)}};
}

ordered_json decode_json(const DecodeWorkload& decode) {
  ordered_json value = {{"kind", "decode"},
                        {"batch_per_rank", decode.batch_per_rank},
                        {"context", decode.context},
                        {"speculative_tokens", decode.speculative_tokens}};
  if (decode.speculative_tokens > 0) value["acceptance"] = decode.acceptance;
  value["overlap"] = name(decode.options.overlap);
  value["kv_dtype"] = name(decode.options.kv_dtype);
  if (!decode.batches.empty()) value["batches"] = decode.batches;
  if (decode.against) value["against"] = ordered_json::parse(decode.against_source);
  return value;
}

Parallelism read_serving_parallelism(JsonReader parallelism, int world_size, int experts) {
  Parallelism sizes;
  sizes.tp = static_cast<int>(parallelism.integer_or("tp", 1, world_size, 1));
  const int left = world_size % sizes.tp == 0 ? world_size / sizes.tp : 0;
  sizes.dp = static_cast<int>(parallelism.integer_or("dp", 1, world_size, std::max(1, left)));
  if (left == 0 || sizes.dp != left) {
    parallelism.fail("", fmt::format("tp * dp = {}", std::int64_t{sizes.tp} * sizes.dp),
                     fmt::format("the cluster's {} ranks: a whole model is on all of them", world_size));
  }
  if (experts == 0) {
    if (parallelism.has("ep")) parallelism.fail("ep", "a key that a dense model has no use for", "no \"ep\"");
  } else {
    sizes.ep = static_cast<int>(parallelism.integer_or("ep", 1, world_size, std::gcd(experts, world_size)));
    if (world_size % sizes.ep != 0) {
      parallelism.fail("ep", std::to_string(sizes.ep), fmt::format("a divisor of the {} ranks", world_size));
    }
  }
  parallelism.finish();
  return sizes;
}

const ServingOptions* serving_options(const Scenario& scenario) {
  if (const auto* prefill = std::get_if<PrefillWorkload>(&scenario.workload)) return &prefill->options;
  if (const auto* decode = std::get_if<DecodeWorkload>(&scenario.workload)) return &decode->options;
  return nullptr;
}

std::optional<std::int64_t> tokens_routed_at_once(const Scenario& scenario) {
  std::int64_t tokens = 0;
  if (const auto* prefill = std::get_if<PrefillWorkload>(&scenario.workload)) {
    tokens = prefill->chunk;
  } else if (const auto* decode = std::get_if<DecodeWorkload>(&scenario.workload)) {
    tokens = decode->batch_per_rank;
    for (const std::int64_t batch : decode->batches) tokens = std::max(tokens, batch);
    tokens *= decode->tokens_a_sequence();
  } else {
    return std::nullopt;
  }
  const std::int64_t cuts = std::int64_t{serving_options(scenario)->micro_batches()} * scenario.parallelism.tp;
  return (tokens + cuts - 1) / cuts;
}

}  // namespace moesim

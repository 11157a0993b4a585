#include "scenarios/dispatch_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/kernels/device.hpp"
#include "scenarios/card_source.hpp"
#include "scenarios/json_text.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/layer_input.hpp"
#include "scenarios/library_json.hpp"

namespace moesim {

using nlohmann::ordered_json;

namespace {

constexpr std::array<std::string_view, 6> kAlgorithms{"direct",  "pairwise",    "rank_dedup",
                                                      "two_hop", "low_latency", "all_gather"};
constexpr std::array<std::string_view, 7> kTypes{"fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4"};
constexpr double kMaxOverheadUs = 1000;
// DeepEP's kernels forward 8 to 32 tokens at a time; of 4,096 tokens, finer than in 16 pieces makes no difference.
constexpr int kLibraryChunks = 16;
constexpr std::array<std::string_view, 2> kPaddings{"none", "capacity"};

DataType read_type(JsonReader& reader, std::string_view key, DataType fallback) {
  return reader.has(key) ? *data_type(kTypes[reader.choice(key, kTypes)]) : fallback;
}

bool forwards(ExchangeAlgorithm algorithm) {
  return algorithm == ExchangeAlgorithm::two_hop || algorithm == ExchangeAlgorithm::all_gather;
}

// DeepSeek-V3's exchange holds 20 of 132 (arXiv:2412.19437, section 3.2.2). What library collectives hold differs by
// their settings; low_latency's receivers run only when asked.
int default_multiprocessors(ExchangeAlgorithm algorithm, const GpuCard& gpu) {
  constexpr int kNormalKernels = 20;
  const bool normal = algorithm == ExchangeAlgorithm::two_hop || algorithm == ExchangeAlgorithm::rank_dedup;
  return normal && gpu.multiprocessors > 2 * kNormalKernels ? kNormalKernels : 0;
}

// That which the scenario names, or the catalog's for the GPU.
void read_profile(JsonReader& reader, const GpuCard& gpu, ComputeSpec& compute) {
  nlohmann::json value = "none";
  if (reader.has("profile")) {
    value = reader.raw("profile");
  } else {
    const auto names = kernel_profile_names();
    if (std::find(names.begin(), names.end(), gpu.name) != names.end()) value = gpu.name;
  }
  if (value == "none") return;
  auto [profile, source] = read_profile_source(value, reader.where(), join_pointer(reader.pointer(), "profile"));
  constexpr int kLeastMultiprocessors = 16;
  if (gpu.multiprocessors < kLeastMultiprocessors) {
    reader.fail("profile",
                fmt::format("a profile with {}, which has {} multiprocessors", gpu.name, gpu.multiprocessors),
                fmt::format("\"none\": its tiles are spread over {} or more", kLeastMultiprocessors));
  }
  compute.profile = std::move(profile);
  compute.profile_source = std::move(source);
}

// "deepep" is the library's card for the GPU; a card's own name, a path and an object are as everywhere.
void read_named_library(JsonReader& reader, const GpuCard& gpu, DispatchSpec& dispatch) {
  nlohmann::json value = reader.raw("library");
  if (value == "none") return;
  if (value.is_string()) {
    const auto wanted = value.get<std::string>();
    if (const auto card = library_for(wanted, gpu.name)) {
      value = card->name;
    } else {
      for (const std::string_view name : library_names()) {
        if (catalog_library(name).library != wanted) continue;
        reader.fail("library", fmt::format("\"{}\", which has no constants for {}", wanted, gpu.name),
                    fmt::format("\"none\", or a card such as \"{}\"", name));
      }
    }
  }
  auto [card, source] = read_library_source(value, reader.where(), join_pointer(reader.pointer(), "library"));
  dispatch.library = std::move(card);
  dispatch.library_source = std::move(source);
}

void use_default_library(const GpuCard& gpu, DispatchSpec& dispatch) {
  dispatch.library = default_library(dispatch.algorithm, gpu.name);
  if (dispatch.library) dispatch.library_source = nlohmann::json(dispatch.library->name).dump();
}

void check_library(const JsonReader& reader, const DispatchSpec& dispatch) {
  if (!dispatch.library) return;
  const auto& algorithms = dispatch.library->algorithms;
  if (std::find(algorithms.begin(), algorithms.end(), dispatch.algorithm) == algorithms.end()) {
    reader.fail("library",
                fmt::format("\"{}\", which does not run {}", dispatch.library->name, name(dispatch.algorithm)),
                "\"none\", or a library of that algorithm");
  }
}

}  // namespace

DispatchSpec read_dispatch(JsonReader reader, const RouterSpec& router, const GpuCard& gpu) {
  DispatchSpec dispatch;
  if (reader.has("algorithm"))
    dispatch.algorithm = *exchange_algorithm(kAlgorithms[reader.choice("algorithm", kAlgorithms)]);
  dispatch.dispatch_dtype = read_type(reader, "dispatch_dtype", dispatch.dispatch_dtype);
  dispatch.combine_dtype = read_type(reader, "combine_dtype", dispatch.combine_dtype);
  const std::string algorithm(name(dispatch.algorithm));
  if (reader.has("library")) {
    read_named_library(reader, gpu, dispatch);
  } else {
    use_default_library(gpu, dispatch);
  }
  check_library(reader, dispatch);
  if (forwards(dispatch.algorithm)) {
    dispatch.chunks = static_cast<int>(reader.integer_or("chunks", 1, 1024, dispatch.library ? kLibraryChunks : 4));
  } else if (reader.has("chunks")) {
    reader.fail("chunks", "a key that " + algorithm + " has no use for", "it only with two_hop or all_gather");
  }
  // To the nearest picosecond, so that what was read is what is written.
  dispatch.message_overhead = {std::llround(reader.number_or("message_overhead_us", 0, kMaxOverheadUs, 0) * 1e6)};
  dispatch.multiprocessors = static_cast<int>(
      reader.integer_or("sms", 0, gpu.multiprocessors - 1, default_multiprocessors(dispatch.algorithm, gpu)));
  if (dispatch.multiprocessors == 0 && dispatch.library && dispatch.library->uses_multiprocessors()) {
    reader.fail("sms", "0", fmt::format("1 or more: {} copies by multiprocessors", dispatch.library->name));
  }
  if (reader.has("padding")) dispatch.padding = *padding(kPaddings[reader.choice("padding", kPaddings)]);
  if (dispatch.padding == Padding::capacity && !supports_padding(dispatch.algorithm)) {
    reader.fail("padding", "\"capacity\" with " + algorithm, "it only with direct or pairwise");
  }
  if (dispatch.padding == Padding::capacity && !router.capacity) {
    reader.fail("padding", "\"capacity\" without a capacity", "a router with \"capacity\", or \"none\"");
  }
  reader.finish();
  return dispatch;
}

ordered_json dispatch_json(const DispatchSpec& dispatch) {
  ordered_json json = {{"algorithm", name(dispatch.algorithm)},
                       {"dispatch_dtype", name(dispatch.dispatch_dtype)},
                       {"combine_dtype", name(dispatch.combine_dtype)}};
  if (forwards(dispatch.algorithm)) json["chunks"] = dispatch.chunks;
  json["padding"] = name(dispatch.padding);
  json["sms"] = dispatch.multiprocessors;
  json["message_overhead_us"] = static_cast<double>(dispatch.message_overhead.count) / 1e6;
  json["library"] = ordered_json::parse(dispatch.library_source);
  return json;
}

DispatchSpec read_all_to_all_dispatch(JsonReader reader, const GpuCard& gpu) {
  DispatchSpec dispatch;
  const auto two = std::span(kAlgorithms).first(2);
  if (reader.has("algorithm")) dispatch.algorithm = *exchange_algorithm(two[reader.choice("algorithm", two)]);
  if (reader.has("library")) read_named_library(reader, gpu, dispatch);
  check_library(reader, dispatch);
  reader.finish();
  return dispatch;
}

DispatchSpec read_collective_dispatch(JsonReader reader, const GpuCard& gpu) {
  DispatchSpec dispatch;
  if (reader.has("library")) read_named_library(reader, gpu, dispatch);
  if (dispatch.library && !dispatch.library->algorithms.empty()) {
    reader.fail("library", fmt::format("\"{}\", whose kernels are those of exchanges", dispatch.library->name),
                "\"none\", or a library of collectives such as \"nccl_ring\"");
  }
  reader.finish();
  return dispatch;
}

ComputeSpec read_compute(JsonReader reader, Direction direction, const GpuCard& gpu) {
  ComputeSpec compute;
  compute.dtype = read_type(reader, "dtype", compute.dtype);
  compute.weights_dtype = read_type(reader, "weights_dtype", compute.dtype);
  compute.overlap_shared_experts = reader.boolean_or("overlap_shared_experts", compute.overlap_shared_experts);
  if (direction != Direction::forward) {
    compute.optimizer_bytes_per_weight =
        reader.number_or("optimizer_bytes_per_weight", 0, 64, compute.optimizer_bytes_per_weight);
    compute.kept_dtype = read_type(reader, "kept_dtype", compute.kept_dtype);
  } else {
    for (const std::string_view key : {"optimizer_bytes_per_weight", "kept_dtype"}) {
      if (reader.has(key))
        reader.fail(key, "a key of a backward pass in a forward one", "it only with a backward pass");
    }
  }
  static constexpr std::array<std::string_view, 2> kScalings{"block", "tensor"};
  if (reader.has("fp8_scaling")) {
    if (compute.dtype != DataType::fp8) {
      reader.fail("fp8_scaling", fmt::format("a scaling of fp8 with products in {}", name(compute.dtype)),
                  "it only with \"dtype\": \"fp8\"");
    }
    compute.fp8_scaling = static_cast<Fp8Scaling>(reader.choice("fp8_scaling", kScalings));
  }
  read_profile(reader, gpu, compute);
  if (!device(gpu).computes(compute.dtype)) {
    reader.fail("dtype", fmt::format("\"{}\", which {} does not compute", name(compute.dtype), gpu.name),
                "a type that the card has a peak for, or a narrower one");
  }
  reader.finish();
  return compute;
}

ordered_json compute_json(const ComputeSpec& compute, Direction direction) {
  ordered_json json = {{"dtype", name(compute.dtype)},
                       {"weights_dtype", name(compute.weights_dtype)},
                       {"overlap_shared_experts", compute.overlap_shared_experts},
                       {"profile", ordered_json::parse(compute.profile_source)}};
  if (compute.dtype == DataType::fp8) {
    json["fp8_scaling"] = compute.fp8_scaling == Fp8Scaling::block ? "block" : "tensor";
  }
  if (direction != Direction::forward) {
    json["optimizer_bytes_per_weight"] = compute.optimizer_bytes_per_weight;
    json["kept_dtype"] = name(compute.kept_dtype);
  }
  return json;
}

}  // namespace moesim

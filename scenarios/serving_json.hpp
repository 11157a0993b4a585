#pragma once

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "scenarios/scenario.hpp"

namespace moesim {

// The workloads `prefill` and `decode`, and what a scenario of theirs has beside them.

PrefillWorkload read_prefill(JsonReader& reader);
DecodeWorkload read_decode(JsonReader& reader);
nlohmann::ordered_json prefill_json(const PrefillWorkload& prefill);
nlohmann::ordered_json decode_json(const DecodeWorkload& decode);

// {tp, dp, ep}: all ranks of the cluster have a part. `experts` is 0 for a dense model.
Parallelism read_serving_parallelism(JsonReader parallelism, int world_size, int experts);

// Null where the workload does not serve.
const ServingOptions* serving_options(const Scenario& scenario);

// The most tokens that a rank routes in one layer of one micro-batch; empty where the workload does not serve.
std::optional<std::int64_t> tokens_routed_at_once(const Scenario& scenario);

}  // namespace moesim

#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/json_reader.hpp"
#include "topologies/gpu_card.hpp"

namespace moesim {

// Reads a whole card; unknown keys are refused. Errors are InputErrors with the reader's file and pointer.
GpuCard read_gpu_card(JsonReader reader);
nlohmann::json gpu_card_json(const GpuCard& card);

// The catalog: the names in order, and the card of a name that is in it.
std::vector<std::string_view> gpu_card_names();
GpuCard catalog_gpu_card(std::string_view name);

}  // namespace moesim

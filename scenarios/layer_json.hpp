#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/model_card.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// The layers of a model card, first to last, as a list of
//   {"modules": ["mla", "moe"], "count": 58}       58 equal layers; modules are mixers, then "dense", then "moe"
//   {"repeat": 12, "layers": [..]}                 12 times a list, which may hold repeats again
// with "norms" where a layer has not one a module, and "stack": "encoder".

constexpr std::int64_t kMaxLayers = 4096;

// `mixers` are the names that modules may have beside "dense" and "moe".
Layer read_modules(JsonReader& reader, std::string_view key, std::span<const std::string> mixers);
std::vector<Layer> read_layers(JsonReader& reader, std::span<const std::string> mixers);

nlohmann::ordered_json modules_json(const Layer& layer, std::span<const NamedMixer> mixers);
// The shortest list that greedy folding of repeats finds.
nlohmann::ordered_json layers_json(std::span<const Layer> layers, std::span<const NamedMixer> mixers);

}  // namespace moesim

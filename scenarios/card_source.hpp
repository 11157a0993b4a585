#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "models/architecture/model_card.hpp"
#include "models/exchange/library.hpp"
#include "models/kernels/kernel_profile.hpp"
#include "topologies/cluster_card.hpp"
#include "topologies/gpu_card.hpp"

namespace moesim {

// A card as a scenario names it, and `source`, the JSON text that stands for it wherever the scenario is run again.
//   "deepseek-v3"                           a card of the catalog
//   "cards/mine.json"                       a file, because of the "/" or the ".json"; relative paths start at `where`
//   {"card": "deepseek-v3", "moe": {...}}   a card of either kind with some keys replaced
//   {"schema": 1, "name": ...}              a whole card in place
// Anything else is an InputError, with the nearest name of the catalog.
struct ModelSource {
  ModelCard card;
  std::string source;
};
ModelSource read_model_source(const nlohmann::json& value, const std::string& where, const std::string& pointer);

struct GpuSource {
  GpuCard card;
  std::string source;
};
GpuSource read_gpu_source(const nlohmann::json& value, const std::string& where, const std::string& pointer);

struct ProfileSource {
  KernelProfile card;
  std::string source;
};
ProfileSource read_profile_source(const nlohmann::json& value, const std::string& where, const std::string& pointer);

struct LibrarySource {
  ExchangeLibrary card;
  std::string source;
};
LibrarySource read_library_source(const nlohmann::json& value, const std::string& where, const std::string& pointer);

// The same of a name or a path alone.
GpuCard read_named_gpu(const std::string& name, const std::string& where, const std::string& pointer);
KernelProfile read_named_profile(const std::string& name, const std::string& where, const std::string& pointer);

// Whether a card's name is the path of a file.
bool is_card_path(std::string_view name);

// The value of the cluster's "gpu" may be any of these, too.
struct ClusterSource {
  ClusterCard card;
  GpuCard gpu;
  std::string source;
};
ClusterSource read_cluster_source(const nlohmann::json& value, const std::string& where, const std::string& pointer);

}  // namespace moesim

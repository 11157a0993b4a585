#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "scenarios/text_table.hpp"

namespace moesim {

// What `moesim show` says of a card, or of a whole catalog, made only when asked for.
struct CardReport {
  std::function<std::string()> json;  // Computed figures first, the card itself under "card"; catalogs by name.
  std::function<std::string(const ReportStyle&)> text;
};

// `name` is one of the catalog or a path; a name that is neither is an InputError, with the nearest one. A model's
// FLOPs are those of sequences of `context` tokens; a cluster has the nodes of its card unless told otherwise.
CardReport show_model(const std::string& name, std::int64_t context);
CardReport show_gpu(const std::string& name);
CardReport show_cluster(const std::string& name, std::optional<std::int64_t> nodes = std::nullopt);
CardReport show_profile(const std::string& name);
CardReport show_library(const std::string& name);
CardReport show_law(const std::string& name);
CardReport show_models(std::int64_t context);
CardReport show_gpus();
CardReport show_clusters();
CardReport show_profiles();
CardReport show_libraries();
CardReport show_laws();

}  // namespace moesim

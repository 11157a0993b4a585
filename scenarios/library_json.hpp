#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/exchange/library.hpp"
#include "scenarios/json_reader.hpp"

namespace moesim {

// Reads and writes the card of a communication library. Unknown constants and values outside their limits are
// InputErrors.
ExchangeLibrary read_library(JsonReader reader);
nlohmann::ordered_json library_json(const ExchangeLibrary& library);

std::vector<std::string_view> library_names();  // Of the catalog's cards.
ExchangeLibrary catalog_library(std::string_view name);

// The catalog's card of a library ("deepep") for a GPU, if there is one.
std::optional<ExchangeLibrary> library_for(std::string_view library, std::string_view gpu);
// The catalog's card of the kernels that are the algorithm's own, if there is one for the GPU.
std::optional<ExchangeLibrary> default_library(ExchangeAlgorithm algorithm, std::string_view gpu);

}  // namespace moesim

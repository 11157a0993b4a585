#pragma once

#include <string>
#include <vector>

#include "models/caveat.hpp"

namespace moesim {

struct ImportedCard {
  std::string card;  // A model card, as a document.
  std::vector<Caveat> caveats;
};

// Reads a Hugging Face config.json, from a path or from standard input for "-", as a model card called `name`.
ImportedCard import_hf_file(const std::string& path, const std::string& name);

}  // namespace moesim

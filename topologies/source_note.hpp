#pragma once

#include <string>
#include <vector>

namespace moesim {

// Where some of a card's figures come from. "recalled" in the text marks a figure that was not re-read at its source.
struct SourceNote {
  std::vector<std::string> fields;  // Keys of the card as they stand in its JSON.
  std::string source;
};

}  // namespace moesim

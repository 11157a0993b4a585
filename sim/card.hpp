#pragma once

#include <string_view>

namespace moesim {

// A text that was compiled into the program under a name: the JSON of a model, a GPU or a cluster. The rooms that own
// the cards never parse them; scenarios/ does.
struct Card {
  std::string_view name;  // The file's name without its folder and ".json".
  std::string_view text;
};

}  // namespace moesim

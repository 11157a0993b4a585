#pragma once

#include <string_view>

namespace moesim {

// What a kernel model's constant is called in profiles, what it means, and what it may be. The models list theirs in a
// table, from which profiles are read and written, fits are set up, and documentation is checked.
template <class Constants>
struct Constant {
  std::string_view name;  // As in profiles; the unit last.
  std::string_view meaning;
  double Constants::*field;
  double min;  // Allowed values, ends included.
  double max;
};

}  // namespace moesim

#pragma once

#include <string>

namespace moesim {

// What a reader must know before leaning on a number: a constant that was not measured, a range that was left.
struct Caveat {
  std::string key;   // Stable and short, for programs: "uncalibrated".
  std::string text;  // One sentence for people.
};

}  // namespace moesim

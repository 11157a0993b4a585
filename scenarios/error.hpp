#pragma once

#include <stdexcept>
#include <string>

namespace moesim {

// A mistake in what the user gave: exit code 2. `what()` is the whole message, ready to print:
//   scenario.json: /parallelism/ep: found 48, expected a divisor of the model's 256 routed experts (nearest: 32 or 64)
class InputError : public std::runtime_error {
 public:
  // Control characters in any of these are shown as \u001b, and what is very long is cut.
  explicit InputError(const std::string& message);
  // `where` is a file or "--set"; `pointer` an RFC 6901 JSON pointer, "" for the whole document.
  InputError(const std::string& where, const std::string& pointer, const std::string& found,
             const std::string& expected);
};

}  // namespace moesim

#include "scenarios/error.hpp"

#include <string_view>

#include <fmt/format.h>

namespace moesim {

namespace {

constexpr std::size_t kMostOfPart = 300;
constexpr std::size_t kMostOfMessage = 4000;

// Control characters neither end a message nor reach a terminal; a cut is never inside a UTF-8 sequence.
std::string shown(std::string_view text, std::size_t most, bool keep_lines = false) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (result.size() >= most && (byte & 0xC0U) != 0x80U) return result + "...";
    const bool control = (byte < 0x20 && !(keep_lines && byte == '\n')) || byte == 0x7F;
    result += control ? fmt::format("\\u{:04x}", byte) : std::string(1, text[i]);
  }
  return result;
}

}  // namespace

InputError::InputError(const std::string& message) : std::runtime_error(shown(message, kMostOfMessage, true)) {}

InputError::InputError(const std::string& where, const std::string& pointer, const std::string& found,
                       const std::string& expected)
    : InputError(fmt::format("{}: {}: found {}, expected {}", shown(where, kMostOfPart),
                             pointer.empty() ? "the whole document" : shown(pointer, kMostOfPart),
                             shown(found, 2 * kMostOfPart), shown(expected, kMostOfMessage))) {}

}  // namespace moesim

#include "scenarios/error.hpp"

#include <fmt/format.h>

namespace moesim {

InputError::InputError(const std::string& where, const std::string& pointer, const std::string& found,
                       const std::string& expected)
    : std::runtime_error(fmt::format("{}: {}: found {}, expected {}", where,
                                     pointer.empty() ? "the whole document" : pointer, found, expected)) {}

}  // namespace moesim

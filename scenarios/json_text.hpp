#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace moesim {

// A JSON value as an error message shows it: at most about 60 bytes; objects and arrays by their size.
std::string shorten_json(const nlohmann::json& value);

// Any bytes as an error message shows them: printable ASCII as it is, the rest as \xNN; at most about 60 bytes.
std::string shorten_text(std::string_view text);

// UTF-8 without control characters: what a name, a path or a line for people may hold.
bool is_plain_text(std::string_view text);

// pointer + "/" + key, escaped as RFC 6901 asks.
std::string join_pointer(std::string_view pointer, std::string_view key);

// JSON for people and programs alike: two spaces a level, and what fits into a line of 100 columns without objects or
// arrays inside stands on one line. Ends with a newline.
std::string pretty_json(const nlohmann::ordered_json& value);

}  // namespace moesim

#include "scenarios/json_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moesim {

namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::size_t kLineBytes = 100;

std::string one_line(const nlohmann::ordered_json& value) {
  std::string line;
  for (const auto& item : value.items()) {
    if (!line.empty()) line += ", ";
    if (value.is_object()) line += nlohmann::json(item.key()).dump() + ": ";
    line += item.value().dump();
  }
  return value.is_object() ? "{" + line + "}" : "[" + line + "]";
}

void append_pretty(const nlohmann::ordered_json& value, std::size_t indent, std::string& out) {
  if (!value.is_structured()) {
    out += value.dump();
    return;
  }
  bool flat = true;
  for (const auto& item : value) flat = flat && (!item.is_structured() || item.empty());
  const std::string line = flat ? one_line(value) : "";
  if (flat && (value.empty() || indent + line.size() <= kLineBytes)) {
    out += line;
    return;
  }
  const bool object = value.is_object();
  out += object ? '{' : '[';
  const char* separator = "\n";
  for (const auto& item : value.items()) {
    (out += separator).append(indent + 2, ' ');
    if (object) out += nlohmann::json(item.key()).dump() + ": ";
    append_pretty(item.value(), indent + 2, out);
    separator = ",\n";
  }
  (out += '\n').append(indent, ' ');
  out += object ? '}' : ']';
}

}  // namespace

std::string shorten_json(const nlohmann::json& value) {
  if (value.is_object()) return fmt::format("an object with {} {}", value.size(), value.size() == 1 ? "key" : "keys");
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() <= kShownBytes) return text;
  std::size_t cut = kShownBytes;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;  // Never inside a UTF-8 sequence.
  return text.substr(0, cut) + "...";
}

std::string shorten_text(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kShownBytes)) {
    if (c >= ' ' && c <= '~') {
      shown += c;
    } else {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text.size() > kShownBytes ? shown + "..." : shown;
}

bool is_plain_text(std::string_view text) {
  for (const char c : text) {
    if ((c >= 0 && c < 0x20) || c == 0x7F) return false;
  }
  try {
    nlohmann::json(text).dump();  // Checks its UTF-8.
  } catch (const nlohmann::json::exception&) {
    return false;
  }
  return true;
}

std::string join_pointer(std::string_view pointer, std::string_view key) {
  std::string joined(pointer);
  joined += '/';
  for (const char c : key) {
    if (c == '~') {
      joined += "~0";
    } else if (c == '/') {
      joined += "~1";
    } else {
      joined += c;
    }
  }
  return joined;
}

std::string pretty_json(const nlohmann::ordered_json& value) {
  std::string out;
  append_pretty(value, 0, out);
  return out + "\n";
}

}  // namespace moesim

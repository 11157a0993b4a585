#include "scenarios/apply_set.hpp"

#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::json;

namespace {

constexpr const char* kWhere = "--set";

// The steps of an RFC 6901 pointer.
std::vector<std::string> split_pointer(const std::string& pointer) {
  if (pointer.empty() || pointer.front() != '/') {
    throw InputError(kWhere, "", "\"" + shorten_text(pointer) + "\"", "/json/pointer=value, such as /seed=2");
  }
  std::vector<std::string> steps(1);
  for (std::size_t i = 1; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      steps.emplace_back();
    } else if (pointer[i] == '~') {
      const char next = i + 1 < pointer.size() ? pointer[++i] : '\0';
      if (next != '0' && next != '1') throw InputError(kWhere, shorten_text(pointer), "a lone ~", "~0 for ~, ~1 for /");
      steps.back() += next == '0' ? '~' : '/';
    } else {
      steps.back() += pointer[i];
    }
  }
  return steps;
}

json parse_value(const std::string& text, const std::string& pointer) {
  const std::string where = fmt::format("{} {}", kWhere, shorten_text(pointer));
  try {
    return parse_json(text, where);
  } catch (const InputError&) {
    // What begins like JSON was meant to be JSON; a bare word is a string.
    if (!text.empty() && std::string_view("{[\"").find(text.front()) != std::string_view::npos) throw;
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      throw InputError(kWhere, shorten_text(pointer), "a control character", "JSON, or a word");
    }
  }
  // Quoted by hand, so that the parser checks its UTF-8.
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return parse_json(quoted + "\"", where);
}

std::size_t array_index(const json& array, const std::string& step, const std::string& pointer) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool leading_zero = step.size() > 1 && step.front() == '0';
  if (leading_zero || error != std::errc() || end != step.data() + step.size() || index >= array.size()) {
    throw InputError(kWhere, pointer, shorten_json(array), fmt::format("an index below {}", array.size()));
  }
  return index;
}

json& child(json& parent, const std::string& step, const std::string& pointer) {
  if (parent.is_array()) return parent[array_index(parent, step, pointer)];
  if (parent.is_object()) return parent[step];
  throw InputError(kWhere, pointer, "no object around it", "a pointer whose parents are objects or arrays");
}

}  // namespace

void apply_set(json& scenario, const std::string& set) {
  const std::size_t equals = set.find('=');
  if (equals == std::string::npos) {
    throw InputError(kWhere, "", "\"" + shorten_text(set) + "\" without a =", "/json/pointer=value, such as /seed=2");
  }
  const std::string pointer = set.substr(0, equals);
  const std::vector<std::string> steps = split_pointer(pointer);
  json value = parse_value(set.substr(equals + 1), pointer);

  json* parent = &scenario;
  std::string reached;
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    reached = join_pointer(reached, steps[i]);
    parent = &child(*parent, steps[i], reached);
    // A parent that is missing is made; one that nobody knows is refused when it is read, with the nearest key.
    if (parent->is_null()) *parent = json::object();
    if (i == 0 && (steps[0] == "model" || steps[0] == "cluster") && parent->is_string()) {
      *parent = json{{"card", *parent}};
    }
  }
  reached = join_pointer(reached, steps.back());
  if (parent->is_object()) {
    (*parent)[steps.back()] = std::move(value);
  } else {
    child(*parent, steps.back(), reached) = std::move(value);
  }
}

}  // namespace moesim

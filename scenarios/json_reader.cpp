#include "scenarios/json_reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

using nlohmann::json;

namespace {

std::string list_names(std::span<const std::string_view> names) {
  std::string list;
  for (const std::string_view name : names) (list += list.empty() ? "" : ", ") += name;
  return list;
}

// "one of a, b, c; did you mean "b"?"
std::string expected_name(std::string_view found, std::span<const std::string_view> names) {
  return (names.empty() ? "no key at all" : "one of " + list_names(names)) + did_you_mean(found, names);
}

// What stands in the place of a required key that is not there: perhaps the same key, misspelled.
std::string found_instead(const json& object, std::string_view key) {
  const auto it = object.find(std::string(key));
  if (it != object.end()) return "null";
  for (const auto& item : object.items()) {
    const std::string_view other = item.key();
    const auto longer = std::max(other.size(), key.size());
    if (longer - std::min(other.size(), key.size()) > 2) continue;
    if (nearest_name(other, std::span(&key, 1))) {
      return fmt::format("nothing, but a key {}: did you mean \"{}\"?", shorten_json(item.key()), key);
    }
  }
  return "nothing";
}

template <class Number>
std::string range_text(std::string_view what, Number min, Number max) {
  const bool open_below = min <= std::numeric_limits<Number>::lowest();
  const bool open_above = max >= std::numeric_limits<Number>::max();
  if (open_below && open_above) return std::string(what);
  if (open_above) return fmt::format("{} of at least {}", what, min);
  if (open_below) return fmt::format("{} of at most {}", what, max);
  return fmt::format("{} from {} to {}", what, min, max);
}

std::optional<std::int64_t> exact_integer(const json& value) {
  if (value.is_number_unsigned()) {
    const auto n = value.get<std::uint64_t>();
    if (n <= static_cast<std::uint64_t>(INT64_MAX)) return static_cast<std::int64_t>(n);
    return std::nullopt;
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  // 1e6 is an integer; beyond 2^53 a double no longer says which one was meant.
  const double x = value.get<double>();
  if (x != std::floor(x) || std::abs(x) > 9007199254740992.0) return std::nullopt;
  return static_cast<std::int64_t>(x);
}

bool in_range(const json& value, double min, double max) {
  if (!value.is_number()) return false;
  const double x = value.get<double>();
  return std::isfinite(x) && x >= min && x <= max;
}

}  // namespace

JsonReader::JsonReader(const json& value, std::string where, std::string pointer)
    : value_(&value), where_(std::move(where)), pointer_(std::move(pointer)) {
  if (!value.is_object()) fail("", shorten_json(value), "an object");
}

bool JsonReader::has(std::string_view key) const {
  asked_.emplace(key);
  const auto it = value_->find(std::string(key));
  return it != value_->end() && !it->is_null();
}

const json* JsonReader::find(std::string_view key) {
  known_.emplace(key);
  const auto it = value_->find(std::string(key));
  return it == value_->end() || it->is_null() ? nullptr : &*it;
}

const json& JsonReader::require(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail(key, found_instead(*value_, key), "a value: it is required");
  return *value;
}

void JsonReader::fail(std::string_view key, const std::string& found, const std::string& expected) const {
  throw InputError(where_, key.empty() ? pointer_ : join_pointer(pointer_, key), found, expected);
}

std::string JsonReader::string(std::string_view key) {
  const json& value = require(key);
  if (!value.is_string()) fail(key, shorten_json(value), "a string");
  auto text = value.get<std::string>();
  if (!is_plain_text(text)) fail(key, shorten_json(value), "a string of printable characters");
  return text;
}

std::string JsonReader::string_or(std::string_view key, std::string_view fallback) {
  return find(key) == nullptr ? std::string(fallback) : string(key);
}

bool JsonReader::boolean(std::string_view key) {
  const json& value = require(key);
  if (!value.is_boolean()) fail(key, shorten_json(value), "true or false");
  return value.get<bool>();
}

bool JsonReader::boolean_or(std::string_view key, bool fallback) {
  return find(key) == nullptr ? fallback : boolean(key);
}

std::int64_t JsonReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const json& value = require(key);
  const auto n = exact_integer(value);
  if (!n || *n < min || *n > max) fail(key, shorten_json(value), range_text("an integer", min, max));
  return *n;
}

std::int64_t JsonReader::integer_or(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t fallback) {
  return find(key) == nullptr ? fallback : integer(key, min, max);
}

double JsonReader::number(std::string_view key, double min, double max) {
  const json& value = require(key);
  if (!in_range(value, min, max)) fail(key, shorten_json(value), range_text("a number", min, max));
  return value.get<double>();
}

double JsonReader::number_or(std::string_view key, double min, double max, double fallback) {
  return find(key) == nullptr ? fallback : number(key, min, max);
}

std::size_t JsonReader::choice(std::string_view key, std::span<const std::string_view> names) {
  const std::string found = string(key);
  const auto it = std::find(names.begin(), names.end(), found);
  if (it == names.end()) {
    fail(key, shorten_json(found), expected_name(found, names));
  }
  return static_cast<std::size_t>(it - names.begin());
}

JsonReader JsonReader::object(std::string_view key) { return {require(key), where_, join_pointer(pointer_, key)}; }

std::vector<JsonReader> JsonReader::objects(std::string_view key) {
  const json& value = require(key);
  if (!value.is_array()) fail(key, shorten_json(value), "an array of objects");
  std::vector<JsonReader> readers;
  readers.reserve(value.size());
  for (const json& element : value) {
    readers.emplace_back(element, where_, fmt::format("{}/{}", join_pointer(pointer_, key), readers.size()));
  }
  return readers;
}

std::vector<double> JsonReader::numbers(std::string_view key, double min, double max) {
  const json& value = require(key);
  if (!value.is_array()) fail(key, shorten_json(value), "an array of numbers");
  std::vector<double> result;
  result.reserve(value.size());
  for (const json& element : value) {
    if (!in_range(element, min, max)) {
      throw InputError(where_, fmt::format("{}/{}", join_pointer(pointer_, key), result.size()), shorten_json(element),
                       range_text("a number", min, max));
    }
    result.push_back(element.get<double>());
  }
  return result;
}

std::vector<std::string> JsonReader::strings(std::string_view key) {
  const json& value = require(key);
  if (!value.is_array()) fail(key, shorten_json(value), "an array of strings");
  std::vector<std::string> result;
  result.reserve(value.size());
  for (const json& element : value) {
    if (!element.is_string()) {
      throw InputError(where_, fmt::format("{}/{}", join_pointer(pointer_, key), result.size()), shorten_json(element),
                       "a string");
    }
    result.push_back(element.get<std::string>());
  }
  return result;
}

const json& JsonReader::raw(std::string_view key) {
  known_.emplace(key);
  const auto it = value_->find(std::string(key));
  if (it == value_->end()) fail(key, found_instead(*value_, key), "a value: it is required");
  return *it;
}

std::vector<std::string> JsonReader::unread() const {
  std::vector<std::string> keys;
  for (const auto& item : value_->items()) {
    if (!known_.contains(item.key()) && !item.value().is_null()) keys.push_back(item.key());
  }
  return keys;
}

void JsonReader::finish() {
  const auto keys = unread();
  if (keys.empty()) return;
  std::set<std::string_view> expected(known_.begin(), known_.end());
  expected.insert(asked_.begin(), asked_.end());
  for (const std::string& key : keys) expected.erase(key);  // Known, but not with what the other keys say.
  const std::vector<std::string_view> known(expected.begin(), expected.end());
  fail(keys.front().empty() ? std::string_view("\"\"") : std::string_view(keys.front()), "an unknown key",
       expected_name(keys.front(), known));
}

}  // namespace moesim

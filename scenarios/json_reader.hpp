#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace moesim {

// Parses strictly: a syntax error with line and column, a duplicate key, nesting beyond 100 levels, or a text past
// 64 MiB is an InputError that names `where` (a file's name, "-" for standard input).
nlohmann::json parse_json(std::string_view text, const std::string& where);

// One JSON object that is being read against what is expected of it. Each accessor takes its key off the list of
// unread keys; `finish()` refuses what is left, with the nearest known key. All errors are InputErrors that name the
// file and the JSON pointer, what was found and what was expected. Keeps a reference to the JSON: it must outlive this.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& value, std::string where, std::string pointer = "");

  bool has(std::string_view key) const;  // Present and not null. Does not count as reading it.

  std::string string(std::string_view key);
  std::string string_or(std::string_view key, std::string_view fallback);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool fallback);
  // Both bounds are allowed values. A number with a fraction is no integer.
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::int64_t integer_or(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t fallback);
  double number(std::string_view key, double min, double max);
  double number_or(std::string_view key, double min, double max, double fallback);
  // One of `names`; the result is its index.
  std::size_t choice(std::string_view key, std::span<const std::string_view> names);

  JsonReader object(std::string_view key);
  std::vector<JsonReader> objects(std::string_view key);  // An array of objects.
  std::vector<double> numbers(std::string_view key, double min, double max);
  std::vector<std::string> strings(std::string_view key);  // An array of strings.
  const nlohmann::json& raw(std::string_view key);         // Whatever it is; counts as read.
  std::vector<std::string> unread() const;                 // Keys with a value that nobody has asked for yet.

  void finish();  // Refuses unread keys.
  [[noreturn]] void fail(std::string_view key, const std::string& found, const std::string& expected) const;

  const nlohmann::json& value() const { return *value_; }
  const std::string& where() const { return where_; }
  const std::string& pointer() const { return pointer_; }

 private:
  const nlohmann::json* find(std::string_view key);  // Marks as read and known.
  const nlohmann::json& require(std::string_view key);

  const nlohmann::json* value_;
  std::string where_;
  std::string pointer_;
  std::set<std::string, std::less<>> known_;          // Every key that was read, present or not.
  mutable std::set<std::string, std::less<>> asked_;  // Those that only has() was asked for: worth suggesting, too.
};

// The name among `known` nearest to `name` by edit distance, if near enough to be a slip of the pen.
std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string_view> known);

// The same for a message: `; did you mean "mixtral-8x7b" or "mixtral-8x22b"?`, or nothing. Several where none is near
// and the name is the beginning of them.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

}  // namespace moesim

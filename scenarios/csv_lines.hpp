#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "scenarios/json_text.hpp"

namespace moesim {

// Walks over the lines of a CSV that say something; "# key: value" lines are kept apart. Fields have no quotes: no name
// or number of ours has a comma in it. A mistake is an InputError that names the line: "flows.csv:17". For lines that
// stand in a scenario as an array, `rows` is its pointer and `head` the number of lines above its first row; the error
// then names the row: "/workload/rows/16". Refers to `text`.
class CsvLines {
 public:
  CsvLines(std::string_view text, std::string where, std::string rows = "", int head = 0);

  bool next();  // On to the next line that is neither blank nor a comment; false at the end.
  std::string_view line() const { return line_; }
  std::string place() const { return fmt::format("{}:{}", where_, number_); }
  void split(std::vector<std::string_view>& fields) const;
  const std::map<std::string, std::string>& about() const { return about_; }

  template <class Number>
  Number parse(std::string_view field, std::string_view what, Number min, Number max) const {
    Number value{};
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    const bool whole = error == std::errc() && end == field.data() + field.size();
    if (!whole || !(value >= min && value <= max)) {
      fail("\"" + shorten_text(field) + "\"", fmt::format("{} from {} to {}", what, min, max));
    }
    return value;
  }

  [[noreturn]] void fail(const std::string& found, const std::string& expected) const;

 private:
  std::string_view rest_;
  std::string_view line_;
  std::string where_;
  std::string rows_;
  int head_;
  std::int64_t number_ = 0;
  std::map<std::string, std::string> about_;
};

}  // namespace moesim

#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// The lines of a log, with what launchers put before them ("[1,0]<stdout>:" of mpirun, "3: " of srun) taken off.
class LogLines {
 public:
  LogLines(std::string_view text, std::string where) : rest_(text), where_(std::move(where)) {}

  bool next();
  std::string_view line() const { return line_; }
  std::string place() const { return where_ + ":" + std::to_string(number_); }

 private:
  std::string_view rest_;
  std::string_view line_;
  std::string where_;
  std::int64_t number_ = 0;
};

std::string_view trimmed(std::string_view text);

std::vector<std::string_view> words(std::string_view line);  // Between blanks.

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The number that stands right behind the first `label`, as far as it goes: 24 of "SMs 24, NVL chunk" behind "SMs ".
// Empty if there is none.
std::string_view number_behind(std::string_view line, std::string_view label);

// The number that stands right before the first `unit`: 1391 of "229 + 1391 us" before " us".
std::string_view number_before(std::string_view line, std::string_view unit);

}  // namespace moesim

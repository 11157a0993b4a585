#include "scenarios/text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace moesim {

namespace {

// `value` in the largest of units 1000 apart in which it is at least 1, with four significant digits.
std::string scaled(double value, std::string_view unit_of_one, std::string_view prefixes) {
  std::size_t step = 0;
  while (std::abs(value) >= 999.95 && step < prefixes.size()) {
    value /= 1000;
    ++step;
  }
  const std::string prefix = step == 0 ? "" : std::string(1, prefixes[step - 1]);
  if (step == 0 && value == std::floor(value)) return fmt::format("{:.0f} {}", value, unit_of_one);
  const int digits = std::abs(value) < 10 ? 3 : std::abs(value) < 100 ? 2 : 1;
  return fmt::format("{:.{}f} {}{}", value, digits, prefix, unit_of_one);
}

std::string marked(std::string_view code, std::string_view text, const ReportStyle& style) {
  return style.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

}  // namespace

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string time_text(double microseconds) {
  if (microseconds < 1000) return fmt::format("{:.3f} us", microseconds);
  if (microseconds < 1e6) return fmt::format("{:.3f} ms", microseconds / 1e3);
  return fmt::format("{:.3f} s", microseconds / 1e6);
}

std::string bytes_text(double bytes) { return scaled(bytes, "B", "kMGTPE"); }

std::string count_text(double count) {
  const std::string text = scaled(count, "", "kMGTPE");
  return text.back() == ' ' ? text.substr(0, text.size() - 1) : text;
}

std::string percent_text(double fraction) { return fmt::format("{:.1f} %", 100 * fraction); }

std::string bar(double fraction, int width, const ReportStyle& style) {
  static constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double columns = std::clamp(fraction, 0.0, 1.0) * width;
  if (!style.blocks) return std::string(static_cast<std::size_t>(std::lround(columns)), '#');
  const auto eighths = static_cast<std::size_t>(std::lround(columns * 8));
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
  return text += kEighths[eighths % 8];
}

std::string bold(std::string_view text, const ReportStyle& style) { return marked("1", text, style); }
std::string faint(std::string_view text, const ReportStyle& style) { return marked("2", text, style); }
std::string alarm(std::string_view text, const ReportStyle& style) { return marked("1;31", text, style); }

std::string wrap(std::string_view text, int width, int indent) {
  std::string result;
  int column = 0;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    const auto length = static_cast<int>(word.size());
    if (column > 0 && column + 1 + length > width) {
      result += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
      column = indent;
    } else if (column > 0) {
      result += ' ';
      ++column;
    }
    result += word;
    column += length;
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return result;
}

}  // namespace moesim

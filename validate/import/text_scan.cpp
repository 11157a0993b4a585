#include "validate/import/text_scan.hpp"

namespace moesim {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kNumber = "0123456789.";

std::string_view without_launcher(std::string_view line) {
  if (line.empty()) return line;
  if (line.front() == '[') {  // [1,0]<stdout>:
    const auto end = line.find(">:");
    const std::string_view head = line.substr(0, end);
    if (end == std::string_view::npos || head.find("]<std") == std::string_view::npos) return line;
    return line.substr(end + 2);
  }
  const auto digits = line.find_first_not_of(kDigits);  // 3:
  if (digits == 0 || digits == std::string_view::npos || line.substr(digits, 2) != ": ") return line;
  return line.substr(digits + 2);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool LogLines::next() {
  if (rest_.empty()) return false;
  const auto end = rest_.find('\n');
  line_ = trimmed(without_launcher(trimmed(rest_.substr(0, end))));
  rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
  ++number_;
  return true;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (true) {
    const auto begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return found;
    line.remove_prefix(begin);
    const auto end = line.find_first_of(kBlanks);
    found.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return found;
    line.remove_prefix(end);
  }
}

std::string_view number_behind(std::string_view line, std::string_view label) {
  const auto at = line.find(label);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + label.size());
  return line.substr(0, line.find_first_not_of(kNumber));
}

std::string_view number_before(std::string_view line, std::string_view unit) {
  const auto at = line.find(unit);
  if (at == std::string_view::npos) return {};
  line = line.substr(0, at);
  const auto begin = line.find_last_not_of(kNumber);
  return begin == std::string_view::npos ? line : line.substr(begin + 1);
}

}  // namespace moesim

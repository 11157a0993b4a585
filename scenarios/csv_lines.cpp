#include "scenarios/csv_lines.hpp"

#include <algorithm>

#include "scenarios/error.hpp"

namespace moesim {
namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

}  // namespace

CsvLines::CsvLines(std::string_view text, std::string where, std::string rows, int head)
    : rest_(text), where_(std::move(where)), rows_(std::move(rows)), head_(head) {
  if (rest_.substr(0, 3) == "\xEF\xBB\xBF") rest_.remove_prefix(3);  // A byte-order mark.
}

bool CsvLines::next() {
  while (!rest_.empty()) {
    const auto end = rest_.find('\n');
    line_ = trim(rest_.substr(0, end));
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ++number_;
    if (line_.empty()) continue;
    if (line_.front() != '#') return true;
    const auto colon = line_.find(':');
    if (colon != std::string_view::npos) {
      about_[std::string(trim(line_.substr(1, colon - 1)))] = trim(line_.substr(colon + 1));
    }
  }
  return false;
}

void CsvLines::split(std::vector<std::string_view>& fields) const {
  fields.clear();
  for (std::string_view rest = line_;;) {
    const auto comma = rest.find(',');
    fields.push_back(trim(rest.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    rest.remove_prefix(comma + 1);
  }
}

void CsvLines::fail(const std::string& found, const std::string& expected) const {
  if (!rows_.empty()) throw InputError(where_, fmt::format("{}/{}", rows_, number_ - 1 - head_), found, expected);
  const std::int64_t line = std::max<std::int64_t>(1, number_);  // An empty text lacks its first one.
  throw InputError(fmt::format("{}:{}: found {}, expected {}", where_, line, found, expected));
}

}  // namespace moesim

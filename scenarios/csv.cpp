#include "scenarios/csv.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/error.hpp"
#include "scenarios/json_text.hpp"

namespace moesim {

namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// Walks over the lines that say something.
class Lines {
 public:
  Lines(std::string_view text, const std::string& where, const std::string& rows, int head)
      : rest_(text), where_(where), rows_(rows), head_(head) {
    if (rest_.substr(0, 3) == "\xEF\xBB\xBF") rest_.remove_prefix(3);  // A byte-order mark.
  }

  bool next() {
    while (!rest_.empty()) {
      const auto end = rest_.find('\n');
      line_ = trim(rest_.substr(0, end));
      rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
      ++number_;
      if (!line_.empty() && line_.front() != '#') return true;
    }
    return false;
  }

  std::string_view line() const { return line_; }

  void split(std::vector<std::string_view>& fields) const {
    fields.clear();
    for (std::string_view rest = line_;;) {
      const auto comma = rest.find(',');
      fields.push_back(trim(rest.substr(0, comma)));
      if (comma == std::string_view::npos) return;
      rest.remove_prefix(comma + 1);
    }
  }

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

  [[noreturn]] void fail(const std::string& found, const std::string& expected) const {
    if (!rows_.empty()) throw InputError(where_, fmt::format("{}/{}", rows_, number_ - 1 - head_), found, expected);
    throw InputError(fmt::format("{}:{}: found {}, expected {}", where_, number_, found, expected));
  }

 private:
  std::string_view rest_;
  std::string_view line_;
  const std::string& where_;
  const std::string& rows_;
  int head_;  // Lines above the first row.
  std::int64_t number_ = 0;
};

}  // namespace

std::vector<FlowRequest> parse_flows_csv(std::string_view text, const std::string& where, int world_size,
                                         const std::string& rows) {
  constexpr std::string_view kHeader = "src,dst,bytes,start_us";
  Lines lines(text, where, rows, 1);
  if (!lines.next()) throw InputError(where, "", "no line", fmt::format("the header {}", kHeader));
  std::vector<std::string_view> fields;
  lines.split(fields);
  if (fmt::format("{}", fmt::join(fields, ",")) != kHeader) {
    lines.fail("\"" + shorten_text(lines.line()) + "\"", fmt::format("the header {}", kHeader));
  }
  std::vector<FlowRequest> flows;
  while (lines.next()) {
    lines.split(fields);
    if (fields.size() != 4) lines.fail(fmt::format("{} fields", fields.size()), fmt::format("4: {}", kHeader));
    const int last = world_size - 1;
    FlowRequest flow;
    flow.source = RankId{lines.parse<int>(fields[0], "src: a rank", 0, last)};
    flow.destination = RankId{lines.parse<int>(fields[1], "dst: a rank", 0, last)};
    flow.bytes = {lines.parse<std::int64_t>(fields[2], "bytes: an integer", 0, kMaxFlowBytes)};
    const double start_us = lines.parse<double>(fields[3], "start_us: a number", 0.0, kMaxStartUs);
    flow.start = {std::llround(start_us * 1e6)};
    if (flow.source == flow.destination) lines.fail(fmt::format("src = dst = {}", flow.source.value), "two ranks");
    flows.push_back(flow);
  }
  if (flows.empty())
    throw InputError(where, rows, "no flow", rows.empty() ? "at least one line below the header" : "at least one");
  return flows;
}

std::vector<std::int64_t> parse_matrix_csv(std::string_view text, const std::string& where, int ranks,
                                           const std::string& rows) {
  Lines lines(text, where, rows, 0);
  std::vector<std::int64_t> matrix;
  std::vector<std::string_view> fields;
  int row = 0;
  for (; lines.next(); ++row) {
    lines.split(fields);
    if (row == ranks || fields.size() != static_cast<std::size_t>(ranks)) {
      lines.fail(fmt::format("{} fields in row {}", fields.size(), row + 1),
                 fmt::format("{} rows of {} byte counts, one for each rank of the group", ranks, ranks));
    }
    for (int column = 0; column < ranks; ++column) {
      const std::string_view field = fields[static_cast<std::size_t>(column)];
      matrix.push_back(lines.parse<std::int64_t>(field, "an integer", 0, row == column ? 0 : kMaxFlowBytes));
    }
  }
  if (row != ranks) throw InputError(where, rows, fmt::format("{} rows", row), fmt::format("{} rows", ranks));
  return matrix;
}

}  // namespace moesim

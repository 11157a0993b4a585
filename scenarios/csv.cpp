#include "scenarios/csv.hpp"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/csv_lines.hpp"
#include "scenarios/error.hpp"

namespace moesim {

std::vector<FlowRequest> parse_flows_csv(std::string_view text, const std::string& where, int world_size,
                                         const std::string& rows) {
  constexpr std::string_view kHeader = "src,dst,bytes,start_us";
  CsvLines lines(text, where, rows, 1);
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
  CsvLines lines(text, where, rows, 0);
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

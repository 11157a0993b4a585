#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "scenarios/json_text.hpp"
#include "validate/import/import_format.hpp"
#include "validate/import/text_scan.hpp"

namespace moesim {
namespace {

struct Program {
  std::string_view name;
  std::string_view kernel;  // Empty: no kernel of ours.
};
constexpr std::array<Program, 12> kPrograms{{{"all_reduce_perf", "all_reduce"},
                                             {"all_gather_perf", "all_gather"},
                                             {"reduce_scatter_perf", "reduce_scatter"},
                                             {"alltoall_perf", "all_to_all"},
                                             {"all_to_all_perf", "all_to_all"},
                                             {"sendrecv_perf", "send_recv"},
                                             {"alltoallv_perf", ""},
                                             {"broadcast_perf", ""},
                                             {"reduce_perf", ""},
                                             {"gather_perf", ""},
                                             {"scatter_perf", ""},
                                             {"hypercube_perf", ""}}};

// The program that a line names, if it does: not as a part of a longer name ("reduce_perf" in "all_reduce_perf").
const Program* program_in(std::string_view line) {
  for (const Program& program : kPrograms) {
    const auto at = line.find(program.name);
    if (at == std::string_view::npos) continue;
    if (at == 0 || (line[at - 1] != '_' && std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0))
      return &program;
  }
  return nullptr;
}

// Where the columns of a table stand, out of place first; from its header "size count type redop root time ...".
struct Table {
  std::size_t columns = 0;
  std::size_t time = 0;
  std::optional<std::size_t> wrong;
  bool cpu_time = false;
  double us_per_unit = 1;
};

std::optional<Table> header(const std::vector<std::string_view>& names) {
  if (names.size() < 2 || names.front() != "#" || names[1] != "size") return std::nullopt;
  Table table;
  table.columns = names.size() - 1;
  for (std::size_t i = names.size() - 1; i > 0; --i) {  // Backwards: the first of each name stays.
    if (names[i] == "time" || names[i] == "cputime") {
      table.time = i - 1;
      table.cpu_time = names[i] == "cputime";
    }
    if (names[i] == "#wrong" || names[i] == "error") table.wrong = i - 1;
  }
  if (table.time == 0) return std::nullopt;
  if (table.wrong && *table.wrong < table.time) table.wrong.reset();
  return table;
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& where, ImportedRows& rows) : lines_(text, where), rows_(rows) {}

  void read() {
    while (lines_.next()) {
      const std::string_view line = lines_.line();
      if (const Program* program = program_in(line)) program_ = program;
      if (line.empty()) continue;
      if (line.front() == '#') {
        read_comment(line);
      } else if (table_) {
        read_row(line);
      }
    }
  }

 private:
  void read_comment(std::string_view line) {
    const std::vector<std::string_view> names = words(line);
    if (line.find("nThread") != std::string_view::npos) {  // A run begins.
      table_.reset();
      group_ = "";
      ranks_ = 0;
      ranks_told_ = parse_number<std::int64_t>(number_behind(line, "nRanks ")).value_or(0);
    } else if (names.size() > 2 && names[1] == "Rank") {
      read_rank(line);
    } else if (const auto table = header(names)) {
      table_ = table;
    } else if (table_ && names.size() > 2 && names[1] == "(B)") {
      const auto is_time = [](std::string_view name) { return name == "(us)" || name == "(ms)" || name == "(s)"; };
      const auto unit = std::find_if(names.begin(), names.end(), is_time);
      table_->us_per_unit = unit == names.end() || *unit == "(us)" ? 1 : *unit == "(ms)" ? 1e3 : 1e6;
    } else if (line.find("Out of bounds") != std::string_view::npos || line.find("Avg bus") != std::string_view::npos) {
      table_.reset();
    }
  }

  //   #  Rank  0 Group  0 Pid 1234 on node0 device  0 [0x1b] NVIDIA H100 80GB HBM3
  void read_rank(std::string_view line) {
    const auto at = line.find("Group ");
    const auto rest = at == std::string_view::npos ? std::vector<std::string_view>{} : words(line.substr(at));
    const std::string_view group = rest.size() > 1 ? rest[1] : std::string_view("0");
    if (ranks_ == 0) group_ = group;
    if (group != group_) return;  // Communicators side by side are of one size.
    ++ranks_;
    const auto bracket = line.rfind("] ");
    if (bracket != std::string_view::npos) rows_.set_about("device", std::string(trimmed(line.substr(bracket + 2))));
  }

  void read_row(std::string_view line) {
    const std::vector<std::string_view> fields = words(line);
    const auto bytes = parse_number<std::int64_t>(fields.front());
    if (!bytes) {
      if (line.find("NCCL") == std::string_view::npos) skip("no row of the table: \"" + shorten_text(line) + "\"");
      return;
    }
    if (fields.size() != table_->columns) {
      return skip(fmt::format("{} columns, and the header has {}", fields.size(), table_->columns));
    }
    if (table_->cpu_time) return skip("the time of the CPU, not of the collective (-C 1)");
    const auto time = parse_number<double>(fields[table_->time]);
    if (!time || !std::isfinite(*time)) return skip("time \"" + shorten_text(fields[table_->time]) + "\"");
    if (table_->wrong) {
      const std::string_view wrong = fields[*table_->wrong];
      const auto count = parse_number<double>(wrong);
      if (wrong != "N/A" && !count) return skip("#wrong \"" + shorten_text(wrong) + "\"");
      if (count && is_wrong(*count)) return skip(fmt::format("#wrong is {}: the result is not right", wrong));
    }
    if (*bytes == 0) return skip("0 bytes");
    add(fields, *time);
  }

  // Early versions print the largest error instead of the count of wrong values.
  static bool is_wrong(double count) { return !(count < 1e-2); }

  void add(const std::vector<std::string_view>& fields, double time) {
    RowFields row{{"library", "nccl"}, {"bytes", std::string(fields.front())}};
    row["time_us"] = fmt::format("{}", time * table_->us_per_unit);
    if (program_ != nullptr) {
      if (program_->kernel.empty()) return skip(fmt::format("measurement files have no {}", program_->name));
      row["kernel"] = program_->kernel;
    } else if (rows_.value_of("kernel").empty()) {
      return skip("nothing says which collective this is; --set kernel=... can");
    }
    const std::int64_t ranks = ranks_ > 0 ? ranks_ : ranks_told_;
    if (ranks == 1) return skip("one rank alone exchanges nothing");
    if (ranks > 0) row["ranks"] = std::to_string(ranks);
    rows_.add(lines_.place(), std::move(row));
  }

  void skip(const std::string& reason) { rows_.skip(lines_.place(), reason); }

  LogLines lines_;
  ImportedRows& rows_;
  const Program* program_ = nullptr;
  std::optional<Table> table_;
  std::string group_;
  std::int64_t ranks_ = 0;       // Lines "Rank".
  std::int64_t ranks_told_ = 0;  // "nRanks" of the first line, in some versions.
};

bool looks_like_nccl_tests(std::string_view text) {
  return text.find("algbw") != std::string_view::npos && text.find("busbw") != std::string_view::npos;
}

void read_nccl_tests(std::string_view text, const std::string& where, ImportedRows& rows) {
  Reader(text, where, rows).read();
}

}  // namespace

const ImportFormat kNcclTestsFormat = {"nccl-tests", "text output of all_reduce_perf, alltoall_perf and their like",
                                       looks_like_nccl_tests, read_nccl_tests};

}  // namespace moesim

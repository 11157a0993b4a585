#include "validate/probes/host/journal.hpp"

#include <cstdio>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/error.hpp"
#include "scenarios/json_reader.hpp"
#include "scenarios/text_file.hpp"

namespace moesim::probe {

namespace {

// The path, unless there is a journal with points that would be lost.
std::string free_path(std::string path) {
  std::ifstream earlier(path);
  std::int64_t points = -1;  // The first line is the header.
  for (std::string line; std::getline(earlier, line) && !earlier.eof();) ++points;
  if (points > 0) {
    throw InputError(fmt::format(
        "{0}: found {1} points of an earlier run, expected no such file: --finish {0} makes a file of them; delete it "
        "after that, or to discard them",
        path, points));
  }
  return path;
}

}  // namespace

Journal::Journal(std::string path, const ProbeFile& header) : path_(free_path(std::move(path))), out_(path_) {
  out_ << probe_header_json(header).dump() << '\n' << std::flush;
  if (!out_) throw InputError(path_ + ": cannot be written");
}

void Journal::append(const ProbePoint& point) {
  out_ << probe_point_json(point).dump() << '\n' << std::flush;
  if (!out_) throw InputError(path_ + ": cannot be written");
}

void Journal::remove() {
  out_.close();
  std::remove(path_.c_str());
}

ProbeFile recover(const std::string& path) {
  const std::string text = read_text_file(path);
  std::string_view rest = text;
  int number = 0;
  ProbeFile file;
  for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    ++number;
    const std::string where = fmt::format("{}:{}", path, number);
    const nlohmann::json line = parse_json(rest.substr(0, end), where);
    if (number == 1) {
      file = parse_probe_header(line, where);
    } else {
      file.points.push_back(parse_probe_point(line, where, ""));
    }
  }
  if (number == 0) throw InputError(path + ": found no line, expected the journal of a run of moesim-probe");
  file.state = "recovered";
  return file;
}

}  // namespace moesim::probe

#include <optional>

#include <fmt/format.h>

#include "scenarios/json_text.hpp"
#include "validate/import/import_format.hpp"
#include "validate/import/repeats.hpp"
#include "validate/import/text_scan.hpp"

namespace moesim {
namespace {

constexpr std::string_view kBest = "[tuning] Best ";
constexpr std::string_view kDispatch = "Dispatch bandwidth:";
constexpr std::string_view kCombine = "Combine bandwidth:";

// Lines that have times of another kind. Each is named once, with how many there are.
struct OtherTimes {
  std::string_view mark;
  std::string_view what;
  std::string place = "";
  std::int64_t lines = 0;
};

class Reader {
 public:
  Reader(std::string_view text, const std::string& where, ImportedRows& rows) : lines_(text, where), rows_(rows) {}

  void read() {
    while (lines_.next()) {
      // Ranks that print at once may share a line.
      std::string_view rest = lines_.line();
      while (!rest.empty()) {
        const auto next = rest.find("[rank ", 1);
        read_part(rest.substr(0, next));
        rest = next == std::string_view::npos ? std::string_view() : rest.substr(next);
      }
    }
    low_latency_.move_to(rows_);
    for (const OtherTimes& other : others_) {
      if (other.lines > 0) rows_.skip(other.place, fmt::format("{}: {} lines left out", other.what, other.lines));
    }
  }

 private:
  void read_part(std::string_view part) {
    read_shape(part);
    const auto best = part.find(kBest);
    if (best != std::string_view::npos) return read_best(part.substr(best + kBest.size()));
    const auto dispatch = part.find(kDispatch);
    const auto combine = part.find(kCombine);
    if (dispatch != std::string_view::npos) read_low_latency("dispatch", part.substr(dispatch, combine - dispatch));
    if (combine != std::string_view::npos) read_low_latency("combine", part.substr(combine));
    for (OtherTimes& other : others_) {
      if (part.find(other.mark) == std::string_view::npos) continue;
      if (other.lines == 0) other.place = lines_.place();
      ++other.lines;
    }
  }

  //   [config] num_tokens=4096, hidden=7168, num_topk_groups=2, num_topk=8
  void read_shape(std::string_view part) {
    if (part.find("[config]") == std::string_view::npos && part.find("num_tokens=") == std::string_view::npos) return;
    for (const auto& [label, column] : {std::pair<std::string_view, const char*>{"num_tokens=", "tokens"},
                                        {"hidden=", "hidden"},
                                        {"num_topk=", "top_k"},
                                        {"num_experts=", "experts"},
                                        {"num_ranks=", "ranks"}}) {
      const std::string_view value = number_behind(part, label);
      if (!value.empty()) shape_[column] = value;
    }
  }

  //   dispatch (FP8): SMs 24, NVL chunk 20, RDMA chunk 16: 229 + 1391 us, 43.36 GB/s (RDMA), 141.61 GB/s (NVL)
  // The first of two times is of the notification that comes before.
  void read_best(std::string_view line) {
    RowFields row = shape_;
    row["library"] = "deepep";
    const bool combine = line.substr(0, 7) == "combine";
    if (!combine && line.substr(0, 8) != "dispatch") return skip("best of what: \"" + shorten_text(line) + "\"");
    row["kernel"] = combine ? "combine" : "dispatch";
    const bool fp8 = line.find("(FP8)") != std::string_view::npos;
    if (!combine && !fp8 && line.find("(BF16)") == std::string_view::npos) return skip("neither FP8 nor BF16");
    row["dtype"] = fp8 ? "fp8_block" : "bf16";
    row["sms"] = number_behind(line, "SMs ");
    std::string_view time = number_behind(line, "transmit: ");
    if (time.empty()) time = number_before(line, " us");
    if (time.empty()) return skip("a bandwidth without a time");
    row["time_us"] = time;
    rows_.add(lines_.place(), std::move(row));
  }

  //   Dispatch bandwidth: 40.03 GB/s, avg_t=98.19 us
  void read_low_latency(const char* kernel, std::string_view line) {
    const auto time = parse_number<double>(number_behind(line, "avg_t="));
    if (!time || line.find(" us") == std::string_view::npos) {
      return skip(fmt::format("{} without avg_t=... us", kernel));
    }
    RowFields row = shape_;
    row["library"] = "deepep-low-latency";
    row["kernel"] = kernel;
    row["dtype"] = row["kernel"] == "combine" ? "bf16" : "fp8_block";
    row["sms"] = "0";
    low_latency_.add(lines_.place(), row, *time);
  }

  void skip(const std::string& reason) { rows_.skip(lines_.place(), reason); }

  LogLines lines_;
  ImportedRows& rows_;
  RowFields shape_;
  Repeats low_latency_;  // Over the ranks.
  OtherTimes others_[2] = {{"Dispatch + combine bandwidth:", "dispatch and combine in one time"},
                           {"Dispatch send/recv time:", "the halves of sending and receiving, with a hook between"}};
};

bool looks_like_deepep(std::string_view text) {
  return text.find(kBest) != std::string_view::npos || text.find(kDispatch) != std::string_view::npos ||
         text.find("Dispatch + combine bandwidth:") != std::string_view::npos;
}

void read_deepep(std::string_view text, const std::string& where, ImportedRows& rows) {
  Reader(text, where, rows).read();
}

}  // namespace

const ImportFormat kDeepEpFormat = {"deepep", "logs of DeepEP's test_intranode, test_internode and test_low_latency",
                                    looks_like_deepep, read_deepep};

}  // namespace moesim

#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "sim/card.hpp"

namespace moesim {

// What a source published: a number of a run's JSON, by its pointer, or one of these. Bandwidths are bytes of a rank,
// copies that stay where they are included, over the time: DeepEP counts so (docs/models/exchange.md).
//
//   time_us
//   node_copies_gb_per_s     of one copy for each distinct node of a token: "RDMA" bandwidth
//   rank_copies_gb_per_s     of one copy for each distinct rank: "NVLink" bandwidth
//   bus_bandwidth_gb_per_s   of a collective
struct Quantity {
  std::string name;
  std::string unit;
  double scale = 1;  // Published units over those of the JSON.
};

enum class RowUse {
  fitted,     // A constant of the library's card was fitted on it.
  predicted,  // Judged.
  set_aside,  // Faulty in the source.
  repeated,   // Says nothing new: another row's figure again, or the setup of fitted rows on a card alike.
};

// One published figure and the scenario that stands for it.
struct PublishedRow {
  std::string id;      // In its file: "A0027".
  std::string file;    // "deepep-low-latency-h800"
  std::string source;  // Where it was published.
  std::string setup;   // What tells it from the file's others: "ep 16, dispatch".
  std::string reason;  // Why it is not judged: set aside or repeated.
  RowUse use = RowUse::predicted;
  Quantity quantity;
  double published = 0;
  Scenario scenario;
  bool runs = true;  // False where a row that is set aside describes no scenario; then `scenario` is the file's.

  std::string group;  // What errors are summed up by: the library's card, or "no library"; else the file.
};

// Published figures of one sort, `moesim validate NAME`.
struct Suite {
  std::string_view name;             // "network"
  std::string_view title;            // Of its report.
  std::string_view help;             // One line.
  std::string_view group;            // What a group is called: "library".
  std::span<const Card> (*files)();  // validate/reference/NAME, compiled in.
  // The bar: errors of all rows that were neither fitted, nor set aside, nor repeated.
  double median_band = 0.1;
  double p90_band = 0.2;
  bool has_fit = false;  // Of libraries' constants.
};
std::span<const Suite> suites();
const Suite& suite_named(std::string_view name);

// The rows of a suite: files by name, rows in their order. Parsing is strict.
std::vector<PublishedRow> published_rows(const Suite& suite);
std::vector<PublishedRow> read_published_rows(const std::string& text, const std::string& where);

// The published quantity, of a run of the row's scenario.
double computed(const PublishedRow& row, const RunResult& result);

}  // namespace moesim

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

// What a source published of an exchange. Bandwidths are bytes of a rank, copies that stay where they are included,
// over the time: DeepEP counts so (docs/models/exchange.md).
enum class NetworkQuantity {
  time_us,
  node_copies_gb_per_s,    // Of one copy for each distinct node of a token: "RDMA" bandwidth.
  rank_copies_gb_per_s,    // Of one copy for each distinct rank: "NVLink" bandwidth.
  bus_bandwidth_gb_per_s,  // Of a collective.
};

enum class RowUse {
  fitted,     // A constant of the library's card was fitted on it.
  predicted,  // Judged.
  set_aside,  // Faulty in the source.
  repeated,   // Says nothing new: another row's figure again, or the setup of fitted rows on a card alike.
};

// One published figure and the scenario that stands for it.
struct NetworkRow {
  std::string id;      // In its file: "A0027".
  std::string file;    // "deepep-low-latency-h800"
  std::string source;  // Where it was published.
  std::string setup;   // What tells it from the file's others: "ep 16, dispatch".
  std::string reason;  // Why it is not judged: set aside or repeated.
  RowUse use = RowUse::predicted;
  NetworkQuantity quantity = NetworkQuantity::time_us;
  double published = 0;
  Scenario scenario;
  bool runs = true;  // False where a row that is set aside describes no scenario; then `scenario` is the file's.

  // The library's card, or "no library".
  std::string group() const;
};

// The rows of validate/reference/network, compiled in: files by name, rows in their order. Parsing is strict.
std::vector<NetworkRow> network_rows();
std::vector<NetworkRow> read_network_rows(const std::string& text, const std::string& where);

// The files as they are compiled in.
std::span<const Card> network_reference();

// The published quantity, of a run of the row's scenario.
double computed(const NetworkRow& row, const RunResult& result);

std::string_view unit(NetworkQuantity quantity);  // "us" or "GB/s"

}  // namespace moesim

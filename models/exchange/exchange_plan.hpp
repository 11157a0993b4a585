#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "models/data_type.hpp"
#include "models/rank_layout.hpp"
#include "models/routing/routed_batch.hpp"
#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace moesim {

// How token copies travel between ranks: the `dispatch.algorithm` of a scenario.
enum class ExchangeAlgorithm { direct, pairwise, rank_dedup, two_hop, low_latency, all_gather };
std::optional<ExchangeAlgorithm> exchange_algorithm(std::string_view name);
std::string_view name(ExchangeAlgorithm algorithm);

// One message between two ranks. It leaves when its rank has its data (the rank's own start of the exchange) and when
// the messages that it waits for have arrived. The network decides how long it takes.
struct Message {
  RankId source;
  RankId destination;
  Bytes bytes;
  std::int32_t multiplicity = 1;    // Identical messages in a row between the pair (per-token messages), told as one.
  std::int32_t first_wait = 0;      // waits[first_wait, first_wait + num_waits): indices of earlier messages.
  std::int32_t num_waits = 0;
  bool waits_for_source = true;     // Also waits until `source` has started the exchange.
};

// Everything one exchange (a dispatch or a combine) puts on the wire. Messages stand after those that they wait for.
// A rank is done when every message to it has arrived.
struct ExchangePlan {
  std::vector<Message> messages;
  std::vector<std::int32_t> waits;
  Picoseconds message_overhead;          // Start-up cost of every message at its sender.
  std::optional<Bandwidth> message_rate_cap;  // What one message can reach, whatever the links allow.
};

// What crosses the wire, for reports and conservation checks.
struct ExchangeTraffic {
  std::int64_t copies = 0;           // Token copies that leave their rank (two_hop: their node), counted once each.
  double elements_remote = 0;        // copies * hidden
  double elements_closed_form = 0;   // The same expected of uniform routing, by the design's closed form
  Bytes bytes_scale_up;              // Bytes of all messages inside a node
  Bytes bytes_scale_out;             // Bytes of all messages between nodes
};

}  // namespace moesim

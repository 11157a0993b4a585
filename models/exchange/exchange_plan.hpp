#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "models/exchange/wire_format.hpp"
#include "models/rank_layout.hpp"
#include "models/routing/routed_batch.hpp"
#include "sim/flow_network.hpp"
#include "sim/ids.hpp"
#include "sim/units.hpp"

namespace moesim {

// How token copies travel between ranks: the `dispatch.algorithm` of a scenario.
enum class ExchangeAlgorithm { direct, pairwise, rank_dedup, two_hop, low_latency, all_gather };
std::optional<ExchangeAlgorithm> exchange_algorithm(std::string_view name);
std::string_view name(ExchangeAlgorithm algorithm);

enum class ExchangeDirection {
  dispatch,  // Token copies go from the tokens' ranks to the experts' ranks.
  combine,   // Results go back: the mirror, message for message.
};

// One message between two ranks. It leaves when its rank has its data (the rank's own start of the exchange) and when
// the messages that it waits for have arrived. The network decides how long it takes.
struct Message {
  RankId source;
  RankId destination;
  Bytes bytes;                    // Of each of `multiplicity` messages. 0 is a signal: it costs latency alone.
  Picoseconds lead = {};          // What passes before its first byte leaves, once nothing is waited for any more.
  Picoseconds pacing = {};        // The sender cannot hand a message over in less: its rate is at most bytes / pacing.
  std::int32_t multiplicity = 1;  // Identical messages between the pair (one a token), told as one.
  std::int32_t first_wait = 0;    // waits[first_wait, first_wait + num_waits): indices of earlier messages.
  std::int32_t num_waits = 0;
  bool waits_for_source = true;  // Also waits until `source` has started the exchange; false where a wait implies it.
};

// Everything one exchange (a dispatch or a combine) puts on the wire. Messages stand after those that they wait for.
// A rank is done when every message to it has arrived.
struct ExchangePlan {
  std::vector<Message> messages;
  std::vector<std::int32_t> waits;
  Picoseconds message_overhead = {};               // Start-up cost of every message at its sender.
  std::optional<Bandwidth> message_rate_cap = {};  // What one message can reach, whatever the links allow.
};

// A protocol for short messages: quick to start, slow to carry.
struct EagerProtocol {
  Picoseconds launch;  // In place of ExchangeOptions::launch.
  Bandwidth rate;      // Of one message.
};

struct ExchangeOptions {
  // What posting one message costs its sender. `low_latency` pays it for every token copy, one after another; the bulk
  // algorithms once a message.
  Picoseconds message_overhead = {};
  std::optional<Bandwidth> message_rate_cap = {};
  // two_hop and all_gather cut what goes from a rank to a node into at most this many pieces, so that a piece is
  // forwarded while the next one arrives. 1 is store-and-forward.
  int pipeline_chunks = 4;
  // ... but never into pieces of fewer copies, since each piece costs a latency.
  std::int64_t min_chunk_copies = 32;
  // Static shapes, as compilers of the GShard line produce: every (source rank, expert) buffer goes over the wire with
  // this many slots, filled or not. Only where supports_padding().
  std::optional<std::int64_t> padded_slots_per_expert = {};

  // What a library's kernels add to the wire (models/exchange/library.hpp).
  Picoseconds launch = {};          // From the call to the first byte, and from the last byte to the end.
  Picoseconds least_transfer = {};  // What lies between is not less than this.
  // What a signal takes: low_latency tells every expert (combine: every source rank) of another node that all is sent,
  // two_hop every other node how much is to come.
  Picoseconds signal = {};
  // Copies that the kernels of a rank write in a second. two_hop and rank_dedup; docs/models/exchange.md says which.
  std::optional<Bandwidth> copy_rate = {};
  // Rings of collectives: what a rank's kernels copy inside its own memory in a second. The last step of a ring only
  // copies what has come, and holds the multiprocessors that send.
  std::optional<Bandwidth> local_copy_rate = {};
  std::optional<EagerProtocol> eager = {};  // direct, pairwise: taken wherever it is over before `launch` is.
};

// Whether the algorithm sends one buffer for each (source rank, expert), which is what can be padded.
bool supports_padding(ExchangeAlgorithm algorithm);

// The messages of one exchange of `batch`. docs/models/exchange.md gives each algorithm's wire and its sources.
ExchangePlan plan_exchange(ExchangeAlgorithm algorithm, ExchangeDirection direction, const RoutedBatch& batch,
                           const WireFormat& format, const ExchangeOptions& options = {});

// The flow that carries `message`: bytes, multiplicity, start-up, and the tighter of the plan's and the pacing's cap.
FlowSpec flow_spec(const ExchangePlan& plan, const Message& message, RouteId route);

// Bytes of all messages that end at each rank, forwarded ones too: received[ranks].
std::vector<Bytes> received_bytes(const ExchangePlan& plan, int ranks);

// What crosses the wire, for reports and conservation checks.
struct ExchangeTraffic {
  std::int64_t copies = 0;          // Token copies that leave their rank (two_hop: their node), counted once each.
  double elements_remote = 0;       // copies * hidden
  double elements_closed_form = 0;  // The same expected of uniform routing, by the design's closed form
  Bytes bytes_scale_up;             // Bytes of all messages inside a node
  Bytes bytes_scale_out;            // Bytes of all messages between nodes
};

// `plan` is plan_exchange(algorithm, ..., batch, format, ...). Padding shows in the bytes, not in the copies.
// `nodes_kept`: what node-limited routing keeps a token to.
ExchangeTraffic measure(const ExchangePlan& plan, ExchangeAlgorithm algorithm, const RoutedBatch& batch,
                        const WireFormat& format, int top_k, std::optional<int> nodes_kept = std::nullopt);

}  // namespace moesim

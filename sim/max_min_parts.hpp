#pragma once

#include <cstdint>
#include <vector>

#include "sim/finish_heap.hpp"
#include "sim/ids.hpp"

namespace moesim {

// A flow whose links are given to others a little before it ends.
struct EarlyRelease {
  std::int32_t flow;
  double finish;
};

// What MaxMinShares keeps of links and flows.
struct MaxMinParts {
  using Constraint = std::int32_t;  // Links first, then one that binds nothing, then rate caps.
  static constexpr std::int32_t kNone = -1;

  // A flow on a link that is not its bottleneck.
  struct Elsewhere {
    std::int32_t flow;
    std::uint32_t place;  // Where in places_ the index of this entry is kept.
  };

  // What a visit to a link's level is decided by; kept together, since every change goes over many links.
  struct Balance {
    double slack;     // bytes/s that its flows leave of its capacity.
    double low = 0;   // The link is put on the queue when `slack` leaves this range; one that is on it already, or
    double high = 0;  // has a level that never changes, is closed: its range is all numbers.
    double highest_elsewhere = 0;  // No flow elsewhere is faster.
  };

  struct State {
    FinishHeap own;                    // The flows that have their bottleneck here.
    std::vector<Elsewhere> elsewhere;  // The others; not kept for caps.
    std::int64_t weight = 0;           // Of the flows in `own`.
    double clock = 0;                  // Bytes that each of these has drained since there were none before,
    double clock_at = 0;               // up to this time.
    std::int32_t uneven = 0;           // Flows in `own` of more weight than 1 or more than two constraints.
    std::uint32_t visits = 0;
  };

  struct Flow {
    RouteId route;
    Constraint cap = kNone;
    std::uint32_t places = 0;  // Block in places_: for each link that counts, its index in the link's `elsewhere`.
    double bytes_left = 0;     // Of a part of weight 1, while the flow is in no heap.
    double begin = 0;          // Time.
  };

  // A flow that has ended and is still counted on its links.
  struct Kept {
    VirtualFinish entry;
    Constraint bottleneck;
  };

  // A flow that a link may gain or lose, and the other bottleneck that it has or would have, with its level.
  struct Candidate {
    std::int32_t flow;
    Constraint other;
    double level;
  };
};

}  // namespace moesim

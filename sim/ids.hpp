#pragma once

#include <compare>
#include <cstdint>

namespace moesim {

// An index that cannot be mistaken for another kind of index. Ids are dense: the n-th thing created has value n, so
// that they index vectors (`index()`).
template <class Tag>
struct Id {
  std::int32_t value = -1;  // -1 names nothing; it never leaves the object that it was left unset in.

  constexpr Id() = default;
  constexpr explicit Id(std::int64_t v) : value(static_cast<std::int32_t>(v)) {}
  constexpr std::size_t index() const { return static_cast<std::size_t>(value); }
  constexpr bool valid() const { return value >= 0; }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using RankId = Id<struct RankTag>;      // One process on one GPU (or TPU core); never a node.
using ExpertId = Id<struct ExpertTag>;  // A routed expert of one layer.
using LinkId = Id<struct LinkTag>;      // One direction of one physical link.
using RouteId = Id<struct RouteTag>;    // An ordered list of links, stored once in a FlowNetwork.
using FlowId = Id<struct FlowTag>;
using StreamId = Id<struct StreamTag>;
using TaskId = Id<struct TaskTag>;
using PhaseId = Id<struct PhaseTag>;

}  // namespace moesim

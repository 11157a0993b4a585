#include <algorithm>

#include "models/exchange/plan_builder.hpp"

namespace moesim::detail {
namespace {

// The i-th of `pieces` nearly equal parts of `copies`.
std::int64_t piece(std::int64_t copies, int i, int pieces) { return copies * (i + 1) / pieces - copies * i / pieces; }

// What goes from one rank to one other node.
struct NodeShare {
  RankId from;
  RankId forwarder;  // The rank on the same rail; of a short last node, the local index modulo its ranks.
  int first_rank;    // The node's ranks: [first_rank, last_rank).
  int last_rank;
  std::int64_t crossing;  // Copies over the NIC.
  int pieces;
  Picoseconds pacing;  // Of a piece that crosses: its part of the time that the kernels take for all of `from`.
};

NodeShare share(const ExchangeInput& input, RankId from, int node, std::int64_t crossing, Picoseconds kernels) {
  const RankLayout layout = input.batch.layout;
  const int first = node * layout.ranks_per_node;
  const int last = std::min(layout.ranks, first + layout.ranks_per_node);
  const std::int64_t most = crossing / std::max<std::int64_t>(1, input.options.min_chunk_copies);
  const auto pieces = std::clamp<std::int64_t>(most, 1, std::max(1, input.options.pipeline_chunks));
  return {.from = from,
          .forwarder = RankId{first + layout.local(from) % (last - first)},
          .first_rank = first,
          .last_rank = last,
          .crossing = crossing,
          .pieces = static_cast<int>(pieces),
          .pacing = {kernels.count / pieces}};
}

// A piece crosses when the one before it has; it is handed on as soon as it is there.
void add_dispatch(const ExchangeInput& input, const NodeShare& s, const CountMatrix& to_rank, PlanBuilder& builder) {
  std::int32_t crossed = -1;
  for (int i = 0; i < s.pieces; ++i) {
    const Bytes bytes = piece(s.crossing, i, s.pieces) * input.copy;
    crossed = i == 0 ? builder.add(s.from, s.forwarder, bytes) : builder.add(s.from, s.forwarder, bytes, {crossed});
    builder.message(crossed).pacing = s.pacing;
    for (int to = s.first_rank; to < s.last_rank; ++to) {
      const std::int64_t copies = piece(to_rank.at(s.from.value, to), i, s.pieces);
      if (RankId{to} != s.forwarder && copies > 0) {
        builder.add(s.forwarder, RankId{to}, copies * input.copy, {crossed});
      }
    }
  }
}

// The mirror: a piece crosses when the node's partial sums for it, and the piece before it, have arrived.
void add_combine(const ExchangeInput& input, const NodeShare& s, const CountMatrix& to_rank, PlanBuilder& builder) {
  std::vector<std::int32_t> handed(static_cast<std::size_t>(s.last_rank - s.first_rank), -1);
  std::int32_t crossed = -1;
  std::vector<std::int32_t> waits;
  for (int i = 0; i < s.pieces; ++i) {
    waits.clear();
    for (int to = s.first_rank; to < s.last_rank; ++to) {
      const std::int64_t copies = piece(to_rank.at(s.from.value, to), i, s.pieces);
      if (RankId{to} == s.forwarder || copies == 0) continue;
      std::int32_t& before = handed[static_cast<std::size_t>(to - s.first_rank)];
      const Bytes bytes = copies * input.copy;
      before = before < 0 ? builder.add(s.forwarder, RankId{to}, bytes)
                          : builder.add(s.forwarder, RankId{to}, bytes, {before});
      waits.push_back(before);
    }
    if (crossed >= 0) waits.push_back(crossed);
    crossed = builder.add(s.from, s.forwarder, piece(s.crossing, i, s.pieces) * input.copy, waits);
    builder.message(crossed).pacing = s.pacing;
  }
}

// Copies that a rank's multiprocessors write. One for each rank, its own included; in several nodes, dispatch also
// hands one for each node to the NIC, its own included, and combine sends the ranks' by half of the multiprocessors,
// while the others forward (DeepEP, csrc/kernels/internode.cu).
std::int64_t written(const ExchangeInput& input, int rank, const CountMatrix& to_node, const CountMatrix& to_rank) {
  const std::int64_t ranks = row_sum(to_rank, rank);
  if (input.batch.layout.nodes() == 1) return ranks;
  return input.direction == ExchangeDirection::dispatch ? ranks + row_sum(to_node, rank) : 2 * ranks;
}

// Before its first bytes a rank tells every other node what is to come.
void add_signals(const ExchangeInput& input, ExchangePlan& plan) {
  for (Message& message : plan.messages) {
    if (message.num_waits == 0) {
      message.lead += Picoseconds{(input.batch.layout.nodes() - 1) * input.options.signal.count};
    }
  }
}

}  // namespace

ExchangePlan plan_hierarchical(const ExchangeInput& input, const CountMatrix& to_node, const CountMatrix& to_rank) {
  const RankLayout layout = input.batch.layout;
  PlanBuilder builder(input);
  for (int rank = 0; rank < layout.ranks; ++rank) {
    const RankId from{rank};
    const Picoseconds kernels = copying(input, written(input, rank, to_node, to_rank));
    for (int node = 0; node < layout.nodes(); ++node) {
      const NodeShare s = share(input, from, node, to_node.at(rank, node), kernels);
      if (node == layout.node_of(from)) {
        for (int to = s.first_rank; to < s.last_rank; ++to) {
          const std::int64_t copies = to_rank.at(rank, to);
          if (to == rank || copies == 0) continue;
          const std::int32_t message = builder.add(from, RankId{to}, copies * input.copy);
          builder.message(message).pacing = kernels;
        }
      } else if (s.crossing > 0) {
        const bool dispatch = input.direction == ExchangeDirection::dispatch;
        dispatch ? add_dispatch(input, s, to_rank, builder) : add_combine(input, s, to_rank, builder);
      }
    }
  }
  ExchangePlan plan = builder.take();
  add_signals(input, plan);
  return plan;
}

}  // namespace moesim::detail

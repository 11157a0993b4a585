#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "models/exchange/exchange_plan.hpp"
#include "models/rank_layout.hpp"
#include "sim/units.hpp"

namespace moesim {

// What a group of ranks does together: the `workload.op` of a collective.
enum class CollectiveOp { all_reduce, all_gather, reduce_scatter, broadcast, send_recv };
std::optional<CollectiveOp> collective_op(std::string_view name);
std::string_view name(CollectiveOp op);
std::span<const std::string_view> collective_op_names();

// How: the `workload.algorithm` of a collective. docs/models/collectives.md has each one's messages and closed form.
enum class CollectiveAlgorithm {
  direct,        // Everybody to everybody at once; all_gather, reduce_scatter, all_reduce, broadcast, send_recv.
  ring,          // Each to the next, piece by piece; all but send_recv.
  tree,          // all_reduce: a double binary tree in chunks; broadcast: a binomial tree.
  hierarchical,  // all_reduce: reduce-scatter in the node, ring between nodes on every rail, all-gather in the node.
  in_network,    // all_reduce: switches add and copy.
};
std::optional<CollectiveAlgorithm> collective_algorithm(std::string_view name);
std::string_view name(CollectiveAlgorithm algorithm);
std::span<const std::string_view> collective_algorithm_names();

bool supports(CollectiveAlgorithm algorithm, CollectiveOp op);

struct CollectiveRequest {
  CollectiveOp op = CollectiveOp::all_reduce;
  CollectiveAlgorithm algorithm = CollectiveAlgorithm::ring;
  // S, as nccl-tests count it: of the whole vector. all_reduce, broadcast and send_recv have it on every rank that
  // takes part; all_gather ends with it and reduce_scatter begins with it.
  Bytes bytes;
  RankLayout layout;  // The group: all of its ranks take part. send_recv has two.
  int chunks = 16;    // Pieces that a tree and a ring's broadcast forward one after another.
  // Rings (double trees of an all_reduce) beside each other, each with an equal part of the bytes; they leave and enter
  // nodes by different ranks. At most ranks_per_node; in one node it is one, whatever this says.
  int channels = 1;
  RankId source{0};  // Of send_recv alone, and its destination.
  RankId destination{1};
};

// What a plan takes at most, without making it: double, since it is for refusing what is too large.
struct PlanSize {
  double messages = 0;
  double waits = 0;
};
PlanSize most_of_plan(const CollectiveRequest& request);

// The messages of one collective; rank 0 is the root of a broadcast. Sums take no time.
// Of `options`: launch, eager, local_copy_rate (ring), message_overhead, message_rate_cap.
ExchangePlan plan_collective(const CollectiveRequest& request, const ExchangeOptions& options = {});

// All-to-all-v: sizes [ranks, ranks] row-major, row = source; the diagonal stays where it is. All at once, or in
// ranks - 1 steps: in step j rank r sends to r + j, when its send and its receive of step j - 1 are over.
ExchangePlan plan_all_to_all(int ranks, std::span<const Bytes> sizes, bool in_steps,
                             const ExchangeOptions& options = {});

// Bus bandwidth over algorithm bandwidth (bytes / time), by the convention of nccl-tests (doc/PERFORMANCE.md).
double bus_factor(CollectiveOp op, int ranks);

}  // namespace moesim

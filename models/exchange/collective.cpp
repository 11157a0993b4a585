#include "models/exchange/collective.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "models/exchange/collective_plans.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::array<std::string_view, 5> kOps{"all_reduce", "all_gather", "reduce_scatter", "broadcast", "send_recv"};
constexpr std::array<std::string_view, 5> kAlgorithms{"direct", "ring", "tree", "hierarchical", "in_network"};

template <class Enum, std::size_t N>
std::optional<Enum> by_name(const std::array<std::string_view, N>& names, std::string_view wanted) {
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

ExchangePlan build(const CollectiveRequest& request, const ExchangeOptions& options) {
  detail::PlanBuilder builder(options);
  switch (request.algorithm) {
    case CollectiveAlgorithm::direct:
      detail::add_direct(request, builder);
      break;
    case CollectiveAlgorithm::ring:
      detail::add_ring(request, builder);
      break;
    case CollectiveAlgorithm::tree:
      detail::add_tree(request, builder);
      break;
    case CollectiveAlgorithm::hierarchical:
      detail::add_hierarchical(request, builder);
      break;
    case CollectiveAlgorithm::in_network:
      detail::add_in_network(request, builder);
      break;
  }
  return builder.take();
}

// The most bytes that follow one another, message after message.
Bytes longest_chain(const ExchangePlan& plan) {
  std::vector<Bytes> upto(plan.messages.size());
  Bytes longest;
  for (std::size_t i = 0; i < upto.size(); ++i) {
    const Message& message = plan.messages[i];
    for (std::int32_t w = 0; w < message.num_waits; ++w) {
      const std::int32_t wait = plan.waits[static_cast<std::size_t>(message.first_wait + w)];
      upto[i] = std::max(upto[i], upto[static_cast<std::size_t>(wait)]);
    }
    upto[i] += message.bytes;
    longest = std::max(longest, upto[i]);
  }
  return longest;
}

}  // namespace

std::optional<CollectiveOp> collective_op(std::string_view text) { return by_name<CollectiveOp>(kOps, text); }
std::string_view name(CollectiveOp op) { return kOps[static_cast<std::size_t>(op)]; }
std::span<const std::string_view> collective_op_names() { return kOps; }

std::optional<CollectiveAlgorithm> collective_algorithm(std::string_view text) {
  return by_name<CollectiveAlgorithm>(kAlgorithms, text);
}
std::string_view name(CollectiveAlgorithm algorithm) { return kAlgorithms[static_cast<std::size_t>(algorithm)]; }
std::span<const std::string_view> collective_algorithm_names() { return kAlgorithms; }

bool supports(CollectiveAlgorithm algorithm, CollectiveOp op) {
  switch (algorithm) {
    case CollectiveAlgorithm::direct:
      return true;
    case CollectiveAlgorithm::ring:
      return op != CollectiveOp::send_recv;
    case CollectiveAlgorithm::tree:
      return op == CollectiveOp::all_reduce || op == CollectiveOp::broadcast;
    case CollectiveAlgorithm::hierarchical:
    case CollectiveAlgorithm::in_network:
      return op == CollectiveOp::all_reduce;
  }
  MOESIM_CHECK(false, "collective algorithm {}", static_cast<int>(algorithm));
}

ExchangePlan plan_collective(const CollectiveRequest& request, const ExchangeOptions& options) {
  MOESIM_CHECK(supports(request.algorithm, request.op), "{} by {}", name(request.op), name(request.algorithm));
  MOESIM_CHECK(request.op != CollectiveOp::send_recv || request.layout.ranks == 2, "send_recv of {} ranks",
               request.layout.ranks);
  // One protocol for all messages. The short one where it would be over before the other begins, as for one message.
  ExchangeOptions protocol = options;
  protocol.eager.reset();
  ExchangePlan plan = build(request, protocol);
  if (!options.eager || options.eager->launch + longest_chain(plan) / options.eager->rate >= options.launch)
    return plan;
  protocol.launch = options.eager->launch;
  protocol.message_rate_cap = options.eager->rate;
  return build(request, protocol);
}

PlanSize most_of_plan(const CollectiveRequest& request) {
  const double ranks = request.layout.ranks;
  const double local = request.layout.ranks_per_node;
  const double rings = detail::channels(request);
  const bool twice = request.op == CollectiveOp::all_reduce;
  const double rounds = twice ? 2 : 1;
  switch (request.algorithm) {
    case CollectiveAlgorithm::direct:
      if (request.op == CollectiveOp::broadcast || request.op == CollectiveOp::send_recv) return {ranks, 0};
      return {rounds * ranks * (ranks - 1), twice ? ranks * (ranks - 1) * (ranks - 1) : 0};
    case CollectiveAlgorithm::ring: {
      const double steps = request.op == CollectiveOp::broadcast ? request.chunks : rounds * ranks;
      return {rings * steps * ranks, 2 * rings * steps * ranks};
    }
    case CollectiveAlgorithm::tree:
      if (!twice) return {ranks, ranks};
      // Up a rank waits for its children and the chunk before, down for its parent (at the root: all children).
      return {4 * rings * request.chunks * ranks, 2 * rings * request.chunks * 5 * ranks};
    case CollectiveAlgorithm::hierarchical: {
      const double steps = 2 * (request.layout.nodes() - 1);
      return {2 * ranks * (local - 1) + steps * ranks, ranks * local + 2 * steps * ranks + 2 * ranks * local * local};
    }
    case CollectiveAlgorithm::in_network:
      return {ranks, 0};
  }
  MOESIM_CHECK(false, "collective algorithm {}", static_cast<int>(request.algorithm));
}

double bus_factor(CollectiveOp op, int ranks) {
  const double others = static_cast<double>(ranks - 1) / ranks;
  switch (op) {
    case CollectiveOp::all_reduce:
      return 2 * others;
    case CollectiveOp::all_gather:
    case CollectiveOp::reduce_scatter:
      return others;
    case CollectiveOp::broadcast:
    case CollectiveOp::send_recv:
      return 1;
  }
  MOESIM_CHECK(false, "collective {}", static_cast<int>(op));
}

}  // namespace moesim

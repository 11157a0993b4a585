#include "models/exchange/collective.hpp"

#include <algorithm>
#include <array>

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

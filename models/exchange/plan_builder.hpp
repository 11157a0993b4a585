#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "models/exchange/exchange_plan.hpp"

namespace moesim::detail {

// What every algorithm starts from.
struct ExchangeInput {
  const RoutedBatch& batch;
  const ExchangeOptions& options;
  ExchangeDirection direction;
  Bytes copy;  // One token copy on the wire.
};

// Writes messages one by one. Ranks are told as dispatch sees them, `from` a token's rank `to` an expert's rank, and
// change sides for combine.
class PlanBuilder {
 public:
  explicit PlanBuilder(const ExchangeInput& input);
  explicit PlanBuilder(const ExchangeOptions& options);  // Ranks are told as they are.

  // Returns the message's index.
  std::int32_t add(RankId from, RankId to, Bytes bytes, std::span<const std::int32_t> waits = {});
  std::int32_t add(RankId from, RankId to, Bytes bytes, std::initializer_list<std::int32_t> waits) {
    return add(from, to, bytes, std::span<const std::int32_t>{waits.begin(), waits.size()});
  }
  // A message that a library's point-to-point call carries, which chooses its protocol by size.
  std::int32_t add_call(RankId from, RankId to, Bytes bytes, std::span<const std::int32_t> waits = {});
  // A rank copies `bytes` in its own memory before its first messages leave, where the options have a rate for it.
  void add_local_copy(RankId rank, Bytes bytes);
  Message& message(std::int32_t index) { return plan_.messages[static_cast<std::size_t>(index)]; }
  void reserve(std::size_t messages, std::size_t waits);
  ExchangePlan take();

 private:
  ExchangePlan plan_;
  ExchangeDirection direction_;
  Picoseconds launch_;
  std::optional<EagerProtocol> eager_;
  std::optional<Bandwidth> local_copy_rate_;
  std::vector<Picoseconds> local_copies_;  // By rank; short where the later ones have none.
};

// One message for each ordered pair of different ranks that has copies in `counts` [rank, rank], all at once.
ExchangePlan plan_pairs(const ExchangeInput& input, const CountMatrix& counts);

// What a rank's kernels take to write so many copies; no time without a limit.
Picoseconds copying(const ExchangeInput& input, std::int64_t copies);

std::int64_t row_sum(const CountMatrix& counts, int row);

// Copies of every pair in a padded exchange: the slots of all experts of a rank.
std::int64_t padded_copies(const ExchangeInput& input);

// One file an algorithm.
ExchangePlan plan_direct(const ExchangeInput& input);
ExchangePlan plan_pairwise(const ExchangeInput& input);
ExchangePlan plan_rank_dedup(const ExchangeInput& input);
ExchangePlan plan_two_hop(const ExchangeInput& input);
ExchangePlan plan_low_latency(const ExchangeInput& input);
ExchangePlan plan_all_gather(const ExchangeInput& input);

// Through one forwarder a node. Copies from each rank to each other node: to_node [rank, node]; of those, copies that
// each rank there needs: to_rank [rank, rank]. Inside the own node straight to each rank.
ExchangePlan plan_hierarchical(const ExchangeInput& input, const CountMatrix& to_node, const CountMatrix& to_rank);

}  // namespace moesim::detail

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/routing/alternatives.hpp"
#include "models/routing/batch_tally.hpp"
#include "models/routing/expert_groups.hpp"
#include "models/routing/layer_load.hpp"
#include "models/routing/logit_source.hpp"
#include "models/routing/route_batch.hpp"
#include "models/routing/routing_policy.hpp"
#include "models/routing/sequences.hpp"
#include "models/routing/streams.hpp"

namespace moesim {

// Takes the choices of tokens that are complete, as BatchTally::add() does.
using ChoiceSink = std::function<void(std::span<const BatchTally::Source>, const Choices&)>;

// Lets the tokens of a batch choose: who skips the layer, what each row (token, or part of one) chooses, and what a
// capacity makes of it, scope by scope. Keeps references to the router and the load.
class BatchRouter {
 public:
  BatchRouter(const RouterSpec& router, const ExpertGroups& groups, const LayerLoad& load, RoutingPath path);

  void route(const ChoiceSink& sink);

 private:
  // Among which rows a policy chooses, or a capacity counts.
  enum class Scope { block, sequence, rank, batch };
  // One of the two ways to draw for rows of one popularity.
  struct Drawer {
    std::optional<ExpertRace> race;
    std::unique_ptr<LogitSource> source;
  };
  enum class Sort { all, hot, skipped };  // Of a row.

  Scope scope_of() const;
  Drawer drawer(std::span<const double> popularity, const ExpertGroups& groups, bool sampled) const;
  void route_sequence(BatchTally::Source& source, const ChoiceSink& sink);
  void choose_skipped();
  Sort sort_of(std::int64_t row) const;
  std::int64_t choose_rows(std::int64_t first, std::int64_t end);
  void draw(Drawer& drawer, std::size_t rows);
  void take_rows(std::int64_t first, std::size_t rows);
  void choose_from_logits(detail::TokenRandom& random);
  std::unique_ptr<Alternatives> others() const;
  detail::TokenRandom random_of(detail::StreamUse use, std::int64_t block) const;
  void hand_over(std::span<const BatchTally::Source> sources, const ChoiceSink& sink);

  const RouterSpec& router_;
  const LayerLoad& load_;
  const RoutingPath path_;
  std::unique_ptr<RoutingPolicy> policy_;  // None where nothing is drawn.
  bool needs_all_tokens_ = false;
  Scope scope_ = Scope::block;
  Drawer all_;
  Drawer hot_;
  LogitBlock logits_;
  Choices choices_;

  std::size_t rank_ = 0;                       // Whose rows are being routed,
  Sequence sequence_;                          // which of its sequences,
  std::int64_t sequence_number_ = 0;           // counted on this rank,
  std::vector<char> kept_;                     // [its tokens] which are not skipped; empty: all,
  std::optional<detail::TokenRandom> random_;  // and the draws of the block.
  std::int64_t rows_before_ = 0;               // Of the ranks before.
  std::int64_t dealt_ = 0;                     // Rows that experts were dealt to.
};

}  // namespace moesim

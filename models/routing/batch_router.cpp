#include "models/routing/batch_router.hpp"

#include <algorithm>

#include "models/routing/capacity.hpp"

namespace moesim {

using detail::StreamUse;

BatchRouter::Scope BatchRouter::scope_of() const {
  if (!router_.capacity) return needs_all_tokens_ ? Scope::rank : Scope::block;
  switch (router_.capacity->scope) {
    case Capacity::Scope::batch:
      return Scope::batch;
    case Capacity::Scope::sequence:
      return Scope::sequence;
    case Capacity::Scope::rank:
      break;
  }
  return Scope::rank;
}

BatchRouter::BatchRouter(const RouterSpec& router, const ExpertGroups& groups, const LayerLoad& load, RoutingPath path)
    : router_(router), load_(load), path_(path) {
  const bool given = load.dealt || router.kind == RoutingKind::recorded;
  if (!given) policy_ = make_policy(router, groups);
  needs_all_tokens_ = policy_ && policy_->needs_all_tokens();
  scope_ = scope_of();
  choices_ = empty_choices(router);
  if (given) return;
  const bool sampled = path == RoutingPath::sampled && !draws_all_logits(router);
  all_ = drawer(load.popularity, groups, sampled);
  if (!load.hot_popularity.empty()) hot_ = drawer(load.hot_popularity, groups, sampled);
}

BatchRouter::Drawer BatchRouter::drawer(std::span<const double> popularity, const ExpertGroups& groups,
                                        bool sampled) const {
  Drawer result;
  if (sampled) {
    result.race.emplace(popularity, policy_->races_in_groups() ? groups : one_group(router_.num_experts));
  } else {
    result.source = path_ == RoutingPath::sampled ? make_sampled_logits(router_, popularity)
                                                  : make_feature_logits(router_, popularity, load_.gate_seed);
  }
  return result;
}

void BatchRouter::route(const ChoiceSink& sink) {
  std::vector<BatchTally::Source> sources;
  for (rank_ = 0; rank_ < load_.tokens_per_rank.size(); ++rank_) {
    sources.push_back({.rank = RankId{static_cast<std::int64_t>(rank_)}});
    sequence_number_ = 0;
    const std::int64_t tokens = load_.tokens_per_rank[rank_];
    for (const Sequence& sequence : sequences(router_, tokens)) {
      sequence_ = sequence;
      route_sequence(sources.back(), sink);
      ++sequence_number_;
    }
    sequence_number_ = 0;
    if (scope_ == Scope::rank) hand_over(std::span(&sources.back(), 1), sink);
    rows_before_ += tokens * router_.sub_tokens.parts;
  }
  rank_ = 0;
  if (scope_ == Scope::batch) hand_over(sources, sink);
}

// Adds what the sequence has to `source`; hands it over where the scope is no larger.
void BatchRouter::route_sequence(BatchTally::Source& source, const ChoiceSink& sink) {
  choose_skipped();
  const std::int64_t parts = router_.sub_tokens.parts;
  const std::int64_t last = (sequence_.first + sequence_.tokens) * parts;
  const bool at_once = scope_ == Scope::block || scope_ == Scope::sequence;
  BatchTally::Source part{.rank = source.rank, .rows = 0, .skipped = sequence_.tokens - sequence_.kept};
  for (std::int64_t row = sequence_.first * parts; row < last;) {
    const std::int64_t block = row / detail::kTokensPerBlock;
    if (row % detail::kTokensPerBlock == 0) random_ = random_of(StreamUse::tokens, block);
    const std::int64_t end = std::min(last, (block + 1) * detail::kTokensPerBlock);
    part.rows += choose_rows(row, end);
    row = end;
    if (scope_ != Scope::block) continue;
    hand_over(std::span(&part, 1), sink);
    part.rows = part.skipped = 0;
  }
  if (scope_ == Scope::sequence) hand_over(std::span(&part, 1), sink);
  if (at_once) return;
  source.rows += part.rows;
  source.skipped += part.skipped;
}

void BatchRouter::choose_skipped() {
  kept_.clear();
  if (sequence_.kept == sequence_.tokens) return;
  detail::TokenRandom random = random_of(StreamUse::depth, sequence_number_);
  kept_ = path_ == RoutingPath::sampled ? kept_by_counting(sequence_, random) : kept_by_scores(sequence_, random);
}

BatchRouter::Sort BatchRouter::sort_of(std::int64_t row) const {
  const std::int64_t token = row / router_.sub_tokens.parts;
  if (!kept_.empty() && kept_[static_cast<std::size_t>(token - sequence_.first)] == 0) return Sort::skipped;
  return load_.is_hot(token) ? Sort::hot : Sort::all;
}

// Rows of the rank from `first` to `end`, all of one block; says how many of them go through the layer.
std::int64_t BatchRouter::choose_rows(std::int64_t first, std::int64_t end) {
  const bool alike = kept_.empty() && load_.hot_popularity.empty();
  std::int64_t rows = 0;
  for (std::int64_t row = first; row < end;) {
    const Sort sort = alike ? Sort::all : sort_of(row);
    std::int64_t stop = alike ? end : row + 1;
    while (stop < end && sort_of(stop) == sort) ++stop;
    const auto count = static_cast<std::size_t>(stop - row);
    if (sort != Sort::skipped) {
      rows += stop - row;
      if (policy_) {
        draw(sort == Sort::hot ? hot_ : all_, count);
      } else {
        take_rows(rows_before_ + row, count);
      }
    }
    row = stop;
  }
  if (!needs_all_tokens_ && !logits_.logits.empty()) choose_from_logits(*random_);
  return rows;
}

void BatchRouter::draw(Drawer& drawer, std::size_t rows) {
  if (drawer.race) {
    policy_->sample(*drawer.race, rows, *random_, choices_);
  } else {
    drawer.source->append(rows, *random_, logits_);
  }
}

// Choices that are not drawn. `first` counts rows over all ranks. They have no scores: all of them weigh the same.
void BatchRouter::take_rows(std::int64_t first, std::size_t rows) {
  const auto k = static_cast<std::size_t>(router_.top_k);
  std::size_t slot = choices_.append(rows, router_.top_k);
  for (std::size_t r = 0; r < rows; ++r, slot += k) {
    for (std::size_t i = 0; i < k; ++i) {
      const std::int64_t in_turn = dealt_ * router_.top_k + static_cast<std::int64_t>(i);
      choices_.experts[slot + i] =
          load_.dealt ? static_cast<std::int32_t>(in_turn % router_.num_experts)
                      : router_.recorded->row(load_.step, load_.layer, first + static_cast<std::int64_t>(r))[i];
      if (choices_.with_shares) choices_.shares[slot + i] = 1 / static_cast<float>(router_.top_k);
    }
    ++dealt_;
  }
}

void BatchRouter::choose_from_logits(detail::TokenRandom& random) {
  policy_->choose(logits_, random, choices_);
  logits_.logits.clear();
  logits_.noise_logits.clear();
}

std::unique_ptr<Alternatives> BatchRouter::others() const {
  if (!choices_.with_rest) return nullptr;
  if (!all_.race) return alternatives_from_scores(router_, choices_);
  return alternatives_from_race(router_, load_.popularity, choices_, random_of(StreamUse::scope, sequence_number_));
}

detail::TokenRandom BatchRouter::random_of(StreamUse use, std::int64_t block) const {
  return {load_.seed, detail::stream_of(use, rank_, static_cast<std::uint64_t>(block))};
}

// The scope is complete: what had to wait for all its rows, and then the counts.
void BatchRouter::hand_over(std::span<const BatchTally::Source> sources, const ChoiceSink& sink) {
  std::int64_t rows = 0;
  std::int64_t skipped = 0;
  for (const BatchTally::Source& source : sources) {
    rows += source.rows;
    skipped += source.skipped;
  }
  if (rows == 0 && skipped == 0) return;
  if (rows > 0 && needs_all_tokens_) {
    detail::TokenRandom random = random_of(StreamUse::scope, sequence_number_);
    choose_from_logits(random);
  } else if (rows > 0 && router_.capacity) {
    enforce_capacity(router_, capacity_slots(router_, rows), choices_, others().get());
  }
  sink(sources, choices_);
  choices_.clear();
}

}  // namespace moesim

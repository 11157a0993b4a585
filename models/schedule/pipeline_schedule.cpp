#include "models/schedule/pipeline_schedule.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "models/schedule/rank_program.hpp"
#include "sim/check.hpp"

namespace moesim {

namespace {

constexpr std::array<std::string_view, 7> kNames = {"gpipe", "1f1b",     "interleaved", "zb_h1",
                                                    "zb_v",  "dualpipe", "dualpipe_v"};

// Of all ranks together: what, with its times, 2 GB hold.
constexpr std::int64_t kMostSlots = 30'000'000;

std::vector<PipelineSlot> rank_slots(const PipelineSpec& spec, int rank) {
  switch (spec.kind) {
    case PipelineKind::gpipe:
      return gpipe_slots(spec);
    case PipelineKind::one_f_one_b:
      return one_f_one_b_slots(spec, rank);
    case PipelineKind::interleaved:
      return interleaved_slots(spec, rank);
    case PipelineKind::zero_bubble_h1:
      return zero_bubble_h1_slots(spec, rank);
    case PipelineKind::zero_bubble_v:
      return zero_bubble_v_slots(spec, rank);
    case PipelineKind::dualpipe:
    case PipelineKind::dualpipe_v:
      return dualpipe_slots(spec, rank);
  }
  MOESIM_CHECK(false, "no pipeline kind {}", static_cast<int>(spec.kind));
}

std::optional<std::string> why_not_interleaved(const PipelineSpec& spec) {
  if (spec.ranks < 2) return "interleaved takes at least 2 ranks";
  if (spec.chunks_per_rank < 2) return "interleaved takes at least 2 chunks_per_rank; with 1 it is 1f1b";
  if (spec.micro_batches % spec.ranks != 0) {
    const std::int64_t below = spec.micro_batches / spec.ranks * std::int64_t{spec.ranks};
    const std::string nearest = below > 0 ? fmt::format("{} or ", below) : "";
    return fmt::format("interleaved takes a multiple of its {} ranks as micro_batches, such as {}{}", spec.ranks,
                       nearest, below + spec.ranks);
  }
  return {};
}

std::optional<std::string> why_not_dualpipe(const PipelineSpec& spec) {
  const bool folded = spec.kind == PipelineKind::dualpipe_v;
  if (!folded && spec.ranks % 2 != 0) return "dualpipe takes an even number of ranks: two meet in the middle";
  if (!folded && spec.micro_batches % 2 != 0) {
    return "dualpipe takes an even number of micro_batches: half of them enter at either end";
  }
  if (spec.micro_batches < 2 * std::int64_t{spec.ranks}) {
    return fmt::format("{} takes at least 2 micro_batches a rank, here {}", name(spec.kind),
                       2 * std::int64_t{spec.ranks});
  }
  return {};
}

}  // namespace

std::optional<PipelineKind> pipeline_kind(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return {};
  return static_cast<PipelineKind>(found - kNames.begin());
}

std::string_view name(PipelineKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::span<const std::string_view> pipeline_kind_names() { return kNames; }

std::optional<int> chunks_of(PipelineKind kind) {
  switch (kind) {
    case PipelineKind::interleaved:
      return {};
    case PipelineKind::zero_bubble_v:
    case PipelineKind::dualpipe:
    case PipelineKind::dualpipe_v:
      return 2;
    case PipelineKind::gpipe:
    case PipelineKind::one_f_one_b:
    case PipelineKind::zero_bubble_h1:
      return 1;
  }
  MOESIM_CHECK(false, "no pipeline kind {}", static_cast<int>(kind));
}

std::optional<std::string> why_not(const PipelineSpec& spec) {
  if (spec.ranks < 1) return "a pipeline takes at least 1 rank";
  if (spec.micro_batches < 1) return "a step takes at least 1 micro-batch";
  if (spec.chunks_per_rank < 1) return "a rank takes at least 1 of chunks_per_rank";
  const auto chunks = chunks_of(spec.kind);
  if (chunks && spec.chunks_per_rank != *chunks) {
    return fmt::format("{} takes {} as chunks_per_rank", name(spec.kind), *chunks);
  }
  const double slots = 3.0 * spec.ranks * spec.micro_batches * spec.chunks_per_rank;
  if (slots > static_cast<double>(kMostSlots)) {
    return fmt::format("a step takes at most {} forwards, backwards and weight gradients, here up to {:.0f}",
                       kMostSlots, slots);
  }
  if (spec.kind == PipelineKind::interleaved) return why_not_interleaved(spec);
  if (spec.kind == PipelineKind::dualpipe || spec.kind == PipelineKind::dualpipe_v) return why_not_dualpipe(spec);
  return {};
}

PipelineSchedule make_pipeline_schedule(const PipelineSpec& spec) {
  const auto reason = why_not(spec);
  MOESIM_CHECK(!reason, "{}", *reason);
  PipelineSchedule schedule(spec);
  schedule.slots_.reserve(static_cast<std::size_t>(spec.ranks));
  for (int rank = 0; rank < spec.ranks; ++rank) schedule.slots_.push_back(rank_slots(spec, rank));
  return schedule;
}

int PipelineSchedule::layers_copies() const { return spec_.kind == PipelineKind::dualpipe ? 2 : 1; }

int PipelineSchedule::virtual_stages() const { return spec_.ranks * spec_.chunks_per_rank / layers_copies(); }

StagePlace PipelineSchedule::place(int micro_batch, int virtual_stage) const {
  MOESIM_DCHECK(virtual_stage >= 0 && virtual_stage < virtual_stages(), "{} of {}", virtual_stage, virtual_stages());
  const int ranks = spec_.ranks;
  switch (spec_.kind) {
    case PipelineKind::gpipe:
    case PipelineKind::one_f_one_b:
    case PipelineKind::zero_bubble_h1:
    case PipelineKind::interleaved:
      return {virtual_stage % ranks, virtual_stage / ranks};
    case PipelineKind::zero_bubble_v:
    case PipelineKind::dualpipe_v:
      if (virtual_stage < ranks) return {virtual_stage, 0};
      return {2 * ranks - 1 - virtual_stage, 1};
    case PipelineKind::dualpipe:
      if (micro_batch < spec_.micro_batches / 2) return {virtual_stage, 0};
      return {ranks - 1 - virtual_stage, 1};
  }
  MOESIM_CHECK(false, "no pipeline kind {}", static_cast<int>(spec_.kind));
}

int PipelineSchedule::virtual_stage(int micro_batch, int rank, int chunk) const {
  MOESIM_DCHECK(rank >= 0 && rank < spec_.ranks && chunk >= 0 && chunk < spec_.chunks_per_rank, "rank {}, chunk {}",
                rank, chunk);
  const int ranks = spec_.ranks;
  switch (spec_.kind) {
    case PipelineKind::gpipe:
    case PipelineKind::one_f_one_b:
    case PipelineKind::zero_bubble_h1:
    case PipelineKind::interleaved:
      return chunk * ranks + rank;
    case PipelineKind::zero_bubble_v:
    case PipelineKind::dualpipe_v:
      return chunk == 0 ? rank : 2 * ranks - 1 - rank;
    case PipelineKind::dualpipe:
      MOESIM_CHECK((chunk == 0) == (micro_batch < spec_.micro_batches / 2), "micro-batch {} is not of chunk {}",
                   micro_batch, chunk);
      return chunk == 0 ? rank : ranks - 1 - rank;
  }
  MOESIM_CHECK(false, "no pipeline kind {}", static_cast<int>(spec_.kind));
}

}  // namespace moesim

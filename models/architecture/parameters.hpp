#pragma once

#include <cstdint>
#include <optional>

#include "models/architecture/model_card.hpp"

namespace moesim {

// Parameters of the main network (text, without multi-token prediction), by part.
struct ParameterCounts {
  std::int64_t input_embedding = 0;
  std::int64_t lm_head = 0;  // 0 if tied.
  std::int64_t token_mixer = 0;
  std::int64_t dense_ffn = 0;
  std::int64_t routed_experts = 0;
  std::int64_t routed_experts_active = 0;  // k of N in each MoE layer: what one token uses.
  std::int64_t shared_experts = 0;
  std::int64_t router = 0;
  std::int64_t norms = 0;  // Of layers and stacks; those inside a token mixer count there.
  std::int64_t other = 0;  // Latent projections of experts, hyper-connections, positions, what the card names.
  bool tied_embeddings = false;

  std::int64_t total() const;
  // What one token uses, counted as `convention` says. A tied head stays when only the input embedding is left out: it
  // is a matrix product, not a look-up.
  std::int64_t active(ActiveConvention convention) const;
};

ParameterCounts count_parameters(const ModelCard& card);

// Of all MTP modules, with the tables that the checkpoint repeats; 0 without any.
std::int64_t mtp_parameters(const ModelCard& card);

// The total in the scope of the published one: with MTP, vision and buffers where that includes them.
std::int64_t total_in_published_scope(const ModelCard& card);

// computed / published - 1; empty where nothing is published.
std::optional<double> total_error(const ModelCard& card);
std::optional<double> active_error(const ModelCard& card);

}  // namespace moesim

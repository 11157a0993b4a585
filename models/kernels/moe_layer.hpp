#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "models/caveat.hpp"
#include "models/data_type.hpp"
#include "models/kernels/kernel_model.hpp"
#include "sim/units.hpp"

namespace moesim {

// One MoE layer as a rank computes it.
struct MoeLayerShape {
  std::int64_t hidden = 0;        // d
  std::int64_t expert_width = 0;  // f
  int expert_matrices = 3;        // 3: up, gate, down (SwiGLU and its kin); 2: up and down (ReLU, GELU)
  int experts_on_rank = 0;
  int gate_experts = 0;   // What the gate scores: N, and what else it may choose
  int gate_matrices = 1;  // 2 where noise has a matrix of its own (noisy top-k)
  int top_k = 1;
  std::int64_t shared_width = 0;  // Widths of the shared experts added up; every rank has them whole. 0: none

  DataType compute = DataType::bf16;     // What the experts' matrix products read
  DataType activation = DataType::bf16;  // What kernels hand one another, and the residual stream
  DataType gate = DataType::bf16;        // What the gate's product reads; scores are fp32
  DataType gradient = DataType::fp32;    // Weight gradients

  // Where routed experts work in a latent width, it is that of their rows and of the copies that travel; 0: hidden.
  std::int64_t latent_width = 0;

  // Parts that a token's hidden vector is cut into, each with a gate's choice, copies and expert rows of its own; and
  // whether products hidden x hidden stand before the cut and after the parts are joined (Multi-Head MoE's).
  int parts = 1;
  bool part_projections = false;
  bool depth_router = false;  // One score a token says which tokens skip the layer (mixture of depths).

  std::int64_t copy_width() const { return (latent_width > 0 ? latent_width : hidden) / parts; }
  std::int64_t gate_depth() const { return hidden / parts; }  // What the gate reads of a row.
  std::int64_t gate_columns() const { return std::int64_t{gate_matrices} * gate_experts; }
  // Columns of the first product: up and gate are one matrix.
  std::int64_t up_columns() const { return (expert_matrices - 1) * expert_width; }
  std::int64_t shared_up_columns() const { return (expert_matrices - 1) * shared_width; }
};

// What one rank has to do in one layer, from the routing pass and the exchange.
struct MoeRankLoad {
  std::int64_t tokens = 0;         // The rank's own that the layer processes.
  std::int64_t skipped = 0;        // The rank's own that skip it.
  std::int64_t packed_rows = 0;    // Copies that it packs for dispatch, those that stay included.
  std::int64_t received_rows = 0;  // Copies that it unpacks for its experts, those that stayed included.
  std::int64_t returned_rows = 0;  // Results that it adds up for its tokens.
  Bytes dispatch_copy = {};        // One copy in the exchange that goes to the experts (WireFormat::bytes_per_copy).
  Bytes combine_copy = {};         // ... and in the one that comes back.
  std::span<const std::int64_t> expert_tokens;  // [experts_on_rank] rows of each expert.
};

enum class LayerPass { forward, backward };

// The kernels of one pass of one layer on one rank; in the backward pass each field is that kernel's backward.
struct MoeLayerCosts {
  LayerPass pass = LayerPass::forward;
  KernelCost depth;    // Scores of all tokens and the choice of those that are processed.
  KernelCost split;    // The product before tokens are cut into parts.
  KernelCost gate;     // Scores of all experts.
  KernelCost top_k;    // Selection and weights.
  KernelCost permute;  // Tokens to packed copies, quantised on the way.
  KernelCost expand;   // Received copies to rows in the experts' order.
  KernelCost up;       // Grouped products and the function between them.
  KernelCost activation;
  KernelCost down;
  KernelCost up_weights;  // Weight gradients; nothing forward.
  KernelCost down_weights;
  KernelCost unpermute;  // Expert rows to one result for each received copy.
  KernelCost combine;    // Weighted sum of the results that came back.
  KernelCost merge;      // The product after the parts are joined.
  KernelCost shared;     // Shared experts, all their kernels; can run beside the exchanges.

  KernelCost before_exchange() const;  // Until the copies (backward: the gradients of the sums) can leave the rank.
  KernelCost experts() const;          // Between the two exchanges.
  KernelCost after_exchange() const;
  KernelCost total() const;
};

// `shared`: the device as the shared experts see it, where they run beside an exchange that takes its share; null:
// `model`.
MoeLayerCosts moe_layer_costs(const KernelModel& model, const MoeLayerShape& shape, const MoeRankLoad& load,
                              LayerPass pass, const KernelModel* shared = nullptr);

// FLOPs of a pass over `tokens` tokens of which the experts compute `rows` copies, while `skipped` tokens are only
// scored: what moe_layer_costs counts, too, if the load has those rows and none that only pad a buffer.
double useful_flops(const MoeLayerShape& shape, std::int64_t tokens, std::int64_t rows, LayerPass pass,
                    std::int64_t skipped = 0);

// The kernels of a pass by name, in the order in which they run there; those that cost nothing are left out.
std::vector<std::pair<std::string_view, KernelCost>> kernels_by_name(const MoeLayerCosts& costs);

// What a reader of moe_layer_costs must know of the model, and of shapes that it was not measured on: `most` is the
// load of the rank with the most rows.
std::vector<Caveat> moe_layer_caveats(const KernelModel& model, const MoeLayerShape& shape, const MoeRankLoad& most);

}  // namespace moesim

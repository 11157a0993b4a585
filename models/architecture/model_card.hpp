#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/architecture/attention.hpp"
#include "models/architecture/recurrent.hpp"
#include "models/routing/router_spec.hpp"

namespace moesim {

using TokenMixer = std::variant<GroupedQueryAttention, LatentAttention, CompressedAttention, GatedDeltaNet,
                                KimiDeltaAttention, Mamba1, Mamba2, LightningAttention, Lstm>;

struct NamedMixer {
  std::string name;  // "mla", "full", "sliding": a word of the card, for its layers.
  TokenMixer mixer;
};

struct DenseFfn {
  std::int64_t width = 1;
  int matrices = 3;   // 3 gated (SwiGLU and its kin), 2 plain.
  bool bias = false;  // On every matrix.
};

// The routed experts of one layer and what stands around them. All MoE layers of a model are alike.
struct MoeFfn {
  RouterSpec routing;             // As published; has N (num_experts) and k (top_k).
  bool selection_bias = false;    // One number an expert that steers the choice (aux-loss-free balancing).
  std::int64_t expert_width = 1;  // f
  int matrices = 3;               // Of routed and shared experts.
  std::optional<std::int64_t> latent_size = {};  // Routed experts work in this width; it is what a copy carries.
  bool latent_norm = false;
  bool expert_bias = false;  // On every matrix of every routed expert.
  bool gate_bias = false;
  std::int64_t shared_experts = 0;
  std::int64_t shared_width = 0;        // Of each shared expert.
  bool shared_gate = false;             // A sigmoid of the token scales the shared experts' output: hidden -> 1.
  std::int64_t extra_gate_outputs = 0;  // Beyond the routed experts: identity experts, scored shared experts.
  std::int64_t hash_layers = 0;         // First MoE layers that choose by token id: no selection bias there.
  bool bias_is_buffer = false;          // The published counts leave the selection bias out.
};

enum class Stack { encoder, decoder };

// One layer: its modules, in the order mixers, dense FFNs, MoE.
struct Layer {
  std::vector<std::size_t> mixers;  // Into ModelCard::mixers; often one, two in T5 decoders and LongCat, none where a
                                    // layer is only an FFN (Nemotron).
  int dense_ffns = 0;
  bool moe = false;
  int norms = 2;  // Of width hidden; one a module unless the card says otherwise.
  Stack stack = Stack::decoder;
  friend bool operator==(const Layer&, const Layer&) = default;
};

// Parallel residual streams mixed before and after each of a layer's two sub-layers (DeepSeek-V4, Hy4).
struct HyperConnections {
  std::int64_t streams = 1;
  std::int64_t coefficients = 0;  // Outputs of each site's matrix (streams * hidden -> coefficients), with a base each.
  std::int64_t scales = 0;
};

// Multi-token prediction: `modules` times one layer, a 2 hidden -> hidden projection and three norms.
struct MtpModules {
  int modules = 0;
  Layer layer;
  int table_copies = 0;  // Embedding-sized tables that the checkpoint repeats for each module: 0, 1 or 2.
  bool hyper_connections = false;
};

struct OtherParams {
  std::string name;  // What they are, with the reason that they are not derived.
  std::int64_t params = 0;
};

// Elements that published totals include beside the text network.
struct CheckpointExtra {
  enum class Kind { vision, buffers };
  std::string name;
  Kind kind = Kind::buffers;
  std::int64_t elements = 0;
};

// Which active parameters a publisher counts: with both embeddings, without the input embedding (it is a look-up), or
// without input embedding and head.
enum class ActiveConvention { with_embeddings, without_input_embedding, without_embeddings };

struct PublishedCounts {
  std::optional<std::int64_t> total_params = {};
  bool total_is_exact = false;  // To the last digit, else rounded.
  bool total_includes_mtp = false;
  bool total_includes_vision = false;
  bool total_includes_buffers = false;
  std::optional<std::int64_t> active_params = {};
  ActiveConvention active_convention = ActiveConvention::with_embeddings;  // The one that meets the figure best.
};

// A model as its publishers describe it. Everything else (parameters, FLOPs, memory) is computed from it.
// docs/models/architecture.md explains the fields; scenarios/model_card_json.hpp reads and writes them.
struct ModelCard {
  std::string name;   // "deepseek-v3"
  std::string title;  // "DeepSeek-V3"
  std::string developer;
  std::string release;  // "2024-12", or "" when unknown
  std::int64_t hidden_size = 1;
  std::int64_t vocab_size = 0;   // 0: embeddings are not counted.
  bool tied_embeddings = false;  // The LM head is the input embedding.
  std::vector<NamedMixer> mixers;
  std::optional<DenseFfn> dense_ffn = {};  // There if a layer uses it, and only then; the same for `moe`.
  std::optional<MoeFfn> moe = {};
  std::vector<Layer> layers;  // First to last; encoder before decoder.
  bool norm_bias = false;     // LayerNorm with bias.
  bool final_norm = true;     // One a stack.
  std::int64_t learned_positions = 0;
  std::optional<HyperConnections> hyper_connections = {};
  std::optional<MtpModules> mtp = {};  // Not part of the total; reported beside it.
  std::vector<OtherParams> other_params;
  std::vector<CheckpointExtra> checkpoint_extras;
  PublishedCounts published;
  std::vector<std::string> notes;
  std::vector<std::string> sources;

  std::int64_t moe_layers() const;
};

}  // namespace moesim

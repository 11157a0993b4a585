#include "models/kernels/moe_layer.hpp"

#include <algorithm>
#include <array>

namespace moesim {
namespace {

constexpr std::int64_t kScoreBytes = 4;      // fp32
constexpr std::int64_t kSelectionBytes = 8;  // An index and a weight.

std::int64_t sum(std::span<const std::int64_t> rows) {
  std::int64_t total = 0;
  for (const std::int64_t r : rows) total += r;
  return total;
}

double depth_flops(const MoeLayerShape& shape, std::int64_t tokens) {
  return 2 * static_cast<double>(tokens) * static_cast<double>(shape.hidden);
}

// Both passes of one layer on one rank.
class LayerKernels {
 public:
  LayerKernels(const KernelModel& model, const KernelModel& shared, const MoeLayerShape& shape, const MoeRankLoad& load)
      : model_(model),
        shared_(shared),
        shape_(shape),
        load_(load),
        expert_types_{shape.compute, shape.activation, shape.gradient},
        token_bytes_(matrix_bytes(load.tokens, shape.hidden, shape.activation)),
        rows_(sum(load.expert_tokens)) {}

  MoeLayerCosts forward() const;
  MoeLayerCosts backward() const;

 private:
  bool quantizes() const { return bytes_per_element(shape_.compute) < bytes_per_element(shape_.activation); }
  Bytes rows_of(std::int64_t columns, DataType type) const { return matrix_bytes(rows_, columns, type); }
  KernelCost activation_forward(const KernelModel& model, std::int64_t rows, std::int64_t width,
                                std::int64_t up_columns) const;
  KernelCost activation_backward(const KernelModel& model, std::int64_t rows, std::int64_t width,
                                 std::int64_t up_columns) const;
  KernelCost projection_forward() const;
  KernelCost projection_backward() const;
  KernelCost depth_forward() const;
  KernelCost depth_backward() const;
  KernelCost shared_forward() const;
  KernelCost shared_backward() const;
  KernelCost weight_casts(const KernelModel& model, std::int64_t rows, std::int64_t columns, std::int64_t depth) const;

  const KernelModel& model_;
  const KernelModel& shared_;
  const MoeLayerShape& shape_;
  const MoeRankLoad& load_;
  GemmTypes expert_types_;
  Bytes token_bytes_;
  std::int64_t rows_;
};

KernelCost LayerKernels::activation_forward(const KernelModel& model, std::int64_t rows, std::int64_t width,
                                            std::int64_t up_columns) const {
  return model.quantize(matrix_bytes(rows, up_columns, shape_.activation) + matrix_bytes(rows, width, shape_.compute),
                        quantizes() ? rows * width : 0);
}

// Reads the saved inputs and the gradient of the outputs, writes the gradient of the inputs.
KernelCost LayerKernels::activation_backward(const KernelModel& model, std::int64_t rows, std::int64_t width,
                                             std::int64_t up_columns) const {
  return model.quantize(matrix_bytes(rows, up_columns, shape_.activation) +
                            matrix_bytes(rows, width, shape_.activation) +
                            matrix_bytes(rows, up_columns, shape_.compute),
                        quantizes() ? rows * up_columns : 0);
}

// The factors of a weight gradient have scales along their rows, and it wants them along the columns.
KernelCost LayerKernels::weight_casts(const KernelModel& model, std::int64_t rows, std::int64_t columns,
                                      std::int64_t depth) const {
  if (!quantizes()) return {};
  return model.quantize(2 * matrix_bytes(rows, columns, shape_.compute), rows * columns) +
         model.quantize(2 * matrix_bytes(rows, depth, shape_.compute), rows * depth);
}

KernelCost LayerKernels::projection_forward() const {
  if (!shape_.part_projections || load_.tokens == 0) return {};
  return model_.gemm(load_.tokens, shape_.hidden, shape_.hidden, expert_types_);
}

KernelCost LayerKernels::projection_backward() const {
  if (!shape_.part_projections || load_.tokens == 0) return {};
  return model_.gemm(load_.tokens, shape_.hidden, shape_.hidden, expert_types_) +
         model_.weight_gradient(load_.tokens, shape_.hidden, shape_.hidden, expert_types_);
}

// One dot product a token reads every token once, which takes longer than its FLOPs: a stream, not a product of
// matrices. The choice reads the scores and writes which tokens stay.
KernelCost LayerKernels::depth_forward() const {
  const std::int64_t tokens = load_.tokens + load_.skipped;
  if (!shape_.depth_router || tokens == 0) return {};
  KernelCost cost =
      model_.stream(matrix_bytes(tokens, shape_.hidden, shape_.activation) + Bytes{tokens * kScoreBytes}) +
      model_.stream(Bytes{tokens * kScoreBytes + load_.tokens * kSelectionBytes});
  cost.flops = depth_flops(shape_, tokens);
  return cost;
}

// The gradient of the score's weight needs the tokens again, and that of the tokens is one more row for each.
KernelCost LayerKernels::depth_backward() const {
  const std::int64_t tokens = load_.tokens + load_.skipped;
  if (!shape_.depth_router || tokens == 0) return {};
  KernelCost cost =
      model_.stream(2 * matrix_bytes(tokens, shape_.hidden, shape_.activation) + Bytes{tokens * kScoreBytes});
  cost.flops = 2 * depth_flops(shape_, tokens);
  return cost;
}

KernelCost LayerKernels::shared_forward() const {
  const std::int64_t width = shape_.shared_width;
  if (width == 0 || load_.tokens == 0) return {};
  return shared_.gemm(load_.tokens, shape_.shared_up_columns(), shape_.hidden, expert_types_) +
         activation_forward(shared_, load_.tokens, width, shape_.shared_up_columns()) +
         shared_.gemm(load_.tokens, shape_.hidden, width, expert_types_);
}

KernelCost LayerKernels::shared_backward() const {
  const std::int64_t width = shape_.shared_width;
  if (width == 0 || load_.tokens == 0) return {};
  const std::int64_t up = shape_.shared_up_columns();
  return shared_.gemm(load_.tokens, width, shape_.hidden, expert_types_) +
         weight_casts(shared_, load_.tokens, shape_.hidden, width) +
         shared_.weight_gradient(load_.tokens, shape_.hidden, width, expert_types_) +
         activation_backward(shared_, load_.tokens, width, up) +
         shared_.gemm(load_.tokens, shape_.hidden, up, expert_types_) +
         weight_casts(shared_, load_.tokens, up, shape_.hidden) +
         shared_.weight_gradient(load_.tokens, up, shape_.hidden, expert_types_);
}

MoeLayerCosts LayerKernels::forward() const {
  const std::int64_t up = shape_.up_columns();
  const GemmTypes gate_types{shape_.gate, DataType::fp32, shape_.gradient};
  const std::int64_t gate_rows = load_.tokens * shape_.parts;
  const std::int64_t scores = gate_rows * shape_.gate_columns() * kScoreBytes;
  MoeLayerCosts c;
  c.pass = LayerPass::forward;
  c.depth = depth_forward();
  c.split = c.merge = projection_forward();
  c.gate = model_.gemm(gate_rows, shape_.gate_columns(), shape_.gate_depth(), gate_types);
  // Each of the k rounds of a selection looks at every score.
  c.top_k = model_.stream(Bytes{shape_.top_k * (scores + gate_rows * kSelectionBytes)});
  c.permute =
      load_.packed_rows == 0 ? KernelCost{} : model_.scatter(token_bytes_ + load_.packed_rows * load_.dispatch_copy);
  c.expand = model_.scatter(load_.received_rows * load_.dispatch_copy + rows_of(shape_.copy_width(), shape_.compute)) +
             model_.sort_rows(rows_, shape_.experts_on_rank, shape_.compute);
  c.up = model_.grouped_gemm(load_.expert_tokens, up, shape_.copy_width(), expert_types_);
  c.activation = activation_forward(model_, rows_, shape_.expert_width, up);
  c.down = model_.grouped_gemm(load_.expert_tokens, shape_.copy_width(), shape_.expert_width, expert_types_);
  c.unpermute =
      model_.scatter(rows_of(shape_.copy_width(), shape_.activation) + load_.received_rows * load_.combine_copy);
  c.combine = model_.scatter(load_.returned_rows * load_.combine_copy + token_bytes_);
  c.shared = shared_forward();
  return c;
}

MoeLayerCosts LayerKernels::backward() const {
  const std::int64_t up = shape_.up_columns();
  const std::int64_t width = shape_.expert_width;
  const GemmTypes gate_types{shape_.gate, shape_.activation, shape_.gradient};
  const std::int64_t gate_rows = load_.tokens * shape_.parts;
  const std::int64_t scores = gate_rows * shape_.gate_columns() * kScoreBytes;
  MoeLayerCosts c;
  c.pass = LayerPass::backward;
  c.depth = depth_backward();
  c.split = c.merge = projection_backward();
  c.combine = load_.returned_rows == 0 ? KernelCost{}
                                       : model_.scatter(token_bytes_ + load_.returned_rows * load_.dispatch_copy);
  c.unpermute =
      model_.scatter(load_.received_rows * load_.dispatch_copy + rows_of(shape_.copy_width(), shape_.compute));
  c.down = model_.grouped_gemm(load_.expert_tokens, width, shape_.copy_width(), expert_types_);
  c.down_weights = weight_casts(model_, rows_, shape_.copy_width(), width) +
                   model_.grouped_weight_gradient(load_.expert_tokens, shape_.copy_width(), width, expert_types_);
  c.activation = activation_backward(model_, rows_, width, up);
  c.up = model_.grouped_gemm(load_.expert_tokens, shape_.copy_width(), up, expert_types_);
  c.up_weights = weight_casts(model_, rows_, up, shape_.copy_width()) +
                 model_.grouped_weight_gradient(load_.expert_tokens, up, shape_.copy_width(), expert_types_);
  c.expand = model_.scatter(rows_of(shape_.copy_width(), shape_.activation) + load_.received_rows * load_.combine_copy);
  c.permute = model_.scatter(load_.packed_rows * load_.combine_copy + token_bytes_);
  // Reads the scores and the gradients of the k weights, writes the gradients of the scores.
  c.top_k = model_.stream(Bytes{2 * scores + gate_rows * shape_.top_k * kSelectionBytes});
  c.gate = model_.gemm(gate_rows, shape_.gate_depth(), shape_.gate_columns(), gate_types) +
           model_.weight_gradient(gate_rows, shape_.gate_columns(), shape_.gate_depth(), gate_types);
  c.shared = shared_backward();
  return c;
}

}  // namespace

KernelCost MoeLayerCosts::before_exchange() const {
  return pass == LayerPass::forward ? depth + split + gate + top_k + permute : merge + combine;
}

KernelCost MoeLayerCosts::experts() const {
  return expand + up + activation + down + up_weights + down_weights + unpermute;
}

KernelCost MoeLayerCosts::after_exchange() const {
  return pass == LayerPass::forward ? combine + merge : permute + top_k + gate + split + depth;
}

KernelCost MoeLayerCosts::total() const { return before_exchange() + experts() + after_exchange() + shared; }

MoeLayerCosts moe_layer_costs(const KernelModel& model, const MoeLayerShape& shape, const MoeRankLoad& load,
                              LayerPass pass, const KernelModel* shared) {
  MOESIM_CHECK(static_cast<std::size_t>(shape.experts_on_rank) == load.expert_tokens.size(),
               "{} experts on the rank, counts of {}", shape.experts_on_rank, load.expert_tokens.size());
  const LayerKernels kernels(model, shared == nullptr ? model : *shared, shape, load);
  return pass == LayerPass::forward ? kernels.forward() : kernels.backward();
}

double useful_flops(const MoeLayerShape& shape, std::int64_t tokens, std::int64_t rows, LayerPass pass,
                    std::int64_t skipped) {
  const std::int64_t projections = shape.part_projections ? 2 * shape.hidden : 0;
  const std::int64_t a_token =
      shape.hidden * (shape.gate_columns() + shape.expert_matrices * shape.shared_width + projections);
  const std::int64_t a_row = shape.expert_matrices * shape.copy_width() * shape.expert_width;
  const double forward = 2 * (static_cast<double>(tokens) * static_cast<double>(a_token) +
                              static_cast<double>(rows) * static_cast<double>(a_row)) +
                         (shape.depth_router ? depth_flops(shape, tokens + skipped) : 0);
  return pass == LayerPass::forward ? forward : 2 * forward;
}

std::vector<std::pair<std::string_view, KernelCost>> kernels_by_name(const MoeLayerCosts& costs) {
  std::vector<std::pair<std::string_view, KernelCost>> kernels = {
      {"depth_router", costs.depth},
      {"split", costs.split},
      {"gate", costs.gate},
      {"top_k", costs.top_k},
      {"permute", costs.permute},
      {"shared", costs.shared},
      {"expand", costs.expand},
      {"up", costs.up},
      {"activation", costs.activation},
      {"down", costs.down},
      {"unpermute", costs.unpermute},
      {"combine", costs.combine},
      {"merge", costs.merge},
  };
  if (costs.pass == LayerPass::backward) {
    kernels = {
        {"merge", costs.merge},
        {"combine", costs.combine},
        {"shared", costs.shared},
        {"unpermute", costs.unpermute},
        {"down", costs.down},
        {"down_weights", costs.down_weights},
        {"activation", costs.activation},
        {"up", costs.up},
        {"up_weights", costs.up_weights},
        {"expand", costs.expand},
        {"permute", costs.permute},
        {"top_k", costs.top_k},
        {"gate", costs.gate},
        {"split", costs.split},
        {"depth_router", costs.depth},
    };
  }
  std::erase_if(kernels, [](const auto& kernel) { return kernel.second.time == Picoseconds::zero(); });
  return kernels;
}

std::vector<Caveat> moe_layer_caveats(const KernelModel& model, const MoeLayerShape& shape, const MoeRankLoad& most) {
  std::vector<Caveat> caveats = model.caveats(std::array{shape.compute, shape.gate});
  const auto ask = [&](const KernelFit* fit, std::string_view what,
                       std::initializer_list<std::pair<std::string_view, double>> asked) {
    if (fit == nullptr) return;
    if (const auto outside = fit->outside({asked.begin(), asked.size()})) {
      caveats.push_back({"extrapolated", fmt::format("{}: {}.", what, *outside)});
    }
  };
  const auto tokens = static_cast<double>(most.tokens);
  ask(model.expert_fit(shape.compute), "The experts",
      {{"hidden", static_cast<double>(shape.copy_width())},
       {"width", static_cast<double>(shape.expert_width)},
       {"matrices", shape.expert_matrices},
       {"top_k", shape.top_k},
       {"experts", shape.gate_experts},
       {"rows", static_cast<double>(sum(most.expert_tokens))}});
  ask(model.gemm_fit(shape.gate), "The gate",
      {{"m", tokens * shape.parts},
       {"n", static_cast<double>(shape.gate_columns())},
       {"k", static_cast<double>(shape.gate_depth())}});
  if (shape.part_projections) {
    ask(model.gemm_fit(shape.compute), "The projections around the parts",
        {{"m", tokens}, {"n", static_cast<double>(shape.hidden)}, {"k", static_cast<double>(shape.hidden)}});
  }
  if (shape.shared_width > 0) {
    ask(model.gemm_fit(shape.compute), "The shared experts",
        {{"m", tokens},
         {"n", static_cast<double>(shape.shared_up_columns())},
         {"k", static_cast<double>(std::max(shape.hidden, shape.shared_width))}});
  }
  return caveats;
}

}  // namespace moesim

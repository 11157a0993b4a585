#include "validate/probes/host/plan_points.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "validate/probes/host/expert_shape.hpp"

namespace moesim::probe {
namespace {

using enum MeasuredKernel;
using Points = std::vector<std::pair<PlannedPoint, bool>>;
using Parameters = std::map<std::string, std::int64_t, std::less<>>;

constexpr std::array<std::int64_t, 6> kTokens{1, 16, 128, 1024, 16384, 65536};
constexpr std::array<std::string_view, 2> kSkewed{"zipf:1", "one_hot"};

bool quick_tokens(std::int64_t tokens) { return tokens == 16 || tokens == 1024 || tokens == 16384; }

Measurement row(MeasuredKernel kernel, std::string library, std::string dtype, Parameters parameters,
                std::string load = "") {
  Measurement what;
  what.kernel = kernel;
  what.library = std::move(library);
  what.dtype = std::move(dtype);
  what.parameters = std::move(parameters);
  what.load = std::move(load);
  return what;
}

void add(Points& points, bool quick, const ExpertShape* shape, Measurement what,
         std::vector<std::string> caches = {"cold", "hot"}) {
  points.push_back({{std::move(what), shape ? std::string(shape->model) : "", std::move(caches)}, quick});
}

void add_gates(Points& points) {
  for (const ExpertShape& shape : expert_shapes()) {
    const bool quick = shape.model == "deepseek-v3" || shape.model == "mixtral-8x7b";
    for (const std::int64_t tokens : kTokens) {
      Measurement what =
          row(gate_softmax, "cublas+moesim", "bf16",
              {{"tokens", tokens}, {"hidden", shape.hidden}, {"experts", shape.experts}, {"top_k", shape.top_k}});
      if (shape.groups > 1) {
        what.kernel = gate_group_limited;
        what.parameters.insert({{"groups", shape.groups}, {"groups_kept", shape.groups_kept}});
      }
      add(points, quick && quick_tokens(tokens), &shape, std::move(what));
    }
  }
}

void add_permutations(Points& points) {
  for (const ExpertShape& shape : expert_shapes()) {
    const bool quick = shape.model == "deepseek-v3";
    for (const std::int64_t tokens : kTokens) {
      std::vector<std::string_view> loads{"balanced"};
      if (tokens == 16384) loads.insert(loads.end(), kSkewed.begin(), kSkewed.end());
      for (const std::string_view load : loads) {
        const Parameters count{{"tokens", tokens}, {"experts", shape.experts}, {"top_k", shape.top_k}};
        auto move = count;
        move.emplace("hidden", shape.hidden);
        const bool now = quick && quick_tokens(tokens) && load != "one_hot";
        add(points, now, &shape, row(histogram, "moesim", "", count, std::string(load)));
        add(points, now, &shape, row(permute, "moesim", "bf16", move, std::string(load)));
        add(points, now, &shape, row(unpermute, "moesim", "bf16", move, std::string(load)));
      }
    }
  }
}

void add_activations(Points& points) {
  for (const ExpertShape& shape : expert_shapes()) {
    if (shape.matrices != 3) continue;
    for (const std::int64_t tokens : kTokens) {
      const bool quick = shape.model == "deepseek-v3" && quick_tokens(tokens);
      const Parameters parameters{{"rows", tokens * shape.top_k}, {"width", shape.width}};
      add(points, quick, &shape, row(swiglu, "moesim", "bf16", parameters));
      add(points, quick, &shape, row(swiglu_quantize, "moesim", "bf16", parameters));
    }
  }
}

// The two products of an expert: up (with the gate) and down.
std::array<std::pair<std::int64_t, std::int64_t>, 2> products(const ExpertShape& shape) {
  return {{{shape.up_columns(), shape.hidden}, {shape.hidden, shape.width}}};
}

// FP8 in blocks of 128 needs whole blocks of the inner dimension.
std::vector<std::string> dtypes(std::int64_t k) {
  return k % 128 == 0 ? std::vector<std::string>{"bf16", "fp8", "fp8_block"} : std::vector<std::string>{"bf16", "fp8"};
}

// cuBLAS has one call for many products in BF16. In FP8 each group is a call of its own, one after the other.
std::string grouped_library(const std::string& dtype) { return dtype == "bf16" ? "cublas" : "cublaslt-loop"; }

// At how many groups a prefill's skewed loads are measured: the fewest of at least 16, or all.
std::int64_t skewed_groups(const ExpertShape& shape) {
  for (const std::int64_t groups : shape.local_experts) {
    if (groups >= 16) return groups;
  }
  return shape.local_experts.back();
}

void add_grouped(Points& points) {
  for (const ExpertShape& shape : expert_shapes()) {
    for (const std::int64_t groups : shape.local_experts) {
      for (const auto& [n, k] : products(shape)) {
        for (const std::string& dtype : dtypes(k)) {
          for (const std::int64_t tokens : kTokens) {
            const std::int64_t rows = tokens * shape.top_k;
            const bool up = n == shape.up_columns();
            // A full run has nine minutes: fewer sizes of the second product and of the slower FP8.
            if (!up && !quick_tokens(tokens)) continue;
            if (dtype == "fp8_block" && tokens != 1024) continue;
            std::vector<std::string_view> loads{"balanced"};
            const bool decode = dtype != "fp8_block" && groups >= 8 && (tokens == 128 || tokens == 1024);
            const bool prefill = dtype == "bf16" && groups == skewed_groups(shape) && tokens == 16384;
            if (up && (decode || prefill)) loads.insert(loads.end(), kSkewed.begin(), kSkewed.end());
            for (const std::string_view load : loads) {
              const bool named = (shape.model == "deepseek-v3" && groups == 32) ||
                                 (shape.model == "mixtral-8x7b" && groups == 8 && load == "balanced");
              const bool quick = named && quick_tokens(tokens) && up && dtype != "fp8_block" &&
                                 (load == "balanced" || tokens != 16384);
              add(points, quick, &shape,
                  row(grouped_gemm, grouped_library(dtype), dtype,
                      {{"groups", groups}, {"rows", rows}, {"n", n}, {"k", k}}, std::string(load)));
            }
          }
        }
      }
    }
  }
  // Every other expert has no rows.
  const ExpertShape& shape = expert_shape("deepseek-v3");
  for (const std::string dtype : {"bf16", "fp8"}) {
    add(points, true, &shape,
        row(grouped_gemm, grouped_library(dtype), dtype,
            {{"groups", 8}, {"rows", 1024}, {"n", shape.up_columns()}, {"k", shape.hidden}},
            "rows:256;0;255;0;257;0;256;0"));
  }
}

void add_gemms(Points& points) {
  for (const ExpertShape& shape : expert_shapes()) {
    for (const auto& [n, k] : products(shape)) {
      for (const std::string& dtype : dtypes(k)) {
        for (const std::int64_t m : kTokens) {
          const bool quick = shape.model == "mixtral-8x7b" && quick_tokens(m) && dtype != "fp8_block";
          if (dtype == "fp8_block" && !quick_tokens(m)) continue;
          add(points, quick, &shape, row(gemm, "cublaslt", dtype, {{"m", m}, {"n", n}, {"k", k}}));
        }
      }
    }
  }
}

void add_memory(Points& points) {
  for (int exponent = 20; exponent <= 32; exponent += 2) {
    const std::int64_t bytes = std::int64_t{3} << exponent;  // A multiple of the 2 and the 3 streams.
    const bool quick = exponent == 22 || exponent == 26 || exponent == 30;
    add(points, quick, nullptr, row(copy, "cuda", "", {{"bytes", bytes}}));
    add(points, quick, nullptr, row(triad, "moesim", "", {{"bytes", bytes}}));
  }
}

void add_contention(Points& points) {
  const auto add_one = [&](const std::string& library, const std::string& dtype, std::string_view model,
                           std::int64_t groups, std::int64_t tokens, std::int64_t sms, std::int64_t stream,
                           bool quick) {
    const ExpertShape& shape = expert_shape(model);
    add(points, quick, &shape,
        row(contention, library, dtype,
            {{"groups", groups},
             {"rows", tokens * shape.top_k},
             {"n", shape.up_columns()},
             {"k", shape.hidden},
             {"sms_held", sms},
             {"stream_gb_per_s", stream}},
            "balanced"),
        {"cold"});
  };
  const auto one = [&](std::string_view model, std::int64_t groups, std::int64_t tokens, std::int64_t sms,
                       std::int64_t stream,
                       bool quick) { add_one("cublas", "bf16", model, groups, tokens, sms, stream, quick); };
  for (const std::int64_t tokens : {16, 1024, 8192}) {
    const bool quick = tokens == 1024;
    for (const std::int64_t sms : {0, 8, 16, 20, 24, 32}) {
      one("deepseek-v3", 32, tokens, sms, 0, quick);
      one("mixtral-8x7b", 8, tokens, sms, 0, false);
    }
    for (const std::int64_t stream : {200, 400, 800, 1600}) {
      // More than 16 SMs can move.
      if (stream < 1600) one("deepseek-v3", 32, tokens, 16, stream, quick && stream == 400);
      one("deepseek-v3", 32, tokens, 32, stream, quick && stream == 1600);
    }
  }
  // One product of a library that is told how many SMs are left.
  for (const std::string dtype : {"bf16", "fp8"}) {
    for (const std::int64_t tokens : {16, 128, 1024}) {
      const auto told = [&](std::int64_t sms, std::int64_t stream) {
        add_one("cublaslt", dtype, "deepseek-v3", 1, tokens, sms, stream, tokens == 1024 && dtype == "fp8");
      };
      for (const std::int64_t sms : {0, 8, 16, 20, 24, 32}) told(sms, 0);
      for (const std::int64_t stream : {200, 400, 800, 1600}) told(32, stream);
    }
  }
}

void add_collectives(Points& points, std::int64_t ranks) {
  for (int exponent = 10; exponent <= 30; exponent += 2) {
    const std::int64_t unit = 4 * ranks;  // Whole floats for each rank.
    const std::int64_t bytes = std::max<std::int64_t>((std::int64_t{1} << exponent) / unit, 1) * unit;
    const bool quick = exponent == 16 || exponent == 22 || exponent == 28;
    add(points, quick, nullptr, row(all_to_all, "nccl", "", {{"ranks", ranks}, {"bytes", bytes}}), {"hot"});
    add(points, quick, nullptr, row(all_reduce, "nccl", "", {{"ranks", ranks}, {"bytes", bytes}}), {"hot"});
  }
}

}  // namespace

Points all_points(std::int64_t ranks) {
  Points points;
  add_gates(points);
  add_permutations(points);
  add_activations(points);
  add_grouped(points);
  add_gemms(points);
  add_memory(points);
  add_contention(points);
  add_collectives(points, ranks);
  return points;
}

}  // namespace moesim::probe

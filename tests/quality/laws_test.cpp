#include <cmath>

#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "scenarios/error.hpp"
#include "scenarios/scaling_law_json.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

ScalingLaw law(const std::string& name) { return read_named_law(name, "test", ""); }

ModelCard card(const std::string& name) { return read_model_source(nlohmann::json(name), "test", "").card; }

double& constant(ScalingLaw& law, const std::string& name) {
  for (auto& [each, value] : law.constants) {
    if (each == name) return value;
  }
  FAIL(name);
  throw;
}

// The law with every constant moved by half of its last printed digit, so that the loss goes down or up.
ScalingLaw rounded(int direction) {
  ScalingLaw moved = law("krajewski-2024");
  for (const auto& [name, half] : {std::pair{"a", 0.05}, {"b", 0.05}, {"g", 0.05}, {"c", 0.005}}) {
    constant(moved, name) += direction * half;
  }
  for (const auto& [name, half] : {std::pair{"alpha", 0.0005}, {"beta", 0.0005}, {"gamma", 0.005}}) {
    constant(moved, name) -= direction * half;
  }
  return moved;
}

TEST_CASE("the granularity law gives the losses of its own table of compute-optimal models", "[oracle][quality]") {
  // arXiv:2402.07871, table 2: "64 x 100M" is a dense model of 12 d^2 a layer whose FFN, 8 d^2, is there 64 times. The
  // printed constants have three digits: the published loss lies between the laws with all of them half a digit off,
  // and the printed ones are 0.9 % below it.
  struct Row {
    double dense;
    double tokens;
    double granularity;
    double loss;
  };
  for (const Row& row : {Row{100e6, 4.37e9, 8, 3.133}, Row{1e9, 28.94e9, 16, 2.491}, Row{3e9, 72.90e9, 16, 2.245},
                         Row{7e9, 137.60e9, 32, 2.076}, Row{70e9, 941.07e9, 32, 1.694}, Row{300e9, 2.96e12, 64, 1.503},
                         Row{1e12, 7.94e12, 64, 1.367}}) {
    CAPTURE(row.dense);
    const LawInput input{.total_params = row.dense * (8 * 64 + 4) / 12,
                         .active_params = row.dense,
                         .training_tokens = row.tokens,
                         .expansion = 64,
                         .granularity = row.granularity};
    CHECK(predicted_loss(rounded(-1), input) < row.loss);
    CHECK(predicted_loss(rounded(1), input) > row.loss);
    CHECK_THAT(predicted_loss(law("krajewski-2024"), input), WithinRel(row.loss, 0.009));
  }
}

TEST_CASE("the joint law gives the coefficients published for each expert count", "[oracle][quality]") {
  // arXiv:2502.05172, table 4: L = m N^mu + n D^nu + c.
  struct Row {
    double experts;
    double m;
    double mu;
    double n;
    double nu;
  };
  const ScalingLaw joint = law("ludziejewski-2025");
  for (const Row& row : {Row{1, 30.364, -0.1817, 53.9838, -0.1965}, Row{4, 24.8462, -0.1731, 87.7022, -0.2192},
                         Row{16, 19.0159, -0.1617, 167.5073, -0.2494}, Row{32, 16.5424, -0.1557, 234.6726, -0.2652}}) {
    for (const double active : {1e8, 1e9, 2.7e9}) {
      for (const double tokens : {1e10, 1e11}) {
        CAPTURE(row.experts, active, tokens);
        const LawInput input{.active_params = active, .training_tokens = tokens, .expansion = row.experts};
        const double published = row.m * std::pow(active, row.mu) + row.n * std::pow(tokens, row.nu) + 1.3637;
        // Exponents to four digits: 5e-5 * ln(1e11) of a term of order 1.
        CHECK_THAT(predicted_loss(joint, input), WithinAbs(published, 2e-3));
      }
    }
  }
}

TEST_CASE("the routed law is the dense law at E_start and saturates at E_max", "[oracle][quality]") {
  const ScalingLaw routed = law("clark-2022-rl-r");
  CHECK_THAT(saturated_experts(1, 1.88, 469.982), WithinRel(1.88, 1e-12));
  CHECK_THAT(saturated_experts(1e12, 1.88, 469.982), WithinRel(469.982, 1e-6));
  // Experts help as long as b + c log10 N < 0: N = 10^(0.126 / 0.012). There more of them change nothing.
  const double cutoff = std::pow(10, 0.126 / 0.012);
  const auto loss = [&](double size, double experts) {
    return predicted_loss(routed, {.active_params = size, .training_tokens = 1.3e11, .expansion = experts});
  };
  CHECK_THAT(loss(cutoff, 512), WithinRel(loss(cutoff, 2), 1e-12));
  CHECK(loss(cutoff / 10, 512) < loss(cutoff / 10, 2));
  CHECK(loss(cutoff * 10, 512) > loss(cutoff * 10, 2));
}

TEST_CASE("a model's card gives what the laws ask for", "[oracle][quality]") {
  // Mixtral 8x7B: 32 layers of 8 experts of 3 * 4096 * 14336, two of them active; tables of 2 * 32000 * 4096.
  const LawInput mixtral = law_input(card("mixtral-8x7b"), 1e12);
  CHECK(mixtral.expansion == 4);
  CHECK(mixtral.granularity == 2);
  CHECK(mixtral.total_params == 46702792704.0 - 2 * 32000.0 * 4096);
  CHECK(mixtral.total_params - mixtral.active_params == 32.0 * 6 * 3 * 4096 * 14336);
  // DeepSeekMoE 16B: 64 experts and 2 shared ones of the same width, 6 + 2 active.
  const LawInput fine = law_input(card("deepseekmoe-16b"), 2e12);
  CHECK(fine.expansion == 66.0 / 8);
  CHECK(fine.granularity == 8);
  const LawInput dense = law_input(card("llama-2-7b"), 2e12);
  CHECK(dense.expansion == 1);
  CHECK(dense.granularity == 1);
  CHECK(dense.active_params == dense.total_params);
}

TEST_CASE("outside of what its runs covered a law says so, quantity by quantity", "[quality]") {
  const ScalingLaw fine = law("krajewski-2024");
  LawInput input{.total_params = 1e9, .active_params = 1e8, .training_tokens = 2e10, .expansion = 64, .granularity = 8};
  CHECK(outside_fit(fine, input).empty());
  input.total_params = 4.65e10;
  input.expansion = 4;
  input.granularity = 0.5;
  CHECK(outside_fit(fine, input) == std::vector<std::string>{"total_params 4.65e+10, fitted up to 3.7e+09",
                                                             "expansion 4, fitted at 64 alone",
                                                             "granularity 0.5, fitted from 1"});
}

TEST_CASE("a law's card is read strictly, and written as it was read", "[quality]") {
  for (const std::string_view name : law_names()) {
    const auto written = scaling_law_json(law(std::string(name)));
    CHECK(written["name"] == name);
    const nlohmann::json again = written;
    CHECK(scaling_law_json(read_scaling_law(JsonReader(again, "again"))) == written);
  }
  nlohmann::json bad = scaling_law_json(law("krajewski-2024"));
  bad["constants"]["delta"] = 1;  // Another form's.
  CHECK_THROWS_AS(read_scaling_law(JsonReader(bad, "bad")), InputError);
  bad["constants"].erase("delta");
  bad["fitted"]["expansion"] = {64, 1};
  CHECK_THROWS_AS(read_scaling_law(JsonReader(bad, "bad")), InputError);
  CHECK_THROWS_AS(law("krajewski"), InputError);
}

}  // namespace
}  // namespace moesim

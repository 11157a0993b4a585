#include <cmath>

#include "models/routing/dynamics/token_mixture.hpp"
#include "tests/catch.hpp"

namespace moesim {
namespace {

LabSpec laboratory(std::uint64_t seed) {
  LabSpec spec;
  spec.batch_tokens = 512;
  spec.steps = 800;
  spec.report_every = 200;
  spec.seed = seed;
  return spec;
}

TEST_CASE("without balancing the router collapses, and each cure cures it", "[lab]") {
  const auto seed = GENERATE(std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3});
  CAPTURE(seed);
  const LabSpec spec = laboratory(seed);
  const LabRow none = run_lab(spec, {.name = "none"}).back();
  CHECK(none.max_over_mean > 4);
  CHECK(none.starved_experts > 0);      // How many depends on the seed: 5 of 16 to 13.
  CHECK(none.retained_gate_mass == 1);  // Nothing stands between the scores and the choice.

  const LabRow loss = run_lab(spec, {.name = "auxiliary", .auxiliary_loss = 0.5}).back();
  const LabRow bias = run_lab(spec, {.name = "bias", .bias_step = 0.001}).back();
  for (const LabRow& cured : {loss, bias}) {
    CHECK(cured.max_over_mean < 1.3);
    CHECK(cured.starved_experts == 0);
    CHECK(cured.task_match > none.task_match);                          // More experts know more domains,
    CHECK(cured.specialisation_entropy < none.specialisation_entropy);  // each its own.
  }
  CHECK(bias.retained_gate_mass < 1);
}

TEST_CASE("what all tokens share is what makes the router collapse", "[lab]") {
  LabSpec spec = laboratory(1);
  spec.tokens.common = 0;
  CHECK(run_lab(spec, {.name = "none"}).back().max_over_mean < 4);
}

TEST_CASE("shared experts take the common component out", "[lab]") {
  // Early, when the common answer is most of the error.
  LabSpec spec = laboratory(1);
  spec.steps = spec.report_every = 100;
  const BalanceSpec balance{.name = "auxiliary", .auxiliary_loss = 0.5};
  const double without = run_lab(spec, balance).back().loss;
  spec.shared_experts = 1;
  CHECK(run_lab(spec, balance).back().loss < 0.9 * without);
}

TEST_CASE("one expert of one is even, matched as a whole, and has all the mass", "[lab]") {
  LabSpec spec = laboratory(1);
  spec.experts = 1;
  spec.top_k = 1;
  spec.steps = spec.report_every = 20;
  const LabRow row = run_lab(spec, {.name = "none"}).back();
  CHECK(row.max_over_mean == 1);
  CHECK(row.load_entropy == 1);
  CHECK_THAT(row.specialisation_entropy, WithinRel(1.0, 1e-12));
  CHECK(row.retained_gate_mass == 1);
}

TEST_CASE("the same laboratory gives the same rows, another seed others", "[lab]") {
  LabSpec spec = laboratory(1);
  spec.steps = spec.report_every = 20;
  const BalanceSpec gumbel{.name = "gumbel", .exploration = Exploration::gumbel, .noise_scale = 1};
  const double loss = run_lab(spec, gumbel).back().loss;
  CHECK(run_lab(spec, gumbel).back().loss == loss);
  spec.seed = 2;
  CHECK(run_lab(spec, gumbel).back().loss != loss);
}

TEST_CASE("tokens are drawn as their domains' popularity says, around centres that drift", "[oracle][lab]") {
  const TokenMixtureSpec mixture{
      .domains = 4, .zipf_exponent = 1, .spread = 0, .common = 0, .drift_radians_per_step = 0.25};
  const detail::TokenMixture tokens(mixture, 8, 7);
  const double harmonic = 1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4;
  const auto batch = tokens.batch(2, 20000);
  std::vector<double> seen(4);
  std::vector<Eigen::Index> first(4, -1);
  for (std::size_t t = 0; t < batch.domains.size(); ++t) {
    const auto z = static_cast<std::size_t>(batch.domains[t]);
    seen[z] += 1.0 / 20000;
    if (first[z] < 0) first[z] = static_cast<Eigen::Index>(t);
  }
  // Four standard deviations of a share of 20,000.
  for (std::size_t z = 0; z < 4; ++z)
    CHECK_THAT(seen[z], WithinAbs(1 / harmonic / (static_cast<double>(z) + 1.0), 4 * 0.5 / std::sqrt(20000)));
  // Two steps later the same domain has turned by half a radian.
  const auto later = tokens.batch(4, 2000);
  for (std::size_t t = 0; t < later.domains.size(); ++t) {
    const auto z = static_cast<std::size_t>(later.domains[t]);
    const auto row = later.tokens.row(static_cast<Eigen::Index>(t));
    CHECK_THAT(row.dot(batch.tokens.row(first[z])), WithinAbs(std::cos(0.5), 1e-12));
    CHECK_THAT(row.norm(), WithinAbs(1.0, 1e-12));
  }
}

}  // namespace
}  // namespace moesim

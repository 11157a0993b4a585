// Each policy's rule on given logits.
#include "models/routing/gate.hpp"

#include "tests/catch.hpp"
#include "tests/routing/reference_gate.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

using test::router;

// Weights are floats from doubles: half a unit in the last place of 1, and some room.
constexpr double kFloat = 1e-6;

TEST_CASE("the worked example: logits 8, 2, 1, 7 and k = 2 give weights 0.73, 0, 0, 0.27", "[oracle]") {
  // Softmax over the kept logits 8 and 7: 1 / (1 + e^-1) = 0.7311 and 0.2689.
  RouterSpec spec = router(RoutingKind::top_k, 4, 2);
  spec.scoring = Scoring::softmax_topk;
  const std::vector<float> weights = gate_weights(spec, std::vector<float>{8, 2, 1, 7});
  CHECK(weights[0] == Approx(0.7311).margin(5e-5));
  CHECK(weights[1] == 0.0f);
  CHECK(weights[2] == 0.0f);
  CHECK(weights[3] == Approx(0.2689).margin(5e-5));
}

TEST_CASE("top-k and group-limited choose and weigh as the rule tried on every subset", "[diff]") {
  const auto kind =
      GENERATE(RoutingKind::top_1, RoutingKind::top_k, RoutingKind::group_limited, RoutingKind::node_limited);
  const auto scoring = GENERATE(Scoring::softmax_topk, Scoring::softmax, Scoring::sigmoid);
  const bool normalize = GENERATE(false, true);
  const bool biased = GENERATE(false, true);
  RouterSpec spec = router(kind, 12, kind == RoutingKind::top_1 ? 1 : 3);
  spec.scoring = scoring;
  spec.normalize = normalize;
  spec.scaling_factor = 2.5;
  spec.groups = 4;
  spec.groups_kept = 2;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(static_cast<int>(kind), static_cast<int>(scoring), normalize, biased, seed);
    Rng rng(seed, 5);
    spec.bias.clear();
    if (biased) {
      for (int e = 0; e < 12; ++e) spec.bias.push_back(0.3 * rng.uniform());
    }
    const std::vector<float> logits = test::normal_logits(12, seed);
    const std::vector<double> expected = test::reference_weights(spec, logits);
    const std::vector<float> weights = gate_weights(spec, logits);
    for (std::size_t e = 0; e < 12; ++e) CHECK(weights[e] == Approx(expected[e]).margin(2.5 * kFloat));
  }
}

TEST_CASE("a bias steers the selection and does not enter the weights", "[oracle]") {
  // Sigmoid of 0, 0, 0, 0 is 1/2 for all; the bias makes experts 1 and 3 win, with equal weights.
  RouterSpec spec = router(RoutingKind::top_k, 4, 2);
  spec.scoring = Scoring::sigmoid;
  spec.normalize = true;
  spec.bias = {0, 0.3, 0, 0.1};
  const std::vector<float> weights = gate_weights(spec, std::vector<float>{0, 0, 0, 0});
  CHECK(weights == std::vector<float>{0, 0.5f, 0, 0.5f});
}

TEST_CASE("group-limited keeps the groups with the two best experts, not the one best", "[oracle]") {
  // Groups {9, -9}, {5, 4}, {4.5, 4.4}: with sigmoid scores the first group has the best expert but the lowest sum of
  // two.
  RouterSpec spec = router(RoutingKind::group_limited, 6, 2);
  spec.scoring = Scoring::sigmoid;
  spec.groups = 3;
  spec.groups_kept = 1;
  const std::vector<float> weights = gate_weights(spec, std::vector<float>{9, -9, 5, 4, 4.5f, 4.4f});
  for (const std::size_t e : {0, 1, 2, 3}) CHECK(weights[e] == 0.0f);
  CHECK(weights[4] > 0);
  CHECK(weights[5] > 0);
}

TEST_CASE("of equal logits the lower experts are chosen", "[oracle]") {
  const std::vector<float> weights = gate_weights(router(RoutingKind::top_k, 5, 2), std::vector<float>{1, 1, 1, 1, 1});
  CHECK(weights == std::vector<float>{0.2f, 0.2f, 0, 0, 0});
}

TEST_CASE("noisy top-k with no noise is top-k", "[diff]") {
  RouterSpec spec = router(RoutingKind::noisy_top_k, 8, 3);
  const std::vector<float> logits = test::normal_logits(80, 3);
  const std::vector<float> silent(80, -200.0f);  // softplus(-200) = 0 in a float
  const std::vector<float> noisy = gate_weights(spec, logits, silent);
  spec.kind = RoutingKind::top_k;
  CHECK(noisy == gate_weights(spec, logits));
}

TEST_CASE("the noise of noisy top-k is normal with softplus(x W_noise) as its deviation", "[oracle]") {
  // Two experts with logits d, 0 and noise logits a: the first wins if d + s (e1 - e2) > 0, s = ln(1 + e^a), which has
  // chance Phi(d / (s sqrt 2)). Four standard errors of a proportion over n tokens.
  constexpr std::size_t kTokens = 20'000;
  constexpr double kDistance = 0.8;
  const double a = GENERATE(-1.0, 0.0, 1.5);
  std::vector<float> logits;
  for (std::size_t t = 0; t < kTokens; ++t) logits.insert(logits.end(), {static_cast<float>(kDistance), 0.0f});
  const std::vector<float> noise(2 * kTokens, static_cast<float>(a));
  const std::vector<float> weights = gate_weights(router(RoutingKind::noisy_top_k, 2, 1), logits, noise);
  double wins = 0;
  for (std::size_t t = 0; t < kTokens; ++t) wins += weights[2 * t] > 0 ? 1 : 0;
  const double deviation = std::log1p(std::exp(a));
  const double chance = 0.5 * std::erfc(-kDistance / (2 * deviation));
  CHECK(wins / kTokens == Approx(chance).margin(4 * std::sqrt(chance * (1 - chance) / kTokens)));
}

TEST_CASE("the second expert of GShard's top-2 is sent to with chance min(1, 2 g2)", "[oracle]") {
  // Logits 0, -x of two experts: g2 = 1 / (1 + e^x). Beside them one that is never among the two.
  constexpr std::size_t kTokens = 20'000;
  const double x = GENERATE(0.0, 1.0, 2.0, 4.0);
  std::vector<float> logits;
  for (std::size_t t = 0; t < kTokens; ++t) logits.insert(logits.end(), {static_cast<float>(-x), 0.0f, -20.0f});
  const std::vector<float> weights = gate_weights(router(RoutingKind::top_2_random_second, 3, 2), logits);
  const double g2 = 1 / (1 + std::exp(x));
  double sent = 0;
  for (std::size_t t = 0; t < kTokens; ++t) {
    REQUIRE(weights[3 * t + 1] == Approx(1 - g2).margin(kFloat));  // Not renormalised when the second is left out.
    REQUIRE((weights[3 * t] == 0.0f || std::abs(weights[3 * t] - static_cast<float>(g2)) < 1e-6f));
    REQUIRE(weights[3 * t + 2] == 0.0f);
    sent += weights[3 * t] > 0 ? 1 : 0;
  }
  const double chance = std::min(1.0, 2 * g2);
  CHECK(sent / kTokens == Approx(chance).margin(4 * std::sqrt(chance * (1 - chance) / kTokens) + 1e-12));
}

TEST_CASE("each expert of expert choice takes the tokens with its highest scores", "[diff]") {
  constexpr std::size_t kTokens = 40;
  constexpr std::size_t kExperts = 5;
  RouterSpec spec = router(RoutingKind::expert_choice, kExperts, 2);
  spec.capacity = Capacity{.factor = GENERATE(0.5, 1.0, 2.0), .scope = Capacity::Scope::rank};
  const auto capacity = static_cast<std::size_t>(40 * 2 / 5 * spec.capacity->factor);
  const std::vector<float> logits = test::normal_logits(kTokens * kExperts, 9);
  const std::vector<float> weights = gate_weights(spec, logits);

  std::vector<double> scores;  // Softmax over the experts of each token.
  RouterSpec all = router(RoutingKind::top_k, kExperts, kExperts);
  for (const float weight : gate_weights(all, logits)) scores.push_back(static_cast<double>(weight));
  for (std::size_t e = 0; e < kExperts; ++e) {
    std::vector<double> column;
    for (std::size_t t = 0; t < kTokens; ++t) column.push_back(scores[t * kExperts + e]);
    std::sort(column.rbegin(), column.rend());
    for (std::size_t t = 0; t < kTokens; ++t) {
      const double score = scores[t * kExperts + e];
      CHECK(weights[t * kExperts + e] == Approx(score >= column[capacity - 1] ? score : 0).margin(kFloat));
    }
  }
}

}  // namespace
}  // namespace moesim

// The sampled path against exact chances and against real logits.
#include <array>

#include "models/routing/expert_race.hpp"
#include "models/routing/logit_source.hpp"
#include "tests/catch.hpp"
#include "tests/routing/support.hpp"

namespace moesim {
namespace {

TEST_CASE("ordered draws from the race have the chances of draws without replacement", "[oracle]") {
  // Plackett-Luce: the ordered triple (a, b, c) has chance p_a * p_b / (1 - p_a) * p_c / (1 - p_a - p_b). The third
  // popularity is so large that rejection gives up often and the scan has to be right as well.
  const std::vector<double> p =
      GENERATE(std::vector<double>{0.1, 0.2, 0.3, 0.4}, std::vector<double>{0.0002, 0.0003, 0.9990, 0.0005});
  constexpr int kTokens = 400'000;
  ExpertRace race(p, {.group_of_expert = {0, 0, 0, 0}, .groups = 1});
  detail::TokenRandom random(3, 1);
  std::array<int, 64> count{};
  for (int token = 0; token < kTokens; ++token) {
    race.start_token();
    const int a = race.draw(0, random);
    const int b = race.draw(0, random);
    const int c = race.draw(0, random);
    ++count[static_cast<std::size_t>(a * 16 + b * 4 + c)];
  }
  double chi_squared = 0;
  int cells = 0;
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = 0; b < 4; ++b) {
      for (std::size_t c = 0; c < 4; ++c) {
        if (a == b || b == c || a == c) continue;
        const double chance = p[a] * p[b] / (1 - p[a]) * p[c] / (1 - p[a] - p[b]);
        const double expected = chance * kTokens;
        if (expected < 5) continue;  // Too rare for the approximation by a normal distribution.
        const double difference = count[a * 16 + b * 4 + c] - expected;
        chi_squared += difference * difference / expected;
        ++cells;
      }
    }
  }
  CHECK(cells >= 6);
  CHECK(chi_squared < cells + 5 * std::sqrt(2.0 * cells));
}

TEST_CASE("random exponentials and normals have their moments", "[oracle]") {
  // Moments 1 and 2 of the exponential are 1 and 2 (variances 1 and 20), of the normal 0 and 1 (variances 1 and 2).
  constexpr int kDraws = 1'000'000;
  detail::TokenRandom random(1, 2);
  double e1 = 0, e2 = 0, n1 = 0, n2 = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double e = static_cast<double>(random.exponential());
    const double n = static_cast<double>(random.normal());
    e1 += e / kDraws;
    e2 += e * e / kDraws;
    n1 += n / kDraws;
    n2 += n * n / kDraws;
  }
  const double error = 4 / std::sqrt(kDraws);
  CHECK(e1 == Approx(1).margin(error));
  CHECK(e2 == Approx(2).margin(error * std::sqrt(20.0)));
  CHECK(n1 == Approx(0).margin(error));
  CHECK(n2 == Approx(1).margin(error * std::sqrt(2.0)));
}

TEST_CASE("the fast logarithm is the logarithm", "[diff]") {
  for (float x = 1e-30f; x < 1e30f; x *= 1.0009f) {
    REQUIRE(detail::fast_log(x) == Approx(std::log(static_cast<double>(x))).epsilon(3e-7).margin(1e-7));
  }
}

TEST_CASE("both sources give Gumbel logits around ln p and standard normal noise logits", "[oracle]") {
  // The Gumbel distribution has mean gamma = 0.5772 and variance pi^2 / 6; the fourth central moments of the two, 5.4
  // times the variance squared and 3, give the variance its standard error.
  const bool features = GENERATE(false, true);
  constexpr std::size_t kTokens = 50'000;
  const std::vector<double> p = {0.5, 0.3, 0.15, 0.05};
  const RouterSpec spec = test::router(RoutingKind::noisy_top_k, 4, 2);
  const auto source = features ? make_feature_logits(spec, p, 7) : make_sampled_logits(spec, p);
  detail::TokenRandom random(7, 3);
  LogitBlock block;
  source->append(kTokens, random, block);
  REQUIRE(block.tokens() == kTokens);
  REQUIRE(block.noise_logits.size() == block.logits.size());
  const auto check_column = [&](const std::vector<float>& values, std::size_t e, double mean, double variance,
                                double kurtosis) {
    double sum = 0, squares = 0;
    for (std::size_t t = 0; t < kTokens; ++t) {
      const double difference = static_cast<double>(values[4 * t + e]) - mean;
      sum += difference / kTokens;
      squares += difference * difference / kTokens;
    }
    CHECK(std::abs(sum) < 4 * std::sqrt(variance / kTokens));
    CHECK(squares == Approx(variance).epsilon(4 * std::sqrt((kurtosis - 1) / kTokens)));
  };
  for (std::size_t e = 0; e < 4; ++e) {
    check_column(block.logits, e, std::log(p[e]) + 0.577215665, 1.644934067, 5.4);
    check_column(block.noise_logits, e, 0, 1, 3);
  }
  double products = 0;  // No noise logit goes with its logit: a mean of products of standard deviation 1.28.
  for (std::size_t i = 0; i < block.logits.size(); ++i) {
    const double centred = static_cast<double>(block.logits[i]) - std::log(p[i % 4]) - 0.577215665;
    products += centred * static_cast<double>(block.noise_logits[i]) / (4 * kTokens);
  }
  CHECK(std::abs(products) < 4 * 1.2826 / std::sqrt(4 * kTokens));
}

RouterSpec compared(RoutingKind kind, int top_k, Scoring scoring, Skew skew, std::optional<Capacity> capacity = {}) {
  RouterSpec spec = test::router(kind, 32, top_k);
  spec.scoring = scoring;
  spec.skew = skew;
  spec.groups = 8;
  spec.groups_kept = 2;
  spec.capacity = capacity;
  return spec;
}

TEST_CASE("sampled routing and routing by real logits have one distribution", "[diff]") {
  constexpr Skew kZipf{SkewKind::zipf, 0.9};
  constexpr Capacity kRank{.factor = 1, .scope = Capacity::Scope::rank};
  constexpr Capacity kBatch{.factor = 1.25, .scope = Capacity::Scope::batch};
  constexpr Capacity kNext{.overflow = Capacity::Overflow::reroute};
  constexpr Capacity kNextByScore{.order = Capacity::Order::score, .overflow = Capacity::Overflow::reroute};
  constexpr Capacity kByScore{.order = Capacity::Order::score};
  constexpr Capacity kLeastLoaded{.overflow = Capacity::Overflow::least_loaded};
  const RouterSpec spec =
      GENERATE_COPY(compared(RoutingKind::top_1, 1, Scoring::softmax, kZipf),
                    compared(RoutingKind::top_k, 4, Scoring::softmax, kZipf),
                    compared(RoutingKind::top_k, 4, Scoring::sigmoid, kZipf, kRank),
                    compared(RoutingKind::top_k, 4, Scoring::softmax_topk, {}, kBatch),
                    compared(RoutingKind::noisy_top_k, 2, Scoring::softmax_topk, kZipf),
                    compared(RoutingKind::top_2_random_second, 2, Scoring::softmax, kZipf),
                    compared(RoutingKind::top_2_random_second, 2, Scoring::sigmoid, {}, kRank),
                    compared(RoutingKind::group_limited, 4, Scoring::softmax, kZipf),
                    compared(RoutingKind::group_limited, 4, Scoring::sigmoid, {}, kRank),
                    compared(RoutingKind::node_limited, 4, Scoring::sigmoid, kZipf),
                    compared(RoutingKind::top_k, 4, Scoring::softmax_topk, kZipf, kNext),
                    compared(RoutingKind::top_k, 4, Scoring::sigmoid, kZipf, kNextByScore),
                    compared(RoutingKind::top_k, 4, Scoring::sigmoid, kZipf, kLeastLoaded),
                    compared(RoutingKind::top_1, 1, Scoring::softmax, kZipf, kByScore),
                    compared(RoutingKind::top_2_random_second, 2, Scoring::softmax, kZipf, kByScore),
                    compared(RoutingKind::node_limited, 4, Scoring::sigmoid, kZipf, kByScore),
                    compared(RoutingKind::node_limited, 4, Scoring::softmax, kZipf, kNext),
                    compared(RoutingKind::device_limited, 4, Scoring::sigmoid, kZipf),
                    compared(RoutingKind::expert_choice, 2, Scoring::softmax, kZipf));
  CAPTURE(name(spec.kind), static_cast<int>(spec.scoring), spec.capacity.has_value());
  constexpr int kSeeds = 20;
  const RankLayout layout{.ranks = 8, .ranks_per_node = 2};

  std::vector<double> sampled_load(32), logits_load(32);
  std::vector<double> rank_copies, node_copies, mass, dropped, rerouted;  // Differences, one for each seed.
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RoutedBatch a = test::route(spec, layout, 250, seed, RoutingPath::sampled);
    const RoutedBatch b = test::route(spec, layout, 250, seed, RoutingPath::logits);
    for (std::size_t e = 0; e < 32; ++e) {
      sampled_load[e] += static_cast<double>(a.expert_tokens[e]);
      logits_load[e] += static_cast<double>(b.expert_tokens[e]);
    }
    rank_copies.push_back(static_cast<double>(test::remote(a.rank_copies) - test::remote(b.rank_copies)));
    node_copies.push_back(static_cast<double>(test::remote_nodes(a) - test::remote_nodes(b)));
    mass.push_back(a.retained_gate_mass - b.retained_gate_mass);
    dropped.push_back(static_cast<double>(a.dropped_copies - b.dropped_copies));
    rerouted.push_back(static_cast<double>(a.rerouted_copies - b.rerouted_copies));
  }
  // Two samples of one distribution: the sum over experts of (a - b)^2 / (a + b) is about chi-squared. An expert's
  // count over tokens is at most binomial, so that the sum's mean is at most N; choices inside one group are
  // correlated, which widens it. Seven standard deviations of chi-squared leave room for that and still see a shift of
  // 2 %.
  double chi_squared = 0;
  for (std::size_t e = 0; e < 32; ++e) {
    const double both = sampled_load[e] + logits_load[e];
    const double difference = sampled_load[e] - logits_load[e];
    chi_squared += both == 0 ? 0 : difference * difference / both;
  }
  CHECK(chi_squared < 32 + 7 * std::sqrt(2.0 * 32));
  // The means of the rest differ by chance only: 4.5 standard errors, which the seeds' own spread gives.
  for (const auto& differences : {rank_copies, node_copies, mass, dropped, rerouted}) {
    const test::Sample sample = test::sample_of(differences);
    CHECK(std::abs(sample.mean) <= 4.5 * sample.standard_error + 1e-12);
  }
}

}  // namespace
}  // namespace moesim

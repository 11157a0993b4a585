#include "sim/max_min_certificate.hpp"
#include "sim/max_min_reference.hpp"
#include "tests/catch.hpp"

using namespace moesim;

namespace {

const auto kOne = Bandwidth::bytes_per_s(1);

std::vector<Bandwidth> capacities(std::initializer_list<double> bytes_per_s) {
  std::vector<Bandwidth> result;
  for (const double b : bytes_per_s) result.push_back(Bandwidth::bytes_per_s(b));
  return result;
}

SharingFlow over(std::initializer_list<int> links, std::optional<double> cap = {}, std::int32_t multiplicity = 1) {
  SharingFlow flow;
  for (const int link : links) flow.links.push_back(LinkId{link});
  if (cap) flow.rate_cap = Bandwidth::bytes_per_s(*cap);
  flow.multiplicity = multiplicity;
  return flow;
}

void check_rates(const std::vector<Bandwidth>& links, const std::vector<SharingFlow>& flows,
                 const std::vector<double>& expected) {
  const auto rates = max_min_reference(links, flows);
  REQUIRE(rates.size() == expected.size());
  for (std::size_t f = 0; f < rates.size(); ++f) {
    CAPTURE(f);
    CHECK_THAT(static_cast<double>(rates[f]), WithinRel(expected[f], 1e-15));
  }
  CHECK(max_min_violation(links, flows, expected) == std::nullopt);
}

std::string violation(const std::vector<Bandwidth>& links, const std::vector<SharingFlow>& flows,
                      const std::vector<double>& rates) {
  return max_min_violation(links, flows, rates).value_or("none");
}

}  // namespace

TEST_CASE("three flows on one link get a third each", "[oracle][flow]") {
  check_rates(capacities({6}), {over({0}), over({0}), over({0})}, {2, 2, 2});
}

TEST_CASE("a flow held to less elsewhere leaves the rest to the others", "[oracle][flow]") {
  // Link 1 gives flows 1 and 2 one each. That leaves 10 - 1 of link 0 to flow 0.
  check_rates(capacities({10, 2}), {over({0}), over({0, 1}), over({1})}, {9, 1, 1});
}

TEST_CASE("a capped flow leaves the rest to the others", "[oracle][flow]") {
  // 12 - 2 for two.
  check_rates(capacities({12}), {over({0}, 2), over({0}), over({0}, 100)}, {2, 5, 5});
}

TEST_CASE("a flow without links runs at its cap", "[oracle][flow]") {
  check_rates(capacities({1}), {over({}, 7), over({0})}, {7, 1});
}

TEST_CASE("a flow that stands for many takes as many shares", "[oracle][flow]") {
  // 3 + 1 shares of 8.
  check_rates(capacities({8}), {over({0}, {}, 3), over({0})}, {2, 2});
}

TEST_CASE("flows share in proportion to their weights", "[oracle][flow]") {
  // 3 * 2 + 4 shares of 10, each 1; with a cap of 3 on the flow of weight 4, the others have 7 for 6.
  SharingFlow heavy = over({0});
  heavy.weight = 4;
  SharingFlow three = over({0}, {}, 3);
  three.weight = 2;
  check_rates(capacities({10}), {heavy, three}, {4, 2});
  heavy.rate_cap = Bandwidth::bytes_per_s(3);
  check_rates(capacities({10}), {heavy, three}, {3, 7.0 / 3});
  CHECK_THAT(violation(capacities({10}), {heavy, three}, {2.5, 2.5}), ContainsSubstring("flow 0"));
}

TEST_CASE("filling goes on level by level", "[oracle][flow]") {
  // Level 1: link 2 (3 flows, capacity 3). Level 2.5: link 1 has 6 - 1 for two. Level 4.5: link 0 has 8 - 2.5 - 1.
  check_rates(capacities({8, 6, 3}), {over({0}), over({0, 1}), over({1}), over({1, 2}), over({2}), over({0, 2})},
              {4.5, 2.5, 2.5, 1, 1, 1});
}

TEST_CASE("the certificate refuses a link that carries too much", "[flow]") {
  CHECK(violation({kOne}, {over({0}), over({0})}, {0.5, 0.6}) == "link 0 carries 1.1 B/s of 1 B/s");
  CHECK_THAT(violation({kOne}, {over({0}, {}, 3)}, {0.5}), ContainsSubstring("carries"));
}

TEST_CASE("the certificate refuses a flow above its cap", "[flow]") {
  CHECK_THAT(violation({kOne}, {over({0}, 0.25)}, {0.5}), ContainsSubstring("above its cap"));
}

TEST_CASE("the certificate refuses capacity that a flow could use", "[flow]") {
  CHECK_THAT(violation({kOne}, {over({0})}, {0.9}), ContainsSubstring("fastest flow on no saturated link"));
  CHECK_THAT(violation({kOne}, {over({0})}, {0}), ContainsSubstring("has the rate 0"));
}

TEST_CASE("the certificate refuses a full link that is shared unevenly", "[flow]") {
  CHECK_THAT(violation({kOne}, {over({0}), over({0})}, {0.4, 0.6}), ContainsSubstring("flow 0"));
}

TEST_CASE("the certificate takes rates that are off by rounding alone", "[flow]") {
  CHECK(violation({kOne}, {over({0}), over({0})}, {0.5, 0.5 * (1 - 1e-10)}) == "none");
  CHECK(violation({kOne}, {over({0}), over({0})}, {0.5, 0.5 * (1 - 1e-8)}) != "none");
}

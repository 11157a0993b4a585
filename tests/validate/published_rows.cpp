#include "validate/published/published_rows.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "scenarios/error.hpp"
#include "scenarios/library_json.hpp"
#include "scenarios/run.hpp"
#include "tests/catch.hpp"
#include "validate/published/suite.hpp"

namespace moesim {
namespace {

int group_size(const PublishedRow& row) {
  const auto* collective = std::get_if<CollectiveWorkload>(&row.scenario.workload);
  return collective != nullptr ? collective->ranks : row.scenario.parallelism.ep;
}

// One row of a file, with `extra` keys in it.
std::string file_with(const std::string& extra, const std::string& quantity = "time_us") {
  return fmt::format(R"({{"schema": 1, "name": "f", "source": "s", "what": "w",
    "scenario": {{"schema": 1, "model": {{"card": "deepseek-v3"}}, "cluster": {{"card": "h800-ib", "nodes": 2}},
      "workload": {{"kind": "exchange", "tokens_per_rank": 8}}, "parallelism": {{"ep": 8}},
      "routing": {{"kind": "top_k"}},
      "dispatch": {{"algorithm": "two_hop", "library": "none", "dispatch_dtype": "fp8"}}}},
    "parameters": {{"ep": "/parallelism/ep"}}, "quantity": "{}", "rows": [{{"id": "a", "published": 10{}}}]}})",
                     quantity, extra);
}

}  // namespace

TEST_CASE("every published row is a scenario that can be run, with its source", "[validate]") {
  const std::vector<PublishedRow> rows = published_rows(suite_named("network"));
  std::set<std::string> ids;
  for (const PublishedRow& row : rows) {
    CAPTURE(row.file, row.id);
    CHECK(ids.insert(row.file + " " + row.id).second);
    CHECK(!row.source.empty());
    CHECK(row.published > 0);
    CHECK((row.use == RowUse::set_aside || row.use == RowUse::repeated) == !row.reason.empty());
  }
  CHECK(std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.use == RowUse::predicted; }) > 200);
}

TEST_CASE("at most three constants of a library are fitted, each says on what", "[validate]") {
  for (const std::string_view name : library_names()) {
    const ExchangeLibrary library = catalog_library(name);
    int fitted = 0;
    for (const LibraryConstant& constant : library.constants) {
      CAPTURE(name, constant.name);
      CHECK(constant.source.size() > 20);
      fitted += constant.origin == ConstantOrigin::fitted ? 1 : 0;
    }
    CHECK(fitted <= 3);
    CHECK(library_for(library.library, library.gpus.front())->name == name);
  }
}

TEST_CASE("a borrowed constant is another card's fitted one, which its source names", "[validate]") {
  int borrowed = 0;
  for (const std::string_view name : library_names()) {
    for (const LibraryConstant& constant : catalog_library(name).constants) {
      if (constant.origin != ConstantOrigin::borrowed) continue;
      CAPTURE(name, constant.name, constant.source);
      ++borrowed;
      int lenders = 0;
      for (const std::string_view other : library_names()) {
        if (constant.source.find("Taken from " + std::string(other) + ":") == std::string::npos) continue;
        for (const LibraryConstant& theirs : catalog_library(other).constants) {
          lenders +=
              theirs.name == constant.name && theirs.origin == ConstantOrigin::fitted && theirs.value == constant.value
                  ? 1
                  : 0;
        }
      }
      CHECK(lenders == 1);
    }
  }
  CHECK(borrowed == 6);
}

TEST_CASE("what is fitted is smaller than what is judged", "[validate]") {
  std::map<std::string, int> largest_fitted;
  std::map<std::string, int> largest_judged;
  for (const PublishedRow& row : published_rows(suite_named("network"))) {
    auto& sizes = row.use == RowUse::fitted ? largest_fitted : largest_judged;
    int& largest = sizes[row.group];
    largest = std::max(largest, group_size(row));
  }
  for (const auto& [group, ep] : largest_fitted) {
    CAPTURE(group, ep);
    CHECK(largest_judged[group] > ep);
  }
}

TEST_CASE("bandwidths count a rank's copies, its own node's included", "[validate][oracle]") {
  // 8 ranks on one node: every token has exactly one copy for its node: 8 tokens of 7168 + 224 bytes a rank.
  const auto rows = read_published_rows(file_with("", "node_copies_gb_per_s"), "f");
  REQUIRE(rows.size() == 1);
  const RunResult result = run_scenario(rows[0].scenario);
  CHECK(computed(rows[0], result) == Approx(8 * 7392 / result.time.seconds() / 1e9));
  const auto ranks = read_published_rows(file_with("", "rank_copies_gb_per_s"), "f");
  CHECK(computed(ranks[0], result) ==
        Approx(static_cast<double>(result.copies->to_ranks) / 8 * 7392 / result.time.seconds() / 1e9));
  CHECK(computed(read_published_rows(file_with(""), "f")[0], result) == Approx(result.time.us()));
}

TEST_CASE("parameters of a row take their places in the scenario", "[validate]") {
  const auto rows = read_published_rows(file_with(R"(, "ep": 16, "fitted": true)"), "f");
  CHECK(rows[0].scenario.parallelism.ep == 16);
  CHECK(rows[0].setup == "ep 16");
  CHECK(rows[0].use == RowUse::fitted);
  CHECK(rows[0].group == "no library");
}

TEST_CASE("reference files are read strictly", "[validate]") {
  CHECK_THROWS_AS(read_published_rows(file_with(R"(, "eq": 16)"), "f"), InputError);
  CHECK_THROWS_AS(read_published_rows(file_with(R"(, "ep": 17)"), "f"), InputError);
  CHECK_THROWS_AS(read_published_rows(file_with(R"(, "fitted": true, "set_aside": "no")"), "f"), InputError);
  CHECK_THROWS_AS(read_published_rows(file_with(R"(, "fitted": true, "repeats": "no")"), "f"), InputError);
  CHECK_THROWS_AS(read_published_rows(file_with("", "furlongs"), "f"), InputError);
}

TEST_CASE("the suite puts the worst first and judges what was not fitted", "[validate]") {
  const SuiteResult suite = run_suite(suite_named("network"), "deepep-low-latency-h800 ");
  CHECK(suite.rows.empty());
  const SuiteResult pplx = run_suite(suite_named("network"), "deepep-low-latency-pplx");
  REQUIRE(pplx.rows.size() == 4);
  for (std::size_t i = 1; i < 4; ++i) CHECK(std::abs(pplx.rows[i - 1].error()) >= std::abs(pplx.rows[i].error()));
  CHECK(pplx.summary(RowUse::predicted).rows == 4);
  CHECK(pplx.summary(RowUse::fitted).rows == 0);
  SuiteResult wrong = pplx;
  for (JudgedRow& row : wrong.rows) row.computed = 2 * *row.computed;
  CHECK(wrong.passes() == false);
  CHECK_FALSE(suite.passes().has_value());
  // Two dispatches are set aside: they are run, and counted only where they are asked for.
  const SuiteResult aside = run_suite(suite_named("network"), "deepep-normal-pplx");
  CHECK(aside.count(RowUse::set_aside) == 2);
  CHECK(aside.summary(RowUse::predicted).rows == 2);
  CHECK(aside.with_set_aside().rows == 4);
  // What was printed twice is judged once.
  CHECK(run_suite(suite_named("network"), "low-latency-h800").summary(RowUse::predicted).rows == 12);
}

}  // namespace moesim

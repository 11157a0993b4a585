#include "validate/probes/host/plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "scenarios/card_source.hpp"
#include "tests/catch.hpp"
#include "validate/load_shape.hpp"
#include "validate/probes/host/expert_shape.hpp"

using namespace moesim;
using namespace moesim::probe;

namespace {

std::string key(const PlannedPoint& point) { return point.what.text() + " " + point.what.library; }

}  // namespace

TEST_CASE("the plan has every family, and each point once", "[probe]") {
  const bool quick = GENERATE(true, false);
  const auto plan = make_plan(quick, 1, 1);
  std::set<std::string> keys;
  std::set<std::string_view> families;
  for (const PlannedPoint& point : plan) {
    CHECK(keys.insert(key(point)).second);
    families.insert(family(point.what.kernel));
  }
  CHECK(families.size() == kFamilies.size());
  CHECK(plan.size() < (quick ? 90 : 900));  // What 45 s and 500 s can hold, at about 0.5 s a point.
}

TEST_CASE("a point has the parameters that its kernel asks for, and no others", "[probe]") {
  for (const PlannedPoint& point : make_plan(false, 1, 8)) {
    CAPTURE(key(point));
    const MeasuredKernelInfo& kernel = info(point.what.kernel);
    CHECK(point.what.parameters.size() == kernel.parameters.size());
    for (const std::string_view name : kernel.parameters) CHECK(point.what.parameters.count(name) == 1);
    CHECK(kernel.has_dtype != point.what.dtype.empty());
    CHECK(kernel.has_load != point.what.load.empty());
    CHECK_FALSE(point.caches.empty());
    CHECK(device_bytes(point) > 0);
  }
}

TEST_CASE("the full plan starts with the quick one", "[probe]") {
  const auto quick = make_plan(true, 1, 1);
  const auto full = make_plan(false, 1, 1);
  REQUIRE(full.size() > quick.size());
  for (std::size_t i = 0; i < quick.size(); ++i) CHECK(key(full[i]) == key(quick[i]));
}

TEST_CASE("a plan cut anywhere has served the families evenly", "[probe]") {
  const auto plan = make_plan(false, 1, 1);
  const auto quick = make_plan(true, 1, 1).size();
  std::map<std::string_view, double> all;
  for (std::size_t i = quick; i < plan.size(); ++i) all[family(plan[i].what.kernel)] += 1;
  std::map<std::string_view, double> seen;
  const auto rest = static_cast<double>(plan.size() - quick);
  for (std::size_t i = quick; i < plan.size(); ++i) {
    seen[family(plan[i].what.kernel)] += 1;
    const double share = static_cast<double>(i + 1 - quick) / rest;
    for (const auto& [name, total] : all) CHECK(std::abs(seen[name] - share * total) <= 2);
  }
}

TEST_CASE("the order depends on the seed, the points do not", "[probe]") {
  const auto keys = [](std::int64_t seed) {
    std::vector<std::string> found;
    for (const PlannedPoint& point : make_plan(false, seed, 1)) found.push_back(key(point));
    return found;
  };
  auto one = keys(1);
  auto two = keys(2);
  CHECK(one == keys(1));
  CHECK(one != two);
  std::sort(one.begin(), one.end());
  std::sort(two.begin(), two.end());
  CHECK(one == two);
}

TEST_CASE("--only keeps one family", "[probe]") {
  const auto plan = make_plan(false, 1, 1, "memory");
  CHECK(plan.size() == 14);
  for (const PlannedPoint& point : plan) CHECK(family(point.what.kernel) == "memory");
}

TEST_CASE("tokens go from 1 to 65,536, local experts from 1 to 256, loads from even to one-hot", "[probe]") {
  std::set<std::int64_t> tokens;
  std::set<std::int64_t> groups;
  std::set<std::string> loads;
  std::set<std::int64_t> held;
  for (const PlannedPoint& point : make_plan(false, 1, 1)) {
    if (point.what.kernel == MeasuredKernel::histogram) tokens.insert(point.what.parameter("tokens"));
    if (point.what.kernel == MeasuredKernel::contention) held.insert(point.what.parameter("sms_held"));
    if (point.what.kernel != MeasuredKernel::grouped_gemm) continue;
    groups.insert(point.what.parameter("groups"));
    loads.insert(point.what.load);
    const auto rows = load_rows(point.what.load, point.what.parameter("rows"), point.what.parameter("groups"));
    std::int64_t sum = 0;
    for (const std::int64_t count : rows) sum += count;
    CHECK(sum == point.what.parameter("rows"));
  }
  CHECK(*tokens.begin() == 1);
  CHECK(*tokens.rbegin() == 65536);
  CHECK(*groups.begin() == 1);
  CHECK(*groups.rbegin() == 256);
  CHECK(loads.count("balanced") + loads.count("zipf:1") + loads.count("one_hot") == 3);
  CHECK(held == std::set<std::int64_t>{0, 8, 16, 20, 24, 32});
}

TEST_CASE("a prefill of each model has skewed loads, too", "[probe]") {
  std::map<std::string, std::set<std::string>> loads;
  for (const PlannedPoint& point : make_plan(false, 1, 1, "grouped_gemm")) {
    const ExpertShape& shape = expert_shape(point.model);
    const bool up = point.what.parameter("n") == shape.up_columns();
    if (up && point.what.parameter("rows") == 16384 * shape.top_k) loads[point.model].insert(point.what.load);
  }
  CHECK(loads.size() == expert_shapes().size());
  for (const auto& [model, found] : loads) CHECK(found == std::set<std::string>{"balanced", "one_hot", "zipf:1"});
}

TEST_CASE("sizes suit the libraries: 16 bytes a row, FP8 in 16s, blocks in 128s, 32-bit sizes", "[probe]") {
  for (const PlannedPoint& point : make_plan(false, 1, 1)) {
    CAPTURE(key(point));
    const auto& parameters = point.what.parameters;
    for (const auto& [name, value] : parameters) {
      if (name != "bytes") CHECK(value < std::int64_t{1} << 31);
    }
    if (parameters.count("k") == 0) continue;
    CHECK(point.what.parameter("n") % 16 == 0);
    CHECK(point.what.parameter("k") % (point.what.dtype == "fp8_block" ? 128 : 16) == 0);
  }
}

TEST_CASE("bytes of a point by hand", "[probe]") {
  PlannedPoint point;
  point.what.kernel = MeasuredKernel::gemm;
  point.what.dtype = "bf16";
  point.what.parameters = {{"m", 10}, {"n", 20}, {"k", 30}};
  CHECK(device_bytes(point) == 2 * (10 * 30 + 20 * 30 + 10 * 20));
  point.what.dtype = "fp8";
  CHECK(device_bytes(point) == 10 * 30 + 20 * 30 + 2 * 10 * 20);
  point.what.kernel = MeasuredKernel::grouped_gemm;
  point.what.parameters = {{"groups", 3}, {"rows", 10}, {"n", 20}, {"k", 30}};
  CHECK(device_bytes(point) == 10 * 30 + 3 * 20 * 30 + 2 * 10 * 20);
}

TEST_CASE("a collective gives each rank whole floats", "[probe]") {
  const std::int64_t devices = GENERATE(2, 3, 8);
  for (const PlannedPoint& point : make_plan(false, 1, devices, "collective")) {
    CHECK(point.what.parameter("ranks") == devices);
    CHECK(point.what.parameter("bytes") % (4 * devices) == 0);
  }
}

TEST_CASE("expert shapes are those of the catalog's cards", "[probe]") {
  CHECK(expert_shapes().size() == 5);
  for (const ExpertShape& shape : expert_shapes()) {
    CAPTURE(shape.model);
    const ModelCard card = read_model_source(std::string(shape.model), "test", "").card;
    const MoeFfn& moe = card.moe.value();
    CHECK(shape.hidden == card.hidden_size);
    CHECK(shape.width == moe.expert_width);
    CHECK(shape.experts == moe.routing.num_experts);
    CHECK(shape.top_k == moe.routing.top_k);
    CHECK(shape.matrices == moe.matrices);
    if (moe.selection_bias) {  // The kernel with groups is the one with sigmoid scores and a bias.
      CHECK(shape.groups == moe.routing.groups);
      CHECK(shape.groups_kept == moe.routing.groups_kept);
    } else {
      CHECK(shape.groups == 1);
    }
  }
}

#include "validate/calibrate.hpp"

#include <set>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/kernels/gemm_model.hpp"
#include "scenarios/error.hpp"
#include "scenarios/gpu_card_json.hpp"
#include "scenarios/kernel_profile_json.hpp"
#include "scenarios/layer_input.hpp"
#include "sim/rng.hpp"
#include "tests/catch.hpp"
#include "validate/calibrate_report.hpp"
#include "validate/measurement_csv.hpp"

namespace moesim {
namespace {

Device gpu(std::string_view name) { return device(catalog_gpu_card(name)); }

std::vector<Measurement> shipped_rows(std::string_view gpu, std::string_view kernels) {
  return read_measurements(fmt::format("{}/{}-{}.csv", MOESIM_REFERENCE_KERNELS, gpu, kernels)).rows;
}

// What the made-up rows are of: none of them where a fit begins.
constexpr GemmConstants kTruth{.launch_us = 4.2,
                               .peak_fraction = 0.7,
                               .drop_per_decade = 0.05,
                               .bandwidth_fraction = 0.75,
                               .step_us = 0.12,
                               .tile_us = 1.3,
                               .feed_gb_per_s = 110,
                               .quantize_us_per_million = 0,
                               .ragged_us = 0};

// Products in bf16 on H100 that take as long as the model says, several m for each (n, k).
std::vector<Measurement> made_up_rows(int shapes) {
  Rng rng(5, 0);
  const auto size = [&](double low, double high) {
    return static_cast<std::int64_t>(std::exp2(low + (high - low) * rng.uniform()));
  };
  const Device h100 = gpu("h100");
  std::vector<Measurement> rows;
  for (int i = 0; i < shapes; ++i) {
    const std::int64_t n = size(6, 14);
    const std::int64_t k = size(6, 14);
    for (int j = 0; j < 3; ++j) {
      const GemmShape shape{.m = size(0, 14), .n = n, .k = k};
      Measurement row{.library = "made-up",
                      .dtype = "bf16",
                      .kv_dtype = "",
                      .parameters = {{"m", shape.m}, {"n", n}, {"k", k}},
                      .load = "",
                      .cache = "",
                      .suspect = ""};
      row.time_us =
          gemm_time(kTruth, TileSchedule::split, h100, h100.peak_flops(DataType::bf16), shape, CacheState::rotating).us;
      rows.push_back(row);
    }
  }
  return rows;
}

KernelFit fit_of(const std::vector<Measurement>& rows, const FitSettings& settings = {}) {
  const auto groups = group_rows(rows);
  REQUIRE(groups.size() == 1);
  std::vector<std::string> notes;
  const auto fit = fit_group(gpu("h100"), groups.front(), settings, notes);
  REQUIRE(fit.has_value());
  return *fit;
}

bool held_out(const Measurement& row, const FitSettings& settings = {}) {
  const auto groups = group_rows(std::vector{row});
  return is_held_out(groups.at(0).fitter->shape(row), settings.seed, settings.held_out_fraction);
}

KernelProfile profile_of(const KernelFit& fit) {
  return {.name = "mine", .gpu = "h100", .origin = "made up", .fits = {fit}};
}

std::vector<CheckedGroup> check(const KernelProfile& profile, const std::vector<Measurement>& rows) {
  std::vector<std::string> unmatched;
  auto groups = check_rows(gpu("h100"), profile, rows, unmatched);
  CHECK(unmatched.empty());
  return groups;
}

}  // namespace

TEST_CASE("the shipped profiles keep their bands on the shipped rows, and say the truth of themselves", "[rows]") {
  // The profile's record was written by the fit; here a check finds the same errors on the same rows again.
  const std::string name = GENERATE("h100", "h200");
  const std::string kernels = GENERATE("gemm", "experts", "attention");
  CAPTURE(name, kernels);
  const KernelProfile profile = catalog_kernel_profile(name);
  CheckReport report{.profile = name, .groups = {}, .unmatched = {}, .options = {}};
  report.groups = check_rows(gpu(name), profile, shipped_rows(name, kernels), report.unmatched);
  CHECK(report.groups.size() >= 3);
  CHECK(report.passes());
  for (const CheckedGroup& group : report.groups) {
    CAPTURE(group.family, group.library, group.precision);
    const FitRecord& record = *profile.find(group.family, group.precision, group.library)->record;
    const ErrorPair unseen = errors_of(group.rows, [](const CheckedRow& row) { return row.held_out; });
    const ErrorPair seen = errors_of(group.rows, [](const CheckedRow& row) { return !row.held_out; });
    CHECK(seen.model.rows == record.rows_fitted);
    CHECK(unseen.model.rows == record.rows_held_out);
    CHECK_THAT(seen.model.mean_abs, WithinRel(record.error_fitted, 1e-6));
    CHECK_THAT(unseen.model.mean_abs, WithinRel(record.error_held_out, 1e-6));
    CHECK_THAT(unseen.roofline.mean_abs, WithinRel(record.roofline_held_out, 1e-6));
    CHECK(unseen.model.mean_abs < unseen.roofline.mean_abs);
  }
}

TEST_CASE("the shipped constants come out of the shipped rows", "[rows]") {
  const KernelProfile profile = catalog_kernel_profile("h200");
  const KernelFit& shipped = *profile.find("gemm", "bf16");
  std::vector<Measurement> rows;
  for (const Measurement& row : shipped_rows("h200", "gemm")) {
    if (row.dtype == "bf16" && row.library == shipped.library) rows.push_back(row);
  }
  const auto groups = group_rows(rows);
  REQUIRE(groups.size() == 1);
  std::vector<std::string> notes;
  const auto fit = fit_group(
      gpu("h200"), groups.front(),
      {.seed = shipped.record->seed, .held_out_fraction = shipped.record->held_out_fraction, .progress = {}}, notes);
  REQUIRE(fit.has_value());
  const KernelFit& again = *fit;
  for (const auto& [name, value] : shipped.constants) {
    CAPTURE(name);
    CHECK_THAT(again.constant(name), WithinRel(value, 0.01));
  }
  CHECK(again.ranges == shipped.ranges);
}

TEST_CASE("a fit to rows that the model made finds the model again, within 1 %", "[oracle][fit]") {
  // There is no noise, and no constant begins where it was. Some constants trade places (the peak and its drop), and
  // one that binds nowhere stays where it began, so that the times are what must come out, on shapes that the fit did
  // not see as well; those that stand alone at one end of the sizes must come out themselves.
  const KernelFit fit = fit_of(made_up_rows(120));
  CHECK(fit.record->rows_fitted + fit.record->rows_held_out == 360);
  CHECK(fit.record->error_fitted < 0.01);
  CHECK(fit.record->error_held_out < 0.01);
  CHECK_THAT(fit.constant("launch_us"), WithinRel(kTruth.launch_us, 0.01));
  CHECK_THAT(fit.constant("bandwidth_fraction"), WithinRel(kTruth.bandwidth_fraction, 0.01));
}

TEST_CASE("shapes that are held out have no part in the fit", "[property][fit]") {
  std::vector<Measurement> rows = made_up_rows(40);
  std::set<std::tuple<std::int64_t, std::int64_t>> out;
  std::set<std::tuple<std::int64_t, std::int64_t>> in;
  const KernelFit before = fit_of(rows);
  for (Measurement& row : rows) {
    (held_out(row) ? out : in).emplace(row.parameter("n"), row.parameter("k"));
    if (held_out(row)) row.time_us *= 3;
  }
  CHECK(out.size() >= 5);
  CHECK(in.size() + out.size() == 40);  // No (n, k) is on both sides.
  const KernelFit after = fit_of(rows);
  CHECK(after.constants == before.constants);
  CHECK(after.record->error_fitted == before.record->error_fitted);
  CHECK(after.record->error_held_out > 0.5);  // A third of the time that is measured now.
  for (Measurement& row : rows) row.time_us *= held_out(row) ? 1 : 3;
  CHECK(fit_of(rows).constants != before.constants);  // The others have.
}

TEST_CASE("another seed is another split", "[fit]") {
  const std::vector<Measurement> rows = made_up_rows(40);
  std::set<std::vector<bool>> splits;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::vector<bool> split;
    for (const Measurement& row : rows) split.push_back(held_out(row, {.seed = seed, .progress = {}}));
    splits.insert(split);
  }
  CHECK(splits.size() == 5);
}

TEST_CASE("suspect rows are neither fitted nor judged", "[fit]") {
  std::vector<Measurement> rows = made_up_rows(40);
  const KernelFit before = fit_of(rows);
  const std::size_t trusted = rows.size();
  for (std::size_t i = 0; i < trusted; ++i) {
    rows.push_back(rows[i]);
    rows.back().time_us *= 10;
    rows.back().suspect = "another clock";
  }
  const KernelFit after = fit_of(rows);
  CHECK(after.constants == before.constants);
  CHECK(after.record->rows_fitted == before.record->rows_fitted);
  const auto groups = check(profile_of(after), rows);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].rows.size() == trusted);
  CHECK(groups[0].suspect.size() == trusted);
  CheckReport report{.profile = "mine", .groups = groups, .unmatched = {}, .options = {.judged = JudgedRows::all}};
  CHECK(report.passes());
  CHECK(report.judged_rows() == trusted);
  CHECK_THAT(report.text({}), ContainsSubstring("suspect, not in the line above"));
}

TEST_CASE("fewer rows than constants give no fit, and a note that says so", "[fit]") {
  std::vector<Measurement> rows = made_up_rows(3);  // 9 rows for 7 constants, of which some shape is held out.
  rows.resize(6);
  std::vector<std::string> notes;
  CHECK_FALSE(fit_group(gpu("h100"), group_rows(rows).at(0), {}, notes).has_value());
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], ContainsSubstring("gemm bf16 of made-up: no fit") && ContainsSubstring("7 constants"));
}

TEST_CASE("rows that no model covers are counted, not lost", "[fit]") {
  std::vector<Measurement> rows = made_up_rows(1);
  CHECK(uncovered_rows(rows).empty());
  for (Measurement& row : rows) row.kernel = MeasuredKernel::gate_softmax;
  const auto uncovered = uncovered_rows(rows);
  REQUIRE(uncovered.size() == 1);
  CHECK_THAT(uncovered[0], ContainsSubstring("gate_softmax") && ContainsSubstring("3 rows"));
}

TEST_CASE("a check shows the worst rows first and fails outside its band", "[fit]") {
  std::vector<Measurement> rows = made_up_rows(40);
  KernelFit fit = fit_of(rows);
  for (const Constant<GemmConstants>& each : gemm_constants())
    fit.constants.at(std::string(each.name)) = kTruth.*each.field;
  rows[7].time_us *= 4;
  rows[30].time_us /= 3;
  const auto groups = check(profile_of(fit), rows);
  REQUIRE(groups.size() == 1);
  const std::vector<CheckedRow>& checked = groups[0].rows;
  CHECK_THAT(checked[0].error(), WithinRel(2.0, 1e-9));  // Three times too long beats a quarter of the time.
  CHECK_THAT(checked[1].error(), WithinRel(-0.75, 1e-9));
  for (std::size_t i = 1; i < checked.size(); ++i) {
    CHECK(std::abs(checked[i - 1].error()) >= std::abs(checked[i].error()));
  }
  const double mean = errors_of(checked, [](const CheckedRow&) { return true; }).model.mean_abs;
  const auto passes = [&](double band) {
    return CheckReport{
        .profile = "mine", .groups = groups, .unmatched = {}, .options = {.judged = JudgedRows::all, .band = band}}
        .passes();
  };
  CHECK(passes(mean * 1.001));
  CHECK_FALSE(passes(mean * 0.999));
}

TEST_CASE("rows that the profile has no fit for are named", "[fit]") {
  std::vector<Measurement> rows = made_up_rows(20);
  const KernelProfile profile = profile_of(fit_of(rows));
  for (std::size_t i = 0; i < 4; ++i) rows[i].library = "other";
  std::vector<std::string> unmatched;
  const auto groups = check_rows(gpu("h100"), profile, rows, unmatched);
  CHECK(groups.size() == 1);
  CHECK(unmatched == std::vector<std::string>{"gemm bf16 of other: 4 rows without a fit in the profile"});
}

TEST_CASE("without a record of the fit all rows are judged", "[fit]") {
  const std::vector<Measurement> rows = made_up_rows(20);
  KernelFit fit = fit_of(rows);
  fit.record.reset();
  const std::vector<CheckedGroup> groups = check(profile_of(fit), rows);
  for (const CheckedRow& row : groups.at(0).rows) CHECK(row.held_out);
}

TEST_CASE("a value outside the measured range is told, one inside or without a range is not", "[fit]") {
  KernelFit fit;
  fit.family = "gemm";
  fit.precision = "bf16";
  fit.ranges = {{"m", {1, 32768}}, {"n", {32, 65536}}};
  using Asked = std::vector<std::pair<std::string_view, double>>;
  CHECK(fit.outside(Asked{{"m", 1}, {"n", 65536}}) == std::nullopt);
  CHECK(fit.outside(Asked{{"m", 32768}, {"batch", 1e9}}) == std::nullopt);
  CHECK(fit.outside(Asked{{"m", 5}, {"n", 16}}) ==
        "gemm in bf16 was measured for n from 32 to 65536, and is asked for 16");
  CHECK(fit.outside(Asked{{"m", 65536}}) == "gemm in bf16 was measured for m from 1 to 32768, and is asked for 65536");
}

}  // namespace moesim

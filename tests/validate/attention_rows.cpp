// The models of attention against the rows that are shipped: fitted on some shapes, judged on the others.
#include <fmt/format.h>

#include "scenarios/gpu_card_json.hpp"
#include "scenarios/layer_input.hpp"
#include "tests/catch.hpp"
#include "validate/calibrate.hpp"
#include "validate/measurement_csv.hpp"

namespace moesim {
namespace {

constexpr double kAllowed = 0.12;  // Mean error of calibrated attention on shapes that were held out.

MeasurementSet shipped_rows(std::string_view gpu) {
  return read_measurements(fmt::format("{}/{}-attention.csv", MOESIM_REFERENCE_KERNELS, gpu));
}

// With the split of the shipped profiles.
KernelFit fitted(std::string_view gpu, const RowGroup& group) {
  FitSettings settings;
  settings.seed = 3;
  std::vector<std::string> notes;
  const auto fit = fit_group(device(catalog_gpu_card(gpu)), group, settings, notes);
  REQUIRE(fit.has_value());
  return *fit;
}

// Of the family, in the order that it lists them.
std::string constants_text(const KernelFit& fit) {
  std::string text;
  for (const ConstantInfo& each : kernel_family(fit.family)->constants) {
    text += fmt::format(" {}={:.4g}", each.name, fit.constant(each.name));
  }
  return text;
}

// Tokens of a prefill, keys from before of a decode.
bool is_short(const CheckedRow& row) {
  const auto tokens = row.row.parameters.find("tokens");
  return (tokens == row.row.parameters.end() ? row.row.parameter("context") : tokens->second) < 1024;
}

}  // namespace

TEST_CASE("the attention rows read back as they were, and each has a model", "[rows]") {
  const std::string gpu = GENERATE("h100", "h200");
  const MeasurementSet set = shipped_rows(gpu);
  CHECK(set.about.at("device") == gpu);
  for (const char* key : {"source", "licence", "modifications", "seed"}) CHECK(set.about.count(key) == 1);
  CHECK(set.rows.size() > 4000);
  const MeasurementSet again = parse_measurements(measurements_csv(set), "again");
  REQUIRE(again.rows.size() == set.rows.size());
  std::size_t grouped = 0;
  for (const RowGroup& group : group_rows(set.rows)) grouped += group.rows.size();
  CHECK(grouped == set.rows.size());
  for (std::size_t i = 0; i < set.rows.size(); ++i) {
    REQUIRE(again.rows[i].text() == set.rows[i].text());
    REQUIRE(again.rows[i].time_us == set.rows[i].time_us);
  }
}

TEST_CASE("attention is within 12 % on shapes that no fit saw, where a roofline is off by more than half", "[rows]") {
  const std::string gpu = GENERATE("h100", "h200");
  const auto groups = group_rows(shipped_rows(gpu).rows);
  CHECK(groups.size() == 11);  // Prefill in 3 pairs of types and of a latent in 2; three kernels of decode in 2 each.
  for (const RowGroup& group : groups) {
    CAPTURE(gpu, group.fitter->family(), group.precision);
    const KernelFit fit = fitted(gpu, group);
    CAPTURE(constants_text(fit));
    CHECK(fit.record->rows_held_out >= 50);
    CHECK(fit.record->error_held_out <= kAllowed);
    CHECK(fit.record->roofline_held_out > 0.5);
  }
}

// H100 and H200 differ in their memory alone: what was fitted on one must serve the other, or the constants are no
// property of the kernels. This is what licenses a profile of H800, of which there are no such rows.
TEST_CASE("H100's constants serve H200", "[rows]") {
  const MeasurementSet set = shipped_rows("h200");
  KernelProfile profile;
  for (const RowGroup& group : group_rows(shipped_rows("h100").rows)) {
    profile.fits.push_back(fitted("h100", group));
  }
  std::vector<std::string> unmatched;
  const auto checked = check_rows(device(catalog_gpu_card("h200")), profile, set.rows, unmatched);
  CHECK(unmatched.empty());
  CHECK(checked.size() == 11);
  for (const CheckedGroup& group : checked) {
    CAPTURE(group.family, group.precision);
    const ErrorPair errors = errors_of(group.rows, [](const CheckedRow& row) { return row.held_out; });
    CHECK(errors.model.mean_abs <= kAllowed);
  }
}

// Prints what docs/models/attention.md shows: test_validate "[table]".
TEST_CASE("table of the attention fits", "[.][table]") {
  for (const std::string gpu : {"h100", "h200"}) {
    KernelProfile profile;
    const MeasurementSet set = shipped_rows(gpu);
    for (const RowGroup& group : group_rows(set.rows)) {
      profile.fits.push_back(fitted(gpu, group));
    }
    std::vector<std::string> unmatched;
    const auto checked = check_rows(device(catalog_gpu_card(gpu)), profile, set.rows, unmatched);
    for (std::size_t i = 0; i < checked.size(); ++i) {
      const FitRecord& record = *profile.fits[i].record;
      const auto errors_where = [&](const auto& keep) { return errors_of(checked[i].rows, keep); };
      const ErrorPair errors = errors_where([](const CheckedRow& row) { return row.held_out; });
      const ErrorPair brief = errors_where([](const CheckedRow& row) { return row.held_out && is_short(row); });
      const ErrorPair lengthy = errors_where([](const CheckedRow& row) { return row.held_out && !is_short(row); });
      fmt::print("| {} | {} | {} | {} + {} | {:.1f} | {:.1f} | {:.1f} | {:+.1f} | {:.1f} | {:.1f} | {:.1f} |{}\n", gpu,
                 checked[i].family, checked[i].precision, record.rows_fitted, record.rows_held_out,
                 100 * record.error_fitted, 100 * errors.model.mean_abs, 100 * errors.model.median_abs,
                 100 * errors.model.bias, 100 * brief.model.mean_abs, 100 * lengthy.model.mean_abs,
                 100 * errors.roofline.mean_abs, constants_text(profile.fits[i]));
    }
  }
}

}  // namespace moesim

#include "validate/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kSmallTokens = 128;

std::vector<double> times(std::span<const Measurement> rows) {
  std::vector<double> us;
  for (const Measurement& row : rows) us.push_back(row.time_us);
  return us;
}

std::vector<double> predictions(const KernelFitter& fitter, const Device& device, std::span<const Measurement> rows,
                                std::span<const double> constants) {
  std::vector<double> us(rows.size());
  fitter.predictor(device, rows)(constants, us);
  return us;
}

std::vector<double> rooflines(const KernelFitter& fitter, const Device& device, std::span<const Measurement> rows) {
  std::vector<double> us;
  for (const Measurement& row : rows) us.push_back(fitter.roofline_us(device, row));
  return us;
}

// All constants of a family, of which some are searched and the others stand still.
class Constants {
 public:
  Constants(const KernelFamilyInfo& family, const KernelFitter& fitter, const Device& device, const RowGroup& group) {
    const auto fixed = fitter.fixed(device, group.precision, group.library);
    const auto starts = fitter.starts(group.precision, group.library);
    for (const ConstantInfo& info : family.constants) {
      const auto of = [&](const auto& list) {
        return std::find_if(list.begin(), list.end(), [&](const auto& each) { return each.first == info.name; });
      };
      const auto start = of(starts);
      const auto still = of(fixed);
      values_.push_back(start == starts.end() ? info.start : start->second);
      if (still != fixed.end()) {
        values_.back() = still->second;
        continue;
      }
      searched_.push_back(values_.size() - 1);
      parameters_.push_back({std::string(info.name), values_.back(), info.min, info.max});
    }
  }

  std::span<const FitParameter> parameters() const { return parameters_; }

  std::vector<double> with(std::span<const double> searched) const {
    std::vector<double> all = values_;
    for (std::size_t i = 0; i < searched.size(); ++i) all[searched_[i]] = searched[i];
    return all;
  }

 private:
  std::vector<double> values_;
  std::vector<std::size_t> searched_;
  std::vector<FitParameter> parameters_;
};

// Five digits: more than a fit can tell, and a profile that people can read.
double rounded(double value) {
  if (value == 0) return 0;
  const double unit = std::pow(10, std::floor(std::log10(std::abs(value))) - 4);
  return std::round(value / unit) * unit;
}

void widen(KernelFit& fit, const std::string& name, double value) {
  const auto [at, missing] = fit.ranges.try_emplace(name, value, value);
  at->second.first = std::min(at->second.first, value);
  at->second.second = std::max(at->second.second, value);
}

void note_ranges(std::span<const Measurement> rows, KernelFit& fit) {
  for (const Measurement& row : rows) {
    for (const auto& [name, value] : row.parameters) widen(fit, name, static_cast<double>(value));
    // What one rank computes, whatever the group around it is.
    if (row.kernel == MeasuredKernel::moe) {
      const std::int64_t pairs = row.parameter("tokens") * row.parameter("top_k");
      widen(fit, "rows", static_cast<double>(std::max<std::int64_t>(1, pairs / row.parameter("ep"))));
    }
  }
}

void worst_first(std::vector<CheckedRow>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const CheckedRow& a, const CheckedRow& b) { return std::abs(a.error()) > std::abs(b.error()); });
}

std::vector<CheckedRow> checked(const KernelFitter& fitter, const Device& device, const KernelFit& fit,
                                std::span<const double> constants, std::span<const Measurement> rows) {
  const std::vector<double> predicted = predictions(fitter, device, rows, constants);
  std::vector<CheckedRow> result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool held_out =
        !fit.record || is_held_out(fitter.shape(rows[i]), fit.record->seed, fit.record->held_out_fraction);
    result.push_back({rows[i], predicted[i], fitter.roofline_us(device, rows[i]), held_out});
  }
  worst_first(result);
  return result;
}

}  // namespace

std::vector<RowGroup> group_rows(std::span<const Measurement> rows) {
  std::vector<RowGroup> groups;
  for (const auto& fitter : kernel_fitters()) {
    const std::size_t first = groups.size();
    for (const Measurement& row : rows) {
      if (!fitter->covers(row) || (row.cache == "cold" && !fitter->knows_caches())) continue;
      const std::string precision = fitter->precision(row);
      const std::string library = fitter->library(row);
      auto at = std::find_if(groups.begin() + static_cast<std::ptrdiff_t>(first), groups.end(),
                             [&](const RowGroup& g) { return g.library == library && g.precision == precision; });
      if (at == groups.end()) at = groups.insert(groups.end(), {fitter.get(), library, precision, {}, {}});
      (row.suspect.empty() ? at->rows : at->suspect).push_back(row);
    }
  }
  return groups;
}

std::vector<std::string> uncovered_rows(std::span<const Measurement> rows) {
  std::map<std::string, std::size_t> counts;
  for (const Measurement& row : rows) {
    const bool covered = std::any_of(kernel_fitters().begin(), kernel_fitters().end(), [&](const auto& fitter) {
      return fitter->covers(row) && (row.cache != "cold" || fitter->knows_caches());
    });
    if (covered) continue;
    std::string what(info(row.kernel).name);
    if (!row.dtype.empty()) what += " " + row.dtype;
    if (row.cache == "cold") what += " cold";
    ++counts[what + " of " + row.library];
  }
  std::vector<std::string> texts;
  for (const auto& [what, count] : counts)
    texts.push_back(fmt::format("{}: {} rows that no model covers", what, count));
  return texts;
}

std::optional<KernelFit> fit_group(const Device& device, const RowGroup& group, const FitSettings& settings,
                                   std::vector<std::string>& notes) {
  const KernelFitter& fitter = *group.fitter;
  const KernelFamilyInfo* family = kernel_family(fitter.family());
  MOESIM_CHECK(family != nullptr, "no family {}", fitter.family());
  std::vector<Measurement> fitted;
  std::vector<Measurement> held_out;
  for (const Measurement& row : group.rows) {
    const bool out = is_held_out(fitter.shape(row), settings.seed, settings.held_out_fraction);
    (out ? held_out : fitted).push_back(row);
  }
  const Constants constants(*family, fitter, device, group);
  if (fitted.size() < constants.parameters().size()) {
    notes.push_back(fmt::format("{} {} of {}: no fit, {} rows for {} constants ({} more are held out)", fitter.family(),
                                group.precision, group.library, fitted.size(), constants.parameters().size(),
                                held_out.size()));
    return std::nullopt;
  }
  const Predict predict = fitter.predictor(device, fitted);
  FitOptions options;
  if (settings.progress) {
    options.progress = [&](int iteration, double cost) { settings.progress(group, iteration, cost); };
  }
  const FitSolution solution = robust_log_fit(
      constants.parameters(), times(fitted),
      [&](std::span<const double> searched, std::span<double> us) { predict(constants.with(searched), us); }, options);

  KernelFit fit{.family = std::string(fitter.family()),
                .library = group.library,
                .precision = group.precision,
                .constants = {},
                .ranges = {},
                .record = {}};
  std::vector<double> values = constants.with(solution.constants);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const ConstantInfo& info = family->constants[i];
    values[i] = std::clamp(rounded(values[i]), info.min, info.max);
    fit.constants.emplace(info.name, values[i]);
  }
  note_ranges(group.rows, fit);
  fit.record = FitRecord{
      .rows_fitted = static_cast<std::int64_t>(fitted.size()),
      .rows_held_out = static_cast<std::int64_t>(held_out.size()),
      .seed = settings.seed,
      .held_out_fraction = settings.held_out_fraction,
      .split_by = std::string(fitter.split_by()),
      .error_fitted = error_summary(predictions(fitter, device, fitted, values), times(fitted)).mean_abs,
      .error_held_out = error_summary(predictions(fitter, device, held_out, values), times(held_out)).mean_abs,
      .roofline_held_out = error_summary(rooflines(fitter, device, held_out), times(held_out)).mean_abs};
  return fit;
}

std::vector<CheckedGroup> check_rows(const Device& device, const KernelProfile& profile,
                                     std::span<const Measurement> rows, std::vector<std::string>& unmatched) {
  std::vector<CheckedGroup> result;
  for (const RowGroup& group : group_rows(rows)) {
    const std::string family(group.fitter->family());
    const KernelFit* fit = profile.find(family, group.precision, group.library);
    if (fit == nullptr) {
      unmatched.push_back(fmt::format("{} {} of {}: {} rows without a fit in the profile", family, group.precision,
                                      group.library, group.rows.size() + group.suspect.size()));
      continue;
    }
    std::vector<double> constants;
    for (const ConstantInfo& info : kernel_family(family)->constants) constants.push_back(fit->constant(info.name));
    result.push_back({family, group.library, group.precision,
                      checked(*group.fitter, device, *fit, constants, group.rows),
                      checked(*group.fitter, device, *fit, constants, group.suspect)});
  }
  return result;
}

ErrorPair errors_of(std::span<const CheckedRow> rows, const std::function<bool(const CheckedRow&)>& keep) {
  std::vector<double> predicted;
  std::vector<double> roofline;
  std::vector<double> measured;
  for (const CheckedRow& row : rows) {
    if (!keep(row)) continue;
    predicted.push_back(row.predicted_us);
    roofline.push_back(row.roofline_us);
    measured.push_back(row.row.time_us);
  }
  return {error_summary(predicted, measured), error_summary(roofline, measured)};
}

bool is_small(const Measurement& row) {
  for (const char* name : {"m", "tokens", "rows"}) {
    const auto found = row.parameters.find(name);
    if (found != row.parameters.end()) return found->second <= kSmallTokens;
  }
  return true;  // Decode: one token a sequence.
}

}  // namespace moesim

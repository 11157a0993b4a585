#include <algorithm>
#include <map>

#include "models/exchange/library.hpp"
#include "scenarios/run.hpp"
#include "validate/published/suite.hpp"
#include "validate/robust_fit.hpp"

namespace moesim {
namespace {

const LibraryConstantInfo& info(const std::string& name) {
  const auto all = library_constants();
  return *std::find_if(all.begin(), all.end(), [&](const LibraryConstantInfo& each) { return each.name == name; });
}

LibraryConstant& constant(Scenario& scenario, const std::string& name) {
  auto& constants = scenario.dispatch.library->constants;
  return *std::find_if(constants.begin(), constants.end(), [&](const LibraryConstant& c) { return c.name == name; });
}

// A constant that may be 0 is searched by its logarithm from here on.
constexpr double kLeast = 1e-4;

RefittedLibrary refit(const ExchangeLibrary& library, std::vector<PublishedRow> rows) {
  RefittedLibrary result{library.name, rows.size(), {}};
  std::vector<FitParameter> parameters;
  for (const LibraryConstant& each : library.constants) {
    if (each.origin != ConstantOrigin::fitted) continue;
    const LibraryConstantInfo& limits = info(each.name);
    parameters.push_back({each.name, each.value, std::max(limits.min, kLeast), limits.max});
  }
  if (parameters.empty()) return result;
  std::vector<double> measured;
  for (const PublishedRow& row : rows) measured.push_back(row.published);
  const Predict predict = [&](std::span<const double> constants, std::span<double> predicted) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t c = 0; c < constants.size(); ++c) {
        constant(rows[i].scenario, parameters[c].name).value = constants[c];
      }
      predicted[i] = computed(rows[i], run_scenario(rows[i].scenario));
    }
  };
  // Wide enough that it is plain least squares of the logarithms.
  constexpr double kPlainLeastSquares = 10;
  const FitSolution found = robust_log_fit(parameters, measured, predict,
                                           {.robust_scale = kPlainLeastSquares, .max_iterations = 8, .progress = {}});
  for (std::size_t c = 0; c < parameters.size(); ++c) {
    result.constants.push_back({parameters[c].name, parameters[c].start, found.constants[c]});
  }
  return result;
}

}  // namespace

std::vector<RefittedLibrary> refit_libraries(const std::string& only) {
  std::map<std::string, std::vector<PublishedRow>> groups;
  for (PublishedRow& row : published_rows(suite_named("network"))) {
    if (row.use == RowUse::fitted && row.group.find(only) != std::string::npos) {
      groups[row.group].push_back(std::move(row));
    }
  }
  std::vector<RefittedLibrary> results;
  for (auto& [name, rows] : groups) {
    if (!rows.front().scenario.dispatch.library) continue;
    const ExchangeLibrary library = *rows.front().scenario.dispatch.library;
    results.push_back(refit(library, std::move(rows)));
  }
  return results;
}

}  // namespace moesim

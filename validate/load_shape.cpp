#include "validate/load_shape.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include "models/routing/popularity.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr double kMostSkew = 20;
constexpr std::int64_t kMostRows = std::int64_t{1} << 40;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Skew> skew(std::string_view load) {
  for (const auto& [prefix, kind] :
       {std::pair<std::string_view, SkewKind>{"zipf:", SkewKind::zipf}, {"power_law:", SkewKind::power_law}}) {
    if (load.substr(0, prefix.size()) != prefix) continue;
    const auto value = number<double>(load.substr(prefix.size()));
    if (value && *value >= 0 && *value <= kMostSkew) return Skew{kind, *value};
  }
  if (load == "balanced") return Skew{};
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> listed(std::string_view load) {
  constexpr std::string_view kPrefix = "rows:";
  if (load.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  std::vector<std::int64_t> rows;
  for (std::string_view rest = load.substr(kPrefix.size());;) {
    const auto semicolon = rest.find(';');
    const auto value = number<std::int64_t>(rest.substr(0, semicolon));
    if (!value || *value < 0 || *value > kMostRows) return std::nullopt;
    rows.push_back(*value);
    if (semicolon == std::string_view::npos) return rows;
    rest.remove_prefix(semicolon + 1);
  }
}

// `total` in whole numbers proportional to `shares`: rounded down, and what that leaves to the largest remainders.
std::vector<std::int64_t> apportion(const std::vector<double>& shares, std::int64_t total) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<std::int64_t> counts(shares.size());
  std::vector<double> remainders(shares.size());
  std::int64_t left = total;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double exact = static_cast<double>(total) * shares[i] / sum;
    counts[i] = static_cast<std::int64_t>(exact);
    remainders[i] = exact - static_cast<double>(counts[i]);
    left -= counts[i];
  }
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b] + 1e-9; });
  for (std::size_t i = 0; left > 0; i = (i + 1) % order.size(), --left) ++counts[order[i]];
  return counts;
}

}  // namespace

bool is_load_shape(std::string_view load) { return load == "one_hot" || skew(load) || listed(load); }

std::vector<std::int64_t> load_rows(std::string_view load, std::int64_t rows, std::int64_t groups) {
  MOESIM_CHECK(is_load_shape(load) && rows >= 0 && groups > 0 && groups <= INT32_MAX, "{} of {} rows on {} groups",
               load, rows, groups);
  if (const auto list = listed(load)) {
    MOESIM_CHECK(static_cast<std::int64_t>(list->size()) == groups, "{} groups, {} listed", groups, list->size());
    return *list;
  }
  if (load == "one_hot") {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(groups));
    counts.front() = rows;
    return counts;
  }
  RouterSpec router;
  router.num_experts = static_cast<int>(groups);
  router.skew = *skew(load);
  return apportion(popularity_shape(router, rows), rows);
}

}  // namespace moesim

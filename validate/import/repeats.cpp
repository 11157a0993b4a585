#include "validate/import/repeats.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace moesim {
namespace {

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

}  // namespace

void Repeats::add(const std::string& place, const RowFields& shape, double us) {
  const auto [found, is_new] = index_.emplace(shape, shapes_.size());
  if (is_new) shapes_.push_back({place, shape, {}});
  shapes_[found->second].times_us.push_back(us);
}

void Repeats::move_to(ImportedRows& rows) {
  for (Shape& shape : shapes_) {
    std::vector<double>& times = shape.times_us;
    std::sort(times.begin(), times.end());
    shape.fields["time_us"] = fmt::format("{}", quantile(times, 0.5));
    if (times.size() > 1) {
      shape.fields["p10_us"] = fmt::format("{}", quantile(times, 0.1));
      shape.fields["p90_us"] = fmt::format("{}", quantile(times, 0.9));
    }
    rows.add(shape.place, std::move(shape.fields));
  }
  shapes_.clear();
  index_.clear();
}

}  // namespace moesim

#include "models/routing/popularity_walk.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "models/routing/popularity.hpp"
#include "models/routing/streams.hpp"
#include "sim/check.hpp"
#include "sim/rng.hpp"

namespace moesim {
namespace {

// a * old + sqrt(1 - a^2) * fresh: again standard normal if both are.
std::vector<double> blend(double a, const std::vector<double>& old, std::vector<double> fresh) {
  const double rest = std::sqrt(1 - a * a);
  for (std::size_t e = 0; e < fresh.size(); ++e) fresh[e] = a * old[e] + rest * fresh[e];
  return fresh;
}

}  // namespace

PopularityWalk::PopularityWalk(int experts, int layers, double layer_correlation, double step_drift, std::uint64_t seed)
    : experts_(experts), layer_correlation_(layer_correlation), step_drift_(step_drift), seed_(seed) {
  MOESIM_CHECK(layer_correlation >= 0 && layer_correlation <= 1, "correlation {}", layer_correlation);
  MOESIM_CHECK(step_drift >= 0 && step_drift <= 1, "drift {}", step_drift);
  // Normal draws handed out in the order of the shuffle are as good as draws in the order of the experts.
  std::vector<double> sorted = draw(0);
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  std::vector<double> first;
  for (const std::int32_t place : shuffled_places(experts, seed)) {
    first.push_back(sorted[static_cast<std::size_t>(place)]);
  }
  field_.push_back(std::move(first));
  for (int layer = 1; layer < layers; ++layer) field_.push_back(blend(layer_correlation, field_.back(), draw(layer)));
}

void PopularityWalk::next_step() {
  ++step_;
  if (step_drift_ == 0) return;
  std::vector<double> fresh;
  for (std::size_t layer = 0; layer < field_.size(); ++layer) {
    std::vector<double> noise = draw(static_cast<int>(layer));
    fresh = layer == 0 ? std::move(noise) : blend(layer_correlation_, fresh, std::move(noise));
    field_[layer] = blend(1 - step_drift_, field_[layer], fresh);
  }
}

std::vector<std::int32_t> PopularityWalk::places(int layer) const {
  const std::vector<double>& z = field_[static_cast<std::size_t>(layer)];
  std::vector<std::int32_t> order(z.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return z[static_cast<std::size_t>(a)] > z[static_cast<std::size_t>(b)];
  });
  std::vector<std::int32_t> places(z.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    places[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
  }
  return places;
}

std::vector<double> PopularityWalk::draw(int layer) const {
  Rng rng(seed_, detail::stream_of(detail::StreamUse::walk, step_, static_cast<std::uint64_t>(layer)));
  std::vector<double> values(static_cast<std::size_t>(experts_));
  for (double& value : values) value = rng.normal();
  return values;
}

}  // namespace moesim

#include "validate/probes/host/plan.hpp"

#include <algorithm>
#include <utility>

#include "sim/check.hpp"
#include "sim/rng.hpp"
#include "validate/probes/host/plan_points.hpp"

namespace moesim::probe {
namespace {

std::size_t family_index(MeasuredKernel kernel) {
  using enum MeasuredKernel;
  switch (kernel) {
    case gate_softmax:
    case gate_group_limited:
      return 0;
    case histogram:
    case permute:
    case unpermute:
      return 1;
    case swiglu:
    case swiglu_quantize:
      return 2;
    case grouped_gemm:
      return 3;
    case gemm:
      return 4;
    case copy:
    case triad:
      return 5;
    case contention:
      return 6;
    case all_to_all:
    case all_reduce:
      return 7;
    default:
      break;
  }
  MOESIM_CHECK(false, "no probe measures {}", info(kernel).name);
}

void shuffle(std::vector<PlannedPoint>& points, Rng& rng) {
  for (std::size_t i = points.size(); i > 1; --i) {
    std::swap(points[i - 1], points[rng.below(static_cast<std::uint32_t>(i))]);
  }
}

// Merges lists so that a share s of the result holds about the share s of each.
std::vector<PlannedPoint> spread(std::vector<std::vector<PlannedPoint>> lists) {
  std::vector<std::pair<double, PlannedPoint>> placed;
  for (std::vector<PlannedPoint>& list : lists) {
    const auto size = static_cast<double>(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
      placed.emplace_back((static_cast<double>(i) + 0.5) / size, std::move(list[i]));
    }
  }
  std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<PlannedPoint> plan;
  for (auto& [place, point] : placed) plan.push_back(std::move(point));
  return plan;
}

std::int64_t element_bytes(std::string_view dtype) { return dtype == "bf16" ? 2 : 1; }

}  // namespace

std::string_view family(MeasuredKernel kernel) { return kFamilies[family_index(kernel)]; }

std::int64_t device_bytes(const PlannedPoint& point) {
  using enum MeasuredKernel;
  const Measurement& what = point.what;
  const auto p = [&](std::string_view name) { return what.parameter(name); };
  const std::int64_t element = element_bytes(what.dtype);
  constexpr std::int64_t kBf16 = 2;
  constexpr std::int64_t kFloat = 4;
  switch (what.kernel) {
    case gate_softmax:
    case gate_group_limited:
      return (p("tokens") + p("experts")) * p("hidden") * kBf16 +
             p("tokens") * (p("experts") + 2 * p("top_k")) * kFloat;
    case histogram:
      return p("tokens") * p("top_k") * kFloat + 3 * p("experts") * kFloat;
    case permute:
    case unpermute:
      return p("tokens") * (1 + p("top_k")) * p("hidden") * kBf16 + 3 * p("tokens") * p("top_k") * kFloat;
    case swiglu:
    case swiglu_quantize:
      return p("rows") * p("width") * 3 * kBf16;
    case gemm:
      return (p("m") + p("n")) * p("k") * element + p("m") * p("n") * kBf16;
    case grouped_gemm:
    case contention:
      return (p("rows") + p("groups") * p("n")) * p("k") * element + p("rows") * p("n") * kBf16 +
             (what.kernel == contention ? kStreamBytes : 0);
    case copy:
    case triad:
      return p("bytes");
    case all_to_all:
    case all_reduce:
      return 2 * p("bytes");
    default:
      break;
  }
  MOESIM_CHECK(false, "no probe measures {}", info(what.kernel).name);
}

std::vector<PlannedPoint> make_plan(bool quick, std::int64_t seed, std::int64_t devices,
                                    std::optional<std::string_view> only_family) {
  std::vector<std::vector<PlannedPoint>> first(kFamilies.size());
  std::vector<std::vector<PlannedPoint>> rest(kFamilies.size());
  for (auto& [point, is_quick] : all_points(std::max<std::int64_t>(devices, 2))) {
    const std::size_t index = family_index(point.what.kernel);
    if (only_family && kFamilies[index] != *only_family) continue;
    (is_quick ? first : rest)[index].push_back(std::move(point));
  }
  std::vector<PlannedPoint> plan = spread(std::move(first));
  if (quick) return plan;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    Rng rng(static_cast<std::uint64_t>(seed), i);
    shuffle(rest[i], rng);
  }
  for (PlannedPoint& point : spread(std::move(rest))) plan.push_back(std::move(point));
  return plan;
}

}  // namespace moesim::probe

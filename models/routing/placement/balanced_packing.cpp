#include "models/routing/placement/balanced_packing.hpp"

#include <algorithm>
#include <numeric>

#include "sim/check.hpp"

namespace moesim {

std::vector<std::int32_t> falling_order(std::span<const double> values) {
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  return order;
}

std::vector<std::vector<std::int32_t>> pack_evenly(std::span<const double> weights, int packs) {
  MOESIM_CHECK(packs > 0 && weights.size() % static_cast<std::size_t>(packs) == 0, "{} items in {} packs",
               weights.size(), packs);
  const std::size_t size = weights.size() / static_cast<std::size_t>(packs);
  std::vector<std::vector<std::int32_t>> members(static_cast<std::size_t>(packs));
  if (size == 1) {
    for (std::size_t i = 0; i < members.size(); ++i) members[i] = {static_cast<std::int32_t>(i)};
    return members;
  }
  std::vector<double> sums(members.size());
  for (const std::int32_t item : falling_order(weights)) {
    std::size_t lightest = members.size();
    for (std::size_t pack = 0; pack < members.size(); ++pack) {
      if (members[pack].size() == size) continue;
      if (lightest == members.size() || sums[pack] < sums[lightest]) lightest = pack;
    }
    members[lightest].push_back(item);
    sums[lightest] += weights[static_cast<std::size_t>(item)];
  }
  return members;
}

std::vector<std::int32_t> replicate_heaviest(std::span<const double> weights, int replicas) {
  MOESIM_CHECK(!weights.empty() && replicas >= std::ssize(weights), "{} replicas of {} items", replicas,
               weights.size());
  std::vector<std::int32_t> item_of_replica(weights.size());
  std::iota(item_of_replica.begin(), item_of_replica.end(), 0);
  std::vector<double> count(weights.size(), 1.0);
  while (std::ssize(item_of_replica) < replicas) {
    std::size_t heaviest = 0;
    for (std::size_t i = 1; i < weights.size(); ++i) {
      if (weights[i] / count[i] > weights[heaviest] / count[heaviest]) heaviest = i;
    }
    item_of_replica.push_back(static_cast<std::int32_t>(heaviest));
    ++count[heaviest];
  }
  return item_of_replica;
}

}  // namespace moesim

#include "sim/dominated_links.hpp"

#include <algorithm>

namespace moesim {
namespace {

// Capacities that are equal on paper may differ by the rounding of their sum.
constexpr double kRounding = 1e-12;

}  // namespace

DominatedLinks::DominatedLinks(std::span<const double> capacities)
    : capacities_(capacities.begin(), capacities.end()), dominated_by_(capacities.size(), kNothing) {
  for (auto& covers : covers_) covers.resize(capacities.size());
}

bool DominatedLinks::add_route(std::span<const LinkId> links) {
  bool kept = true;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const std::size_t link = links[i].index();
    for (const Neighbour side : {kBefore, kAfter}) {
      Cover& cover = covers_[side][link];
      if (!cover.possible) continue;
      const bool at_end = side == kBefore ? i == 0 : i + 1 == links.size();
      if (at_end) {
        cover.possible = false;
      } else {
        extend(cover, links[side == kBefore ? i - 1 : i + 1], capacities_[link]);
      }
      if (cover.possible) continue;
      cover.links = {};
      if (dominated_by_[link] != side) continue;
      dominated_by_[link] = kNothing;
      kept = false;
    }
  }
  return kept;
}

void DominatedLinks::extend(Cover& cover, LinkId link, double limit) {
  const auto place = std::ranges::lower_bound(cover.links, link);
  if (place != cover.links.end() && *place == link) return;
  cover.links.insert(place, link);
  cover.capacity += capacities_[link.index()];
  cover.possible = cover.capacity <= limit * (1 + kRounding);
}

void DominatedLinks::decide() {
  // A link that another's domination rests on stays, unless it was itself dominated before: so no circle can arise.
  std::vector<bool> needed(capacities_.size(), false);
  for (std::size_t link = 0; link < capacities_.size(); ++link) {
    if (needed[link] || dominated_by_[link] != kNothing) continue;
    for (const Neighbour side : {kBefore, kAfter}) {
      const Cover& cover = covers_[side][link];
      if (!cover.possible || cover.links.empty()) continue;
      dominated_by_[link] = side;
      for (const LinkId other : cover.links) needed[other.index()] = true;
      break;
    }
  }
}

void DominatedLinks::forget() { std::ranges::fill(dominated_by_, kNothing); }

}  // namespace moesim

#include "models/routing/expert_race.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/check.hpp"

namespace moesim {

ExpertRace::ExpertRace(std::span<const double> popularity, const ExpertGroups& groups)
    : popularity_(popularity.begin(), popularity.end()),
      rate_after_(popularity.size(), 0),
      wait_after_(popularity.size(), 0),
      drawn_by_(popularity.size(), 0) {
  for (const auto& members : groups.members()) add_lane(members);
}

void ExpertRace::add_lane(std::span<const std::int32_t> members) {
  MOESIM_CHECK(!members.empty(), "group {} has no expert", lanes_.size());
  Lane lane{
      .rate = 0, .first = static_cast<std::int32_t>(slots_.size()), .size = static_cast<std::int32_t>(members.size())};
  for (const std::int32_t expert : members) {
    lane.rate += popularity(expert);
    even_ = even_ && popularity(expert) == popularity(members.front());
  }

  // Columns of height 1; an expert short of it is topped up by one that has more.
  std::vector<double> height;
  std::vector<std::size_t> small;
  std::vector<std::size_t> large;
  for (std::size_t i = 0; i < members.size(); ++i) {
    height.push_back(popularity(members[i]) * static_cast<double>(members.size()) / lane.rate);
    (height.back() < 1 ? small : large).push_back(i);
    slots_.push_back({.threshold = UINT32_MAX, .own = members[i], .other = members[i]});
  }
  while (!small.empty() && !large.empty()) {
    const std::size_t low = small.back();
    const std::size_t high = large.back();
    small.pop_back();
    Slot& slot = slots_[static_cast<std::size_t>(lane.first) + low];
    slot.threshold = static_cast<std::uint32_t>(std::min(height[low] * 0x1p32, 0x1p32 - 1));
    slot.other = members[high];
    height[high] -= 1 - height[low];
    if (height[high] < 1) {
      large.pop_back();
      small.push_back(high);
    }
  }
  lanes_.push_back(lane);
  for (const std::int32_t first : members) {
    double& rate = rate_after_[static_cast<std::size_t>(first)];
    rate = lane.rate - popularity(first);
    if (!(rate > kCancels * lane.rate)) {  // As rate_without() has it.
      rate = 0;
      for (const std::int32_t expert : members) rate += expert == first ? 0 : popularity(expert);
    }
    wait_after_[static_cast<std::size_t>(first)] =
        members.size() > 1 ? static_cast<float>(1 / rate) : std::numeric_limits<float>::infinity();
  }
}

void ExpertRace::restart_stamps() {
  std::fill(drawn_by_.begin(), drawn_by_.end(), 0);
  token_ = 1;
}

double ExpertRace::rate_by_scan(int group) const {
  const Lane& lane = lanes_[static_cast<std::size_t>(group)];
  double rate = 0;
  for (std::int32_t i = 0; i < lane.size; ++i) {
    const std::int32_t expert = slots_[static_cast<std::size_t>(lane.first + i)].own;
    if (drawn_by_[static_cast<std::size_t>(expert)] != token_) rate += popularity(expert);
  }
  return rate;
}

std::int32_t ExpertRace::draw_by_scan(int group, detail::TokenRandom& random) {
  const Lane& lane = lanes_[static_cast<std::size_t>(group)];
  double target = static_cast<double>(random.bits() >> 11) * 0x1p-53 * rate_by_scan(group);
  std::int32_t found = -1;
  for (std::int32_t i = 0; i < lane.size && (found < 0 || target > 0); ++i) {
    const std::int32_t expert = slots_[static_cast<std::size_t>(lane.first + i)].own;
    if (drawn_by_[static_cast<std::size_t>(expert)] == token_) continue;
    found = expert;
    target -= popularity(expert);
  }
  MOESIM_CHECK(found >= 0, "group {} of {} experts has none left", group, lane.size);
  drawn_by_[static_cast<std::size_t>(found)] = token_;
  return found;
}

}  // namespace moesim

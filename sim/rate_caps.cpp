#include "sim/rate_caps.hpp"

namespace moesim {

std::int32_t RateCaps::take(double bytes_per_s) {
  if (const auto known = numbers_.find(bytes_per_s); known != numbers_.end()) {
    ++caps_[static_cast<std::size_t>(known->second)].flows;
    return known->second;
  }
  std::int32_t number = -1;
  while (number < 0 && idle_.size() > kIdle) {
    const std::int32_t candidate = idle_.back();
    idle_.pop_back();
    Cap& cap = caps_[static_cast<std::size_t>(candidate)];
    cap.idle = false;
    if (cap.flows == 0) number = candidate;
  }
  if (number < 0) {
    number = static_cast<std::int32_t>(caps_.size());
    caps_.emplace_back();
  } else {
    numbers_.erase(caps_[static_cast<std::size_t>(number)].bytes_per_s);
  }
  caps_[static_cast<std::size_t>(number)] = {bytes_per_s, 1, false};
  numbers_.emplace(bytes_per_s, number);
  return number;
}

void RateCaps::release(std::int32_t number) {
  Cap& cap = caps_[static_cast<std::size_t>(number)];
  if (--cap.flows > 0 || cap.idle) return;
  cap.idle = true;
  idle_.push_back(number);
}

}  // namespace moesim

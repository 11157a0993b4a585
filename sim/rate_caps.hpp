#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace moesim {

// Numbers for the rate caps of live flows, equal caps the same, dense and used again.
class RateCaps {
 public:
  // Counts one more flow with the cap.
  std::int32_t take(double bytes_per_s);
  void release(std::int32_t cap);
  std::size_t size() const { return caps_.size(); }  // Numbers ever given.

 private:
  struct Cap {
    double bytes_per_s = 0;
    std::int32_t flows = 0;
    bool idle = false;  // In idle_.
  };
  // Caps without flows that keep their number: what a phase of traffic uses, the next one will.
  static constexpr std::size_t kIdle = 64;

  std::map<double, std::int32_t> numbers_;
  std::vector<Cap> caps_;
  std::vector<std::int32_t> idle_;  // May hold caps that have been taken again.
};

}  // namespace moesim

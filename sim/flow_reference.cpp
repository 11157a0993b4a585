#include "sim/flow_reference.hpp"

#include <algorithm>
#include <limits>

namespace moesim {
namespace {

constexpr long double kInfinity = std::numeric_limits<long double>::infinity();
// Ends that should coincide differ by the rounding of long double; ends this close, in ps, are one.
constexpr long double kSameInstant = 1e-6L;

class Reference {
 public:
  Reference(std::span<const LinkSpec> links, std::span<const ReferenceFlow> flows)
      : flows_(flows), begins_(flows.size()), left_(flows.size()), finish_(flows.size(), -1) {
    for (const LinkSpec& link : links) capacities_.push_back(link.capacity);
    for (std::size_t f = 0; f < flows.size(); ++f) {
      Picoseconds begin = flows[f].start + flows[f].start_up;
      for (const LinkId link : flows[f].sharing.links) begin += links[link.index()].latency;
      begins_[f] = static_cast<long double>(begin.count);
      left_[f] = static_cast<long double>(flows[f].bytes.count);
    }
  }

  std::vector<long double> run() {
    while (std::ranges::count(finish_, -1) > 0) step();
    return finish_;
  }

 private:
  // Ends what has nothing left, then moves to the next begin or end.
  void step() {
    std::vector<std::size_t> draining;
    std::vector<SharingFlow> sharing;
    long double next = kInfinity;
    for (std::size_t f = 0; f < flows_.size(); ++f) {
      if (finish_[f] >= 0) continue;
      if (begins_[f] > now_) {
        next = std::min(next, begins_[f]);
      } else if (left_[f] == 0) {
        finish_[f] = now_;
      } else {
        draining.push_back(f);
        sharing.push_back(flows_[f].sharing);
      }
    }
    const auto rates = max_min_reference(capacities_, sharing);
    const auto end = [&](std::size_t i) { return now_ + left_[draining[i]] / rates[i] * 1e12L; };
    for (std::size_t i = 0; i < draining.size(); ++i) next = std::min(next, end(i));
    if (next == kInfinity) return;
    for (std::size_t i = 0; i < draining.size(); ++i) {
      long double& left = left_[draining[i]];
      left = end(i) <= next + kSameInstant ? 0 : left - rates[i] * (next - now_) * 1e-12L;
    }
    now_ = next;
  }

  std::span<const ReferenceFlow> flows_;
  std::vector<Bandwidth> capacities_;
  std::vector<long double> begins_;  // When the flow begins to drain, ps.
  std::vector<long double> left_;    // Bytes.
  std::vector<long double> finish_;  // ps; -1 before the end.
  long double now_ = 0;
};

}  // namespace

std::vector<long double> reference_finish_ps(std::span<const LinkSpec> links, std::span<const ReferenceFlow> flows) {
  return Reference(links, flows).run();
}

}  // namespace moesim

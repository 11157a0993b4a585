#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace moesim {

// A flow among those that have their bottleneck in common.
struct VirtualFinish {
  double at;           // The reading of the bottleneck's clock at which the flow's last byte has drained.
  std::int32_t flow;   // Slot.
  std::int32_t other;  // The flow's one other constraint; -1 if it has more, or more weight than 1.
};

// A 4-ary heap of the flows that share one bottleneck, earliest virtual finish first. Where each flow stands in its
// heap is kept in `places` [slots], which the heaps of all bottlenecks share: a flow has one bottleneck at a time.
class FinishHeap {
 public:
  bool empty() const { return entries_.empty(); }
  const VirtualFinish& top() const { return entries_.front(); }
  std::span<const VirtualFinish> entries() const { return entries_; }  // In no useful order.
  std::span<const std::int32_t> others() const { return others_; }     // Of the entries, close together.

  void push(const VirtualFinish& entry, std::vector<std::int32_t>& places) {
    append(entry);
    sift_up(entries_.size() - 1, entry, places);
  }

  void remove(std::size_t place, std::vector<std::int32_t>& places) {
    const VirtualFinish last = entries_.back();
    entries_.pop_back();
    others_.pop_back();
    if (place == entries_.size()) return;
    if (place > 0 && last.at < entries_[(place - 1) / kArity].at) {
      sift_up(place, last, places);
    } else {
      sift_down(place, last, places);
    }
  }

  // Puts an entry anywhere; restore() must follow before anything else is asked.
  void append(const VirtualFinish& entry) {
    entries_.push_back(entry);
    others_.push_back(entry.other);
  }

  void restore(std::vector<std::int32_t>& places) {
    for (std::size_t i = 0; i < entries_.size(); ++i) places[static_cast<std::size_t>(entries_[i].flow)] = int_of(i);
    for (std::size_t i = (entries_.size() + kArity - 2) / kArity; i-- > 0;) sift_down(i, entries_[i], places);
  }

  // Moves the entries due at `bound` or before to the end of `due`.
  void take_until(double bound, std::vector<VirtualFinish>& due, std::vector<std::int32_t>& places) {
    // A few are popped; where many are due together, one pass over all of them is cheaper.
    for (int popped = 0; !entries_.empty() && top().at <= bound; ++popped) {
      if (popped == kPopsBeforePass) return filter(bound, due, places);
      due.push_back(top());
      remove(0, places);
    }
  }

  void clear() {
    entries_.clear();
    others_.clear();
  }

 private:
  static constexpr std::size_t kArity = 4;
  static constexpr int kPopsBeforePass = 8;

  static std::int32_t int_of(std::size_t i) { return static_cast<std::int32_t>(i); }

  void put(std::size_t place, const VirtualFinish& entry, std::vector<std::int32_t>& places) {
    entries_[place] = entry;
    others_[place] = entry.other;
    places[static_cast<std::size_t>(entry.flow)] = int_of(place);
  }

  void sift_up(std::size_t place, const VirtualFinish entry, std::vector<std::int32_t>& places) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / kArity;
      if (entries_[parent].at <= entry.at) break;
      put(place, entries_[parent], places);
      place = parent;
    }
    put(place, entry, places);
  }

  void sift_down(std::size_t place, const VirtualFinish entry, std::vector<std::int32_t>& places) {
    for (;;) {
      const std::size_t first = place * kArity + 1;
      if (first >= entries_.size()) break;
      const std::size_t end = first + kArity < entries_.size() ? first + kArity : entries_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (entries_[child].at < entries_[least].at) least = child;
      }
      if (entries_[least].at >= entry.at) break;
      put(place, entries_[least], places);
      place = least;
    }
    put(place, entry, places);
  }

  void filter(double bound, std::vector<VirtualFinish>& due, std::vector<std::int32_t>& places) {
    std::size_t kept = 0;
    for (const VirtualFinish& entry : entries_) {
      if (entry.at <= bound) {
        due.push_back(entry);
      } else {
        others_[kept] = entry.other;
        entries_[kept++] = entry;
      }
    }
    entries_.resize(kept);
    others_.resize(kept);
    restore(places);
  }

  std::vector<VirtualFinish> entries_;
  std::vector<std::int32_t> others_;
};

}  // namespace moesim

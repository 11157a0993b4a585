#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// Links to look at, lowest level (bytes/s) first, among equal levels the lowest number: a 4-ary heap.
class LevelQueue {
 public:
  bool empty() const { return entries_.empty(); }

  // `link` is not in the queue.
  void push(std::int32_t link, double level) {
    std::size_t place = entries_.size();
    const Entry entry{level, link};
    entries_.push_back(entry);
    while (place > 0 && before(entry, entries_[(place - 1) / kArity])) {
      entries_[place] = entries_[(place - 1) / kArity];
      place = (place - 1) / kArity;
    }
    entries_[place] = entry;
  }

  // Not on an empty queue.
  std::int32_t pop() {
    const std::int32_t link = entries_.front().link;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (entries_.empty()) return link;
    std::size_t place = 0;
    for (std::size_t first = 1; first < entries_.size(); first = place * kArity + 1) {
      const std::size_t end = first + kArity < entries_.size() ? first + kArity : entries_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        least = before(entries_[child], entries_[least]) ? child : least;
      }
      if (!before(entries_[least], last)) break;
      entries_[place] = entries_[least];
      place = least;
    }
    entries_[place] = last;
    return link;
  }

 private:
  static constexpr std::size_t kArity = 4;

  struct Entry {
    double level;
    std::int32_t link;
  };

  static bool before(const Entry& a, const Entry& b) {
    return a.level < b.level || (a.level == b.level && a.link < b.link);
  }

  std::vector<Entry> entries_;
};

}  // namespace moesim

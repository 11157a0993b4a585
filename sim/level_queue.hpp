#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// Links to look at, lowest level (bytes/s) first, among equals the lower number: a 4-ary heap.
class LevelQueue {
 public:
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  void push(std::int32_t link, double level) {
    const Entry entry{level, link};
    std::size_t place = entries_.size();
    entries_.push_back(entry);
    while (place > 0) {
      const std::size_t parent = (place - 1) / kArity;
      if (!before(entry, entries_[parent])) break;
      entries_[place] = entries_[parent];
      place = parent;
    }
    entries_[place] = entry;
  }

  // Not on an empty queue.
  std::int32_t pop() {
    const std::int32_t link = entries_.front().link;
    const Entry entry = entries_.back();
    entries_.pop_back();
    const std::size_t size = entries_.size();
    std::size_t place = 0;
    for (std::size_t first = 1; first < size; first = place * kArity + 1) {
      const std::size_t end = first + kArity < size ? first + kArity : size;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(entries_[child], entries_[least])) least = child;
      }
      if (!before(entries_[least], entry)) break;
      entries_[place] = entries_[least];
      place = least;
    }
    if (size > 0) entries_[place] = entry;
    return link;
  }

 private:
  static constexpr std::size_t kArity = 4;

  struct Entry {
    double level;
    std::int32_t link;
  };

  static bool before(const Entry& a, const Entry& b) {
    return a.level != b.level ? a.level < b.level : a.link < b.link;
  }

  std::vector<Entry> entries_;
};

}  // namespace moesim

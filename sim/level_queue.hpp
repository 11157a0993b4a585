#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// Links to look at, lowest level (bytes/s) first to within 1e-8 of it, among equals the lower number: a 4-ary heap of
// single words.
class LevelQueue {
 public:
  static constexpr int kLinkBits = 24;
  static constexpr std::size_t kMaxLinks = std::size_t{1} << kLinkBits;

  bool empty() const { return words_.empty(); }
  std::size_t size() const { return words_.size(); }

  // `level` is not negative, `link` below kMaxLinks.
  void push(std::int32_t link, double level) {
    // The bits of doubles that are not negative are ordered as they are. The sign makes room, the last bits give way.
    const std::uint64_t order = std::bit_cast<std::uint64_t>(level) << 1 >> kLinkBits << kLinkBits;
    words_.push_back(0);
    sift_up(words_.size() - 1, order | static_cast<std::uint64_t>(link));
  }

  // Not on an empty queue.
  std::int32_t pop() {
    const std::uint64_t first = words_.front();
    const std::uint64_t last = words_.back();
    words_.pop_back();
    if (!words_.empty()) sift_up(sink_hole(), last);
    return static_cast<std::int32_t>(first & (kMaxLinks - 1));
  }

 private:
  static constexpr std::size_t kArity = 4;

  void sift_up(std::size_t place, std::uint64_t word) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / kArity;
      if (words_[parent] <= word) break;
      words_[place] = words_[parent];
      place = parent;
    }
    words_[place] = word;
  }

  // Moves the hole at the top down to where it has no children; the last word nearly always belongs down there.
  std::size_t sink_hole() {
    std::size_t hole = 0;
    std::size_t first = 1;
    for (; first + kArity <= words_.size(); first = hole * kArity + 1) {
      const std::size_t left = words_[first + 1] < words_[first] ? first + 1 : first;
      const std::size_t right = words_[first + 3] < words_[first + 2] ? first + 3 : first + 2;
      const std::size_t least = words_[right] < words_[left] ? right : left;
      words_[hole] = words_[least];
      hole = least;
    }
    if (first < words_.size()) {
      const auto begin = words_.begin();
      const auto least = std::min_element(begin + static_cast<std::ptrdiff_t>(first), words_.end());
      words_[hole] = *least;
      hole = static_cast<std::size_t>(least - begin);
    }
    return hole;
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace moesim

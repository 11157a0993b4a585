#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// A set of links to look at, lowest level (bytes/s) first, to within 1/256 of a factor of two; last come first within
// that. Levels below 1 byte/s count as 1, those above 2^63 as one. The solver needs the order for its speed alone.
class LevelQueue {
 public:
  LevelQueue() { first_.fill(kNone); }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  // `link` is not in the queue.
  void push(std::int32_t link, double level) {
    if (static_cast<std::size_t>(link) >= next_.size()) next_.resize(static_cast<std::size_t>(link) + 1, kNone);
    const std::size_t bucket = bucket_of(level);
    next_[static_cast<std::size_t>(link)] = first_[bucket];
    first_[bucket] = link;
    words_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
    summary_[bucket / 4096] |= std::uint64_t{1} << (bucket / 64 % 64);
    ++size_;
  }

  // Not on an empty queue.
  std::int32_t pop() {
    std::size_t part = 0;
    while (summary_[part] == 0) ++part;
    const std::size_t word = part * 64 + static_cast<std::size_t>(std::countr_zero(summary_[part]));
    const std::size_t bucket = word * 64 + static_cast<std::size_t>(std::countr_zero(words_[word]));
    const std::int32_t link = first_[bucket];
    first_[bucket] = next_[static_cast<std::size_t>(link)];
    if (first_[bucket] == kNone) {
      words_[word] &= words_[word] - 1;
      if (words_[word] == 0) summary_[part] &= summary_[part] - 1;
    }
    --size_;
    return link;
  }

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr std::size_t kBuckets = 64 * 256;

  // The exponent and the 8 highest bits of the mantissa of a double order positive numbers as the numbers themselves.
  static std::size_t bucket_of(double level) {
    constexpr std::int64_t one = std::bit_cast<std::int64_t>(1.0) >> 44;
    const std::int64_t bucket = (std::bit_cast<std::int64_t>(level) >> 44) - one;
    return static_cast<std::size_t>(std::clamp<std::int64_t>(bucket, 0, kBuckets - 1));
  }

  std::array<std::int32_t, kBuckets> first_;            // The last link to come to each bucket.
  std::array<std::uint64_t, kBuckets / 64> words_{};    // A bit for each bucket in use.
  std::array<std::uint64_t, kBuckets / 4096> summary_{};  // A bit for each word that is not 0.
  std::vector<std::int32_t> next_;                      // [links] The one that came to the bucket before.
  std::size_t size_ = 0;
};

}  // namespace moesim

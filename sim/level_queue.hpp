#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// Links to look at, lowest level (bytes/s) first. Levels fall into buckets a thousandth of a factor of two wide; within
// the lowest bucket in use the least is searched for. Levels below 64 kB/s share a bucket, and so do those above
// 256 TB/s.
class LevelQueue {
 public:
  LevelQueue() : first_(kBuckets, kNone) {}

  bool empty() const { return size_ == 0; }

  // `link` is not in the queue.
  void push(std::int32_t link, double level) {
    if (static_cast<std::size_t>(link) >= entries_.size()) entries_.resize(static_cast<std::size_t>(link) + 1);
    const std::size_t bucket = bucket_of(level);
    entries_[static_cast<std::size_t>(link)] = {level, first_[bucket]};
    first_[bucket] = link;
    in_use_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
    words_in_use_[bucket / 4096] |= std::uint64_t{1} << (bucket / 64 % 64);
    ++size_;
  }

  // Not on an empty queue. Among equal levels, the link that came last.
  std::int32_t pop() {
    std::size_t part = 0;
    while (words_in_use_[part] == 0) ++part;
    const std::size_t word = part * 64 + static_cast<std::size_t>(std::countr_zero(words_in_use_[part]));
    const std::size_t bucket = word * 64 + static_cast<std::size_t>(std::countr_zero(in_use_[word]));
    const std::int32_t link = take_least(first_[bucket]);
    if (first_[bucket] == kNone) {
      in_use_[word] &= in_use_[word] - 1;
      if (in_use_[word] == 0) words_in_use_[part] &= words_in_use_[part] - 1;
    }
    --size_;
    return link;
  }

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr std::size_t kBuckets = 32 * 1024;
  static constexpr double kFirstLevel = 65536;

  struct Entry {
    double level;
    std::int32_t next;  // In the bucket.
  };

  // The bits of positive doubles are ordered as they are: the exponent and then the 10 highest bits of the mantissa.
  static std::size_t bucket_of(double level) {
    constexpr std::int64_t first = std::bit_cast<std::int64_t>(kFirstLevel) >> 42;
    const std::int64_t bucket = (std::bit_cast<std::int64_t>(level) >> 42) - first;
    return static_cast<std::size_t>(std::clamp<std::int64_t>(bucket, 0, kBuckets - 1));
  }

  std::int32_t take_least(std::int32_t& first) {
    std::int32_t* least = &first;
    for (std::int32_t* link = &first; *link != kNone; link = &entry(*link).next) {
      if (entry(*link).level < entry(*least).level) least = link;
    }
    const std::int32_t taken = *least;
    *least = entry(taken).next;
    return taken;
  }

  Entry& entry(std::int32_t link) { return entries_[static_cast<std::size_t>(link)]; }

  std::vector<std::int32_t> first_;                            // [buckets] The link that came last.
  std::array<std::uint64_t, kBuckets / 64> in_use_{};          // A bit for each bucket.
  std::array<std::uint64_t, kBuckets / 4096> words_in_use_{};  // A bit for each word of in_use_.
  std::vector<Entry> entries_;                                 // [links]
  std::size_t size_ = 0;
};

}  // namespace moesim

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace moesim {

// Links to look at, low levels (bytes/s) first: a radix queue. The leading bits of a level are its bucket, 4,096 to
// each factor of two; one bit for each bucket, and one for each 64 of them, lead to the first that holds a link. A
// bucket is a list in order of level, the last that was pushed first among equals. Where very many links are nearly
// level, a new one is put no further than kMostPassed into the list: coming early, it may have to be looked at once
// more.
class LevelQueue {
 public:
  bool empty() const { return octaves_in_use_ == 0; }

  // `link` is not in the queue.
  void push(std::int32_t link, double level) {
    const auto l = static_cast<std::size_t>(link);
    if (l >= entries_.size()) entries_.resize(l + 1);
    const std::size_t bucket = bucket_of(level);
    const std::size_t number = bucket / kBucketsOfOctave;
    if (!octaves_[number]) octaves_[number] = std::make_unique<Octave>();
    Octave& octave = *octaves_[number];
    const std::size_t in_octave = bucket % kBucketsOfOctave;
    std::int32_t* place = &octave.first[in_octave];
    for (int passed = 0; *place != kNone && entry(*place).level < level && passed < kMostPassed; ++passed) {
      place = &entry(*place).next;
    }
    entries_[l] = {level, *place};
    *place = link;
    octave.buckets_in_use[in_octave / 64] |= bit(in_octave % 64);
    octave.words_in_use |= bit(in_octave / 64);
    octaves_in_use_ |= bit(number);
  }

  // Not on an empty queue.
  std::int32_t pop() {
    const auto number = static_cast<std::size_t>(std::countr_zero(octaves_in_use_));
    Octave& octave = *octaves_[number];
    const auto word = static_cast<std::size_t>(std::countr_zero(octave.words_in_use));
    const auto in_word = static_cast<std::size_t>(std::countr_zero(octave.buckets_in_use[word]));
    std::int32_t& first = octave.first[word * 64 + in_word];
    const std::int32_t link = first;
    first = entry(link).next;
    if (first == kNone) {
      if ((octave.buckets_in_use[word] &= ~bit(in_word)) == 0) octave.words_in_use &= ~bit(word);
      if (octave.words_in_use == 0) octaves_in_use_ &= ~bit(number);
    }
    return link;
  }

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr std::size_t kBucketsOfOctave = 4096;
  static constexpr int kShift = 52 - 12;  // What follows the exponent of a double and the leading 12 bits after it.
  static constexpr int kMostPassed = 64;

  struct Octave {
    Octave() { first.fill(kNone); }
    std::uint64_t words_in_use = 0;
    std::array<std::uint64_t, kBucketsOfOctave / 64> buckets_in_use{};
    std::array<std::int32_t, kBucketsOfOctave> first;
  };

  struct Entry {
    double level;
    std::int32_t next;  // In its bucket.
  };

  static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << i; }

  // From 1 byte/s on; what is below, and above 2^64 bytes/s (infinity too), is in the bucket at that end.
  static std::size_t bucket_of(double level) {
    constexpr std::uint64_t kFirst = std::bit_cast<std::uint64_t>(1.0) >> kShift;
    constexpr std::uint64_t kLast = 64 * kBucketsOfOctave - 1;
    const std::uint64_t leading = std::bit_cast<std::uint64_t>(level) >> kShift;
    if (leading < kFirst) return 0;
    return leading - kFirst > kLast ? kLast : leading - kFirst;
  }

  Entry& entry(std::int32_t link) { return entries_[static_cast<std::size_t>(link)]; }

  std::vector<Entry> entries_;  // [links]
  std::uint64_t octaves_in_use_ = 0;
  std::array<std::unique_ptr<Octave>, 64> octaves_;  // From the first use on.
};

}  // namespace moesim

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace moesim {

// Links to look at, low levels (bytes/s) first: a radix queue. The leading bits of a level are its bucket, 4,096 to each
// factor of two; one bit for each bucket, and one for each 64 of them, lead to the first that holds a link. Of the links
// in a bucket the lowest comes first, among equal levels the lowest number. Only where more than kSorted are in one, as
// in a network of equal links, they come as they stand, the last that was pushed first. No link is lost by being early
// or late: it may be looked at once more.
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
    entries_[l] = {level, octave.first[in_octave]};
    octave.first[in_octave] = link;
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
    const std::int32_t link = take_lowest(first);
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
  static constexpr int kSorted = 8;

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

  std::int32_t take_lowest(std::int32_t& first) {
    std::int32_t* lowest = &first;
    int looked_at = 1;
    for (std::int32_t* place = &entry(first).next; *place != kNone; place = &entry(*place).next) {
      if (++looked_at > kSorted) {
        lowest = &first;
        break;
      }
      if (before(*place, *lowest)) lowest = place;
    }
    const std::int32_t link = *lowest;
    *lowest = entry(link).next;
    return link;
  }

  bool before(std::int32_t a, std::int32_t b) {
    return entry(a).level < entry(b).level || (entry(a).level == entry(b).level && a < b);
  }

  Entry& entry(std::int32_t link) { return entries_[static_cast<std::size_t>(link)]; }

  std::vector<Entry> entries_;  // [links]
  std::uint64_t octaves_in_use_ = 0;
  std::array<std::unique_ptr<Octave>, 64> octaves_;  // From the first use on.
};

}  // namespace moesim

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// Blocks of a few numbers each, told apart by where they begin. Freed blocks are used again, so that the pool grows
// with the blocks in use at one time.
class PlacePool {
 public:
  std::uint32_t take(std::size_t size) {
    if (size >= free_.size()) free_.resize(size + 1, kNone);
    if (size == 0) return 0;
    const std::uint32_t free = free_[size];
    if (free != kNone) {
      free_[size] = places_[free];
      return free;
    }
    places_.resize(places_.size() + size);
    return static_cast<std::uint32_t>(places_.size() - size);
  }

  void free(std::uint32_t block, std::size_t size) {
    if (size == 0) return;
    places_[block] = free_[size];
    free_[size] = block;
  }

  std::uint32_t& operator[](std::size_t i) { return places_[i]; }
  std::uint32_t at(std::size_t i) const { return places_[i]; }
  void prefetch(std::size_t i) const { __builtin_prefetch(places_.data() + i); }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::vector<std::uint32_t> places_;
  std::vector<std::uint32_t> free_;  // [size] The first free block of that size; each holds where the next begins.
};

}  // namespace moesim

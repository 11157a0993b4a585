#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/check.hpp"
#include "sim/units.hpp"

namespace moesim {

class EventHandler;

struct Event {
  Picoseconds at;
  EventHandler* handler = nullptr;
  std::uint64_t payload = 0;
};

// The pending events, in the one order that moesim has: by time, and among equal times in the order in which they were
// pushed. Time never runs backwards: a push may not lie before the last pop.
//
// That promise allows a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for the shortest path problem",
// J. ACM 37, 1990) in place of a heap of comparisons. An event waits in the bucket named by the highest base-256 digit
// in which its time differs from that of the last pop, and by its value there. The lowest bucket in use holds the next
// event; if it holds more than one, its events move to lower buckets, at most once for each of the 8 digits. Events at
// one time always share a bucket and are only ever appended, so that they keep their order without a sequence number
// that could overflow. Storage is reused: after the queue has grown to its largest, nothing is allocated.
class EventQueue {
 public:
  EventQueue() : buckets_(kLevels * kDigits) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  Picoseconds last_popped() const { return last_popped_; }  // Zero before the first pop.

  void push(const Event& event) {
    MOESIM_CHECK(event.at >= last_popped_, "an event for {} ps at {} ps", event.at.count, last_popped_.count);
    append(event);
    ++size_;
  }

  // When the next event is due. Not on an empty queue.
  Picoseconds next_at() const { return buckets_[first_bucket()].earliest; }

  // Not on an empty queue.
  Event pop() {
    std::size_t bucket = first_bucket();
    if (bucket >= kDigits && !has_one_event(buckets_[bucket])) bucket = spread(bucket);
    const Event event = take_front(bucket);
    last_popped_ = event.at;
    --size_;
    return event;
  }

 private:
  static constexpr std::size_t kDigitBits = 8;
  static constexpr std::size_t kDigits = 1U << kDigitBits;
  static constexpr std::size_t kLevels = 64 / kDigitBits;
  static constexpr std::size_t kWords = kDigits / 64;
  static constexpr std::uint32_t kChunkEvents = 10;
  static constexpr std::uint32_t kNoChunk = UINT32_MAX;

  // Four cache lines of events; buckets are lists of chunks.
  struct alignas(64) Chunk {
    std::array<Event, kChunkEvents> events;
    std::uint32_t next;
  };
  static_assert(sizeof(Chunk) == 256);

  struct Bucket {
    Picoseconds earliest;           // Of the events in it; of no meaning when there are none.
    std::uint32_t head = kNoChunk;  // The chunks of the first and the last event; kNoChunk when there are none.
    std::uint32_t tail = kNoChunk;
    std::uint32_t begin = 0;  // The first event's place in the first chunk.
    std::uint32_t end = 0;    // One past the last event's place in the last chunk.
  };

  static bool has_one_event(const Bucket& b) { return b.head == b.tail && b.begin + 1 == b.end; }

  std::size_t bucket_of(Picoseconds at) const {
    const auto time = static_cast<std::uint64_t>(at.count);
    const auto differs = time ^ static_cast<std::uint64_t>(last_popped_.count);
    const auto level = static_cast<std::size_t>(63 - std::countl_zero(differs | 1)) / kDigitBits;
    return level * kDigits + ((time >> (level * kDigitBits)) & (kDigits - 1));
  }

  std::size_t first_bucket() const {
    MOESIM_CHECK(size_ > 0, "the queue is empty");
    const auto level = static_cast<std::size_t>(std::countr_zero(levels_in_use_));
    std::size_t word = 0;
    while (in_use_[level][word] == 0) ++word;
    return level * kDigits + word * 64 + static_cast<std::size_t>(std::countr_zero(in_use_[level][word]));
  }

  void append(const Event& event) {
    const std::size_t index = bucket_of(event.at);
    Bucket& bucket = buckets_[index];
    if (bucket.head == kNoChunk) {
      mark_used(index);
      bucket = {event.at, take_chunk(), kNoChunk, 0, 0};
      bucket.tail = bucket.head;
    } else if (bucket.end == kChunkEvents) {
      const std::uint32_t chunk = take_chunk();
      chunks_[bucket.tail].next = chunk;
      bucket.tail = chunk;
      bucket.end = 0;
    }
    if (event.at < bucket.earliest) bucket.earliest = event.at;
    chunks_[bucket.tail].events[bucket.end++] = event;
  }

  Event take_front(std::size_t index) {
    Bucket& bucket = buckets_[index];
    const Chunk& chunk = chunks_[bucket.head];
    const Event event = chunk.events[bucket.begin++];
    if (bucket.head == bucket.tail && bucket.begin == bucket.end) {
      free_chunk(bucket.head);
      bucket.head = bucket.tail = kNoChunk;
      mark_unused(index);
    } else if (bucket.begin == kChunkEvents) {
      const std::uint32_t next = chunk.next;
      free_chunk(bucket.head);
      bucket.head = next;
      bucket.begin = 0;
    }
    return event;
  }

  void mark_used(std::size_t bucket) {
    in_use_[bucket / kDigits][bucket % kDigits / 64] |= std::uint64_t{1} << (bucket % 64);
    levels_in_use_ |= 1U << (bucket / kDigits);
  }

  void mark_unused(std::size_t bucket) {
    auto& level = in_use_[bucket / kDigits];
    level[bucket % kDigits / 64] &= ~(std::uint64_t{1} << (bucket % 64));
    if ((level[0] | level[1] | level[2] | level[3]) == 0) levels_in_use_ &= ~(1U << (bucket / kDigits));
  }

  std::uint32_t take_chunk() {
    if (free_chunks_ == kNoChunk) return new_chunk();
    const std::uint32_t chunk = free_chunks_;
    free_chunks_ = chunks_[chunk].next;
    return chunk;
  }

  void free_chunk(std::uint32_t chunk) {
    chunks_[chunk].next = free_chunks_;
    free_chunks_ = chunk;
  }

  std::uint32_t new_chunk();
  // Moves the events of a bucket above level 0 to lower buckets; returns the one with the next event.
  std::size_t spread(std::size_t bucket);

  std::vector<Chunk> chunks_;
  std::vector<Bucket> buckets_;                                      // [level][digit]
  std::array<std::array<std::uint64_t, kWords>, kLevels> in_use_{};  // One bit a bucket.
  std::uint32_t levels_in_use_ = 0;                                  // One bit a level.
  std::uint32_t free_chunks_ = kNoChunk;
  std::size_t size_ = 0;
  Picoseconds last_popped_;
};

}  // namespace moesim

#include "sim/event_queue.hpp"

#include <utility>

namespace moesim {

std::uint32_t EventQueue::new_chunk() {
  MOESIM_CHECK(chunks_.size() < kNoChunk, "{} events wait in {} chunks", size_, chunks_.size());
  chunks_.emplace_back();
  return static_cast<std::uint32_t>(chunks_.size() - 1);
}

std::size_t EventQueue::spread(std::size_t index) {
  const Bucket source = std::exchange(buckets_[index], Bucket{});
  mark_unused(index);
  // Every other bucket keeps its meaning: its times differ from the new time in the same digit as from the old one.
  last_popped_ = source.earliest;
  std::uint32_t begin = source.begin;
  for (std::uint32_t chunk = source.head; chunk != kNoChunk; begin = 0) {
    const bool is_last = chunk == source.tail;
    const std::uint32_t end = is_last ? source.end : kChunkEvents;
    // By value: append() may move the chunks.
    for (std::uint32_t i = begin; i < end; ++i) append(Event{chunks_[chunk].events[i]});
    const std::uint32_t next = is_last ? kNoChunk : chunks_[chunk].next;
    free_chunk(chunk);
    chunk = next;
  }
  return bucket_of(source.earliest);
}

}  // namespace moesim

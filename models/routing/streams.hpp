#pragma once

#include <cstdint>

namespace moesim::detail {

// What routing draws random numbers for. Each has streams of its own, so that one never shifts another.
enum class StreamUse : std::uint64_t {
  skew = 1,
  gate_matrix = 2,
  tokens = 3,
  scope = 4,
  walk = 5,
  step = 6,
  hot_set = 7,
  earlier_step = 8
};

inline constexpr int kTokensPerBlock = 512;

// Tokens are drawn in blocks of kTokensPerBlock for each source rank; a block's stream depends on nothing else.
constexpr std::uint64_t stream_of(StreamUse use, std::uint64_t rank = 0, std::uint64_t block = 0) {
  return static_cast<std::uint64_t>(use) << 60 | rank << 36 | block;
}

}  // namespace moesim::detail

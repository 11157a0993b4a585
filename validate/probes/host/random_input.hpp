#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define MOESIM_HOST_DEVICE __host__ __device__
#else
#define MOESIM_HOST_DEVICE
#endif

// Inputs that are a function of (seed, index), on the device and on the host alike: a reference can have any element
// of a tensor without fetching it, and does not trust the device's memory for it. Every value is a number that its type
// holds exactly, so there is no rounding to agree about.
namespace moesim::probe {

MOESIM_HOST_DEVICE inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;  // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// One of 0 .. n - 1; n below 2^32, and the bias of n / 2^32 does not matter here.
MOESIM_HOST_DEVICE inline std::uint32_t random_below(std::uint64_t seed, std::uint64_t index, std::uint32_t n) {
  return static_cast<std::uint32_t>(((random_bits(seed, index) >> 32) * n) >> 32);
}

// Multiples of 1/128 in (-1, 1): all 8 bits of a bfloat16 significand. Standard deviation 0.577.
MOESIM_HOST_DEVICE inline float random_bf16(std::uint64_t seed, std::uint64_t index) {
  return static_cast<float>(static_cast<int>(random_below(seed, index, 255)) - 127) / 128.0F;
}

// Multiples of 1/16 in (-1, 1): all 4 bits of an E4M3 significand. Standard deviation 0.559.
MOESIM_HOST_DEVICE inline float random_fp8(std::uint64_t seed, std::uint64_t index) {
  return static_cast<float>(static_cast<int>(random_below(seed, index, 31)) - 15) / 16.0F;
}

// A power of two from 1/4 to 2: a scale by which products stay exact.
MOESIM_HOST_DEVICE inline float random_scale(std::uint64_t seed, std::uint64_t index) {
  return static_cast<float>(1U << random_below(seed, index, 4)) / 4.0F;
}

// Another seed for another tensor of the same point.
MOESIM_HOST_DEVICE inline std::uint64_t tensor_seed(std::uint64_t seed, std::uint64_t tensor) {
  return random_bits(seed ^ 0x6d6f6573696d0000ULL, tensor);
}

}  // namespace moesim::probe

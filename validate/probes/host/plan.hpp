#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "validate/measurement.hpp"

namespace moesim::probe {

// Kernels that one source file measures; the words of --only.
inline constexpr std::array<std::string_view, 8> kFamilies{"gate", "permutation", "activation", "grouped_gemm",
                                                           "gemm", "memory",      "contention", "collective"};
std::string_view family(MeasuredKernel kernel);

// A point to set up and check once, and to time in each state of the cache.
struct PlannedPoint {
  Measurement what;  // Without times and cache.
  std::string model = "";
  std::vector<std::string> caches = {"cold", "hot"};
};

// Bytes of device memory that a point allocates: tensors, without the libraries' workspace.
std::int64_t device_bytes(const PlannedPoint& point);

// Every point, quick ones (or only those), in an order such that a run cut short anywhere has spent its time evenly on
// the families. Points of one family come in the same order for the same seed. `devices` is how many a collective can
// use; below 2 its points are planned for 2, and told to be unsupported when prepared.
std::vector<PlannedPoint> make_plan(bool quick, std::int64_t seed, std::int64_t devices,
                                    std::optional<std::string_view> only_family = std::nullopt);

}  // namespace moesim::probe

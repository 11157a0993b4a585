#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sim/flow_network.hpp"

namespace moesim::test {

struct TrafficFlow {
  std::vector<LinkId> links;
  Bytes bytes;
  Picoseconds start;
  Picoseconds start_up;
  std::optional<Bandwidth> rate_cap;
  std::int32_t multiplicity = 1;
  std::int32_t weight = 1;
};

// Links and the flows on them, known beforehand.
struct Traffic {
  std::vector<LinkSpec> links;
  std::vector<TrafficFlow> flows;
};

struct Outcome {
  std::vector<Picoseconds> finish;  // [flows]
  std::vector<Bytes> carried;       // [links]
  std::uint64_t sharings = 0;
  std::uint64_t flows_in_classes = 0;
  std::uint64_t classes = 0;
  Picoseconds end;
};

struct Options {
  bool check_every_sharing = false;
  LinkObserver* observer = nullptr;
  double tolerance = 0;      // 0: exact.
  bool classes = true;       // Flows that are alike are simulated as one.
  bool late_routes = false;  // Each route is added when its flow starts.
};

Outcome simulate(const Traffic& traffic, const Options& options = {});

using BytesOfPair = std::function<Bytes(int source, int destination)>;

// All ordered pairs of ranks at time zero. One switch: a link from each rank and a link to each rank.
Traffic single_switch_all_to_all(int ranks, Bandwidth port, const BytesOfPair& bytes);

// The same on a cluster of nodes of 8 ranks and leaves of 32: per rank an NVLink port of 450 GB/s and a NIC of 50 GB/s,
// per leaf 32 * 50 GB/s up to the spine and as much down. Ranks on one node use the NVLink ports alone, ranks under
// one leaf the NICs alone.
inline constexpr int kRanksPerNode = 8;
inline constexpr int kRanksPerLeaf = 32;
inline constexpr auto kNvlink = Bandwidth::gbyte_per_s(450);
inline constexpr auto kNic = Bandwidth::gbyte_per_s(50);
Traffic cluster_all_to_all(int ranks, const BytesOfPair& bytes);

// 1 MiB * exp(0.7 * N(0, 1)) for each pair, rounded down, from mt19937_64 with the seed 12345: first all destinations
// of rank 0 (itself included), then of rank 1, ... [source * ranks + destination]
std::vector<Bytes> lognormal_bytes(int ranks);

}  // namespace moesim::test

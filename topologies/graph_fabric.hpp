#pragma once

#include <cstdint>
#include <vector>

#include "topologies/fabric.hpp"

namespace moesim {

// Most switches of a graph: its tables have an entry for each pair of a switch and one that NICs hang on.
inline constexpr int kMostGraphSwitches = 8192;

// A fabric that is any graph of switches. Paths are all shortest ones, counted and found through tables of the distance
// and the number of paths from every switch to every one with a NIC: 6 bytes a pair. They are numbered in the order of
// the cables at each switch, and begin at a number that depends on the destination, so that deterministic routes use
// all of them.
class GraphFabric final : public Fabric {
 public:
  // A cable between two switches, numbered from 0, and its two links.
  struct Cable {
    int a;
    int b;
    LinkId there;  // a to b.
    LinkId back;
  };
  GraphFabric(int num_switches, const std::vector<Cable>& cables, std::vector<int> switch_of_nic);

  std::int64_t num_paths(int from, int to) const override;
  void append_path(int from, int to, std::int64_t index, std::vector<LinkId>& out) const override;

 private:
  struct Way {
    int to;
    LinkId link;
  };

  // `to` has a NIC.
  std::size_t pair(int from, int to) const {
    return static_cast<std::size_t>(rows_[static_cast<std::size_t>(to)]) * ways_.size() +
           static_cast<std::size_t>(from);
  }
  void measure_to(int destination);

  std::vector<int> switch_of_nic_;
  std::vector<std::vector<Way>> ways_;  // [switches]
  std::vector<int> rows_;               // [switches] of the tables; -1 without a NIC.
  std::vector<std::uint16_t> hops_;     // [destinations, switches]
  std::vector<std::uint32_t> paths_;    // [destinations, switches]; as many as can be told apart.
};

}  // namespace moesim

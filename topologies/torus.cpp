#include "topologies/torus.hpp"

#include <array>
#include <numeric>

#include <fmt/format.h>

#include "sim/check.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMaxDims = 3;
constexpr std::array<char, kMaxDims> kAxis = {'x', 'y', 'z'};
using Position = std::array<int, kMaxDims>;

// The factorisation of `chips` into `dims` ascending factors >= `least` with the smallest sum; empty if there is none.
std::vector<int> most_equal_factors(int chips, std::size_t dims, int least) {
  if (dims == 1) return chips >= least ? std::vector<int>{chips} : std::vector<int>{};
  std::vector<int> best;
  for (int side = least; std::int64_t{side} * side <= chips; ++side) {
    if (chips % side != 0) continue;
    std::vector<int> rest = most_equal_factors(chips / side, dims - 1, side);
    if (rest.empty()) continue;
    rest.insert(rest.begin(), side);
    const auto sum = [](const std::vector<int>& v) { return std::accumulate(v.begin(), v.end(), 0); };
    if (best.empty() || sum(rest) < sum(best)) best = rest;
  }
  return best;
}

class Torus final : public Topology {
 public:
  Torus(const ClusterCard& card, const GpuCard& gpu, int chips)
      : cores_(card.ranks_per_node), chips_(chips), shape_(torus_shape(card, chips)) {
    const Bandwidth link = (card.scale_up_efficiency / gpu.scale_up_links) * gpu.scale_up_bandwidth;
    graph_.links.reserve(static_cast<std::size_t>(chips) * links_per_chip());
    for (int chip = 0; chip < chips; ++chip) graph_.add_vertex({chip_name(chip), Vertex::Kind::gpu, chip});
    for (int chip = 0; chip < chips; ++chip) {
      const VertexId here{std::int64_t{chip}};
      const std::string& name = graph_.vertices[here.index()].name;
      for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
        for (const char sign : {'+', '-'}) {
          Position there = position(chip);
          there[axis] = (there[axis] + (sign == '+' ? 1 : shape_[axis] - 1)) % shape_[axis];
          graph_.add_link({fmt::format("{}/{}{}", name, sign, kAxis[axis]), link, card.scale_up_latency,
                           LinkClass::scale_out, here, VertexId{std::int64_t{chip_at(there)}}});
        }
      }
      for (int core = 0; cores_ > 1 && core < cores_; ++core) {
        graph_.add_link({fmt::format("{}/core{}/on-chip-tx", name, core), card.on_chip_bandwidth, card.on_chip_latency,
                         LinkClass::scale_up, here, here});
      }
    }
  }

  int num_ranks() const override { return chips_ * cores_; }
  int ranks_per_node() const override { return cores_; }
  const LinkGraph& graph() const override { return graph_; }
  VertexId vertex_of(RankId rank) const override { return VertexId{std::int64_t{rank.value} / cores_}; }
  bool nodes_forward() const override { return true; }
  int attachment(RankId rank) const override { return rank.value / cores_; }

  // One dimension after the other, the shorter way round each ring.
  void route(RankId source, RankId destination, std::vector<LinkId>& out) const override {
    const int from = source.value / cores_;
    const int to = destination.value / cores_;
    if (from == to) {
      out.push_back(
          LinkId(static_cast<std::int64_t>(from) * links_per_chip() + 2 * shape_.size() + source.value % cores_));
      return;
    }
    const Position begin = position(from);
    const Position end = position(to);
    Position here = begin;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      const int side = shape_[axis];
      const int ahead = (end[axis] - begin[axis] + side) % side;
      const bool forward = 2 * ahead == side ? forward_at_tie(begin, end, axis) : 2 * ahead < side;
      const int hops = forward ? ahead : side - ahead;
      for (int hop = 0; hop < hops; ++hop) {
        out.push_back(
            LinkId(static_cast<std::int64_t>(chip_at(here)) * links_per_chip() + 2 * axis + (forward ? 0U : 1U)));
        here[axis] = (here[axis] + (forward ? 1 : side - 1)) % side;
      }
    }
  }

 private:
  std::size_t links_per_chip() const {
    return 2 * shape_.size() + (cores_ > 1 ? static_cast<std::size_t>(cores_) : 0U);
  }

  // Half way round a ring both ways are equally short. Parity over the source's place on this axis and both places on
  // the other axes sends half of the pairs each way, on every link the same number: in the phase of one axis the
  // other axes' coordinates run over all values at one end of the pair.
  bool forward_at_tie(const Position& begin, const Position& end, std::size_t axis) const {
    int sum = begin[axis];
    for (std::size_t other = 0; other < shape_.size(); ++other) {
      if (other != axis) sum += begin[other] + end[other];
    }
    return sum % 2 == 0;
  }

  Position position(int chip) const {
    Position place{};
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      place[axis] = chip % shape_[axis];
      chip /= shape_[axis];
    }
    return place;
  }

  int chip_at(const Position& place) const {
    int chip = 0;
    for (std::size_t axis = shape_.size(); axis-- > 0;) chip = chip * shape_[axis] + place[axis];
    return chip;
  }

  std::string chip_name(int chip) const {
    const Position place = position(chip);
    return shape_.size() == 2 ? fmt::format("chip({},{})", place[0], place[1])
                              : fmt::format("chip({},{},{})", place[0], place[1], place[2]);
  }

  int cores_;
  int chips_;
  std::vector<int> shape_;
  LinkGraph graph_;
};

std::unique_ptr<Topology> make(const ClusterCard& card, const GpuCard& gpu, int nodes) {
  return std::make_unique<Torus>(card, gpu, nodes);
}

std::int64_t num_links(const ClusterCard& card, std::int64_t nodes) {
  const std::int64_t on_chip = card.ranks_per_node > 1 ? card.ranks_per_node : 0;
  return nodes * (2 * static_cast<std::int64_t>(card.torus_dims.size()) + on_chip);
}

std::int64_t max_nodes(const ClusterCard& card) {
  std::int64_t chips = 1;
  for (const int side : card.torus_dims) chips *= side;
  return chips;
}

// Chips are cabled to each other, with one cable to the next along each axis.
BillOfMaterials bill(const ClusterCard& card, std::int64_t nodes) {
  BillOfMaterials bill;
  bill.endpoints = nodes;
  bill.switch_cables = nodes * static_cast<std::int64_t>(card.torus_dims.size());
  return bill;
}

}  // namespace

std::vector<int> torus_shape(const ClusterCard& card, int chips) {
  const std::size_t dims = card.torus_dims.size();
  MOESIM_CHECK(dims == 2 || dims == 3, "{} dimensions", dims);
  if (max_nodes(card) == chips) return card.torus_dims;
  return most_equal_factors(chips, dims, 1);
}

TopologyKind torus_kind() {
  return {
      .name = "torus", .is_torus = true, .make = make, .num_links = num_links, .max_nodes = max_nodes, .bill = bill};
}

}  // namespace moesim

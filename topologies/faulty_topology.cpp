#include "topologies/faulty_topology.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "sim/check.hpp"
#include "topologies/switched_cluster.hpp"

namespace moesim {
namespace {

// Lengths of the steps of a way. That between a GPU and its NIC has one, too, so that every step leads nearer. A
// scale-up link counts as many of the fabric: messages change to a neighbour's NIC only where their own leads nowhere.
constexpr int kJointLength = 1;
constexpr int kScaleOutLength = 2;
constexpr int kScaleUpLength = 64;
constexpr std::uint16_t kUnreachable = std::numeric_limits<std::uint16_t>::max();
// Distances are kept up to this size; beyond it they are measured anew.
constexpr std::size_t kMostDistances = std::size_t{1} << 29;

bool names_vertex(Fault::Kind kind, const Vertex& vertex) {
  switch (kind) {
    case Fault::Kind::nic_down:
    case Fault::Kind::nic_slow:
      return vertex.kind == Vertex::Kind::nic;
    case Fault::Kind::gpu_slow:
      return vertex.kind == Vertex::Kind::gpu;
    case Fault::Kind::switch_down:
      return vertex.kind == Vertex::Kind::fabric_switch || vertex.kind == Vertex::Kind::scale_up_switch;
    case Fault::Kind::link_down:
    case Fault::Kind::link_slow:
      return false;
  }
  return false;
}

bool names_link(Fault::Kind kind) { return kind == Fault::Kind::link_down || kind == Fault::Kind::link_slow; }

int length(const Link& link) { return link.link_class == LinkClass::scale_up ? kScaleUpLength : kScaleOutLength; }

bool crosses(const LinkGraph& graph, const Link& link) {
  return graph.vertices[link.from.index()].node != graph.vertices[link.to.index()].node;
}

}  // namespace

std::vector<std::string> fault_names(const Topology& topology, Fault::Kind kind) {
  std::vector<std::string> names;
  if (names_link(kind)) {
    for (const Link& link : topology.links()) names.push_back(link.name);
    return names;
  }
  for (const Vertex& vertex : topology.graph().vertices) {
    if (!names_vertex(kind, vertex)) continue;
    if (vertex.members == 1) names.push_back(vertex.name);
    for (int i = 0; vertex.members > 1 && i < vertex.members; ++i) names.push_back(vertex.member + std::to_string(i));
  }
  return names;
}

FaultyTopology::FaultyTopology(std::unique_ptr<Topology> whole, const ClusterCard& card, std::uint64_t seed)
    : whole_(std::move(whole)),
      graph_(whole_->graph()),
      hashed_(card.path_choice == PathChoice::ecmp),
      seed_(seed),
      alive_(graph_.links.size(), true) {
  for (const Fault& fault : card.faults) apply(fault);
  add_stops();
}

void FaultyTopology::add_stops() {
  const std::size_t vertices = graph_.vertices.size();
  for (auto* lists : {&leave_, &enter_}) lists->resize(2 * vertices);
  for (auto* lists : {&join_to_, &join_from_}) lists->resize(2 * vertices);
  // A NIC receives at the stop behind all vertices.
  for (std::size_t i = 0; i < graph_.links.size(); ++i) {
    const Link& link = graph_.links[i];
    const bool outside = crosses(graph_, link);
    const bool from_nic = graph_.vertices[link.from.index()].kind == Vertex::Kind::nic;
    const bool to_nic = graph_.vertices[link.to.index()].kind == Vertex::Kind::nic;
    from_.push_back(link.from.index() + (from_nic && !outside ? vertices : 0));
    to_.push_back(link.to.index() + (to_nic && outside ? vertices : 0));
    leave_[from_[i]].push_back(LinkId(static_cast<std::int64_t>(i)));
    enter_[to_[i]].push_back(LinkId(static_cast<std::int64_t>(i)));
  }
  const auto join = [&](Stop from, Stop to) {
    join_to_[from].push_back(to);
    join_from_[to].push_back(from);
  };
  for (const Joint& joint : graph_.joints) {
    join(joint.gpu.index(), joint.nic.index());
    join(joint.nic.index() + vertices, joint.gpu.index());
  }
}

void FaultyTopology::apply(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::link_down:
    case Fault::Kind::link_slow: {
      const auto found = std::find_if(graph_.links.begin(), graph_.links.end(),
                                      [&](const Link& link) { return link.name == fault.name; });
      MOESIM_CHECK(found != graph_.links.end(), "no link {}", fault.name);
      return scale(LinkId(found - graph_.links.begin()), fault.kind == Fault::Kind::link_down ? 0 : fault.factor);
    }
    case Fault::Kind::nic_down:
      return scale_all(vertex_named(fault.name), 0);
    case Fault::Kind::nic_slow:
      return scale_ports(vertex_named(fault.name), fault.factor);
    case Fault::Kind::switch_down:
      return lose_switch(fault.name);
    case Fault::Kind::gpu_slow:
      return slow_gpu(vertex_named(fault.name), fault.factor);
  }
}

void FaultyTopology::scale(LinkId link, double factor) {
  if (factor <= 0) alive_[link.index()] = false;
  Link& scaled = graph_.links[link.index()];
  if (factor > 0) scaled.capacity = factor * scaled.capacity;
}

void FaultyTopology::scale_all(VertexId vertex, double factor) {
  for (std::size_t i = 0; i < graph_.links.size(); ++i) {
    const Link& link = graph_.links[i];
    if (link.from == vertex || link.to == vertex) scale(LinkId(static_cast<std::int64_t>(i)), factor);
  }
}

void FaultyTopology::scale_ports(VertexId vertex, double factor) {
  for (std::size_t i = 0; i < graph_.links.size(); ++i) {
    const Link& link = graph_.links[i];
    if ((link.from == vertex || link.to == vertex) && crosses(graph_, link)) {
      scale(LinkId(static_cast<std::int64_t>(i)), factor);
    }
  }
}

void FaultyTopology::lose_switch(const std::string& name) {
  for (std::size_t i = 0; i < graph_.vertices.size(); ++i) {
    const Vertex& vertex = graph_.vertices[i];
    const VertexId id(static_cast<std::int64_t>(i));
    if (vertex.members == 1) {
      if (names_vertex(Fault::Kind::switch_down, vertex) && vertex.name == name) return scale_all(id, 0);
      continue;
    }
    for (int member = 0; member < vertex.members; ++member) {
      if (vertex.member + std::to_string(member) != name) continue;
      const double left = members_left_.try_emplace(id.value, vertex.members).first->second;
      members_left_[id.value] = left - 1;
      return scale_all(id, (left - 1) / left);
    }
  }
  MOESIM_CHECK(false, "no switch {}", name);
}

void FaultyTopology::slow_gpu(VertexId gpu, double factor) {
  scale_all(gpu, factor);
  std::map<VertexId, std::set<VertexId>> gpus_of;  // By NIC.
  for (const Joint& joint : graph_.joints) gpus_of[joint.nic].insert(joint.gpu);
  for (const Link& link : graph_.links) {
    const bool pcie = graph_.vertices[link.to.index()].kind == Vertex::Kind::nic && !crosses(graph_, link);
    if (pcie) gpus_of[link.to].insert(link.from);
  }
  for (const auto& [nic, gpus] : gpus_of) {
    if (gpus.size() == 1 && *gpus.begin() == gpu) scale_ports(nic, factor);
  }
}

VertexId FaultyTopology::vertex_named(const std::string& name) const {
  const auto found = std::find_if(graph_.vertices.begin(), graph_.vertices.end(),
                                  [&](const Vertex& vertex) { return vertex.name == name; });
  MOESIM_CHECK(found != graph_.vertices.end(), "nothing is named {}", name);
  return VertexId(found - graph_.vertices.begin());
}

bool FaultyTopology::is_detour(LinkId id, int destination_node) const {
  if (nodes_forward()) return false;
  const Link& link = graph_.links[id.index()];
  const int to = graph_.vertices[link.to.index()].node;
  return to != Vertex::kBetweenNodes && to != destination_node &&
         graph_.vertices[link.from.index()].node == Vertex::kBetweenNodes;
}

FaultyTopology::Distances FaultyTopology::measure(VertexId destination) const {
  const int node = graph_.vertices[destination.index()].node;
  Distances distances(leave_.size(), kUnreachable);
  // Dial's buckets: a stop waits under every distance found for it, and counts at the first.
  std::vector<std::vector<Stop>> waiting = {{destination.index()}};
  const auto reach = [&](Stop stop, std::size_t distance) {
    if (distance >= waiting.size()) waiting.resize(distance + 1);
    if (distances[stop] == kUnreachable) waiting[distance].push_back(stop);
  };
  for (std::size_t distance = 0; distance < waiting.size() && distance < kUnreachable; ++distance) {
    for (std::size_t i = 0; i < waiting[distance].size(); ++i) {
      const Stop here = waiting[distance][i];
      if (distances[here] != kUnreachable) continue;
      distances[here] = static_cast<std::uint16_t>(distance);
      for (const LinkId link : enter_[here]) {
        if (!alive(link) || is_detour(link, node)) continue;
        reach(from_[link.index()], distance + static_cast<std::size_t>(length(graph_.links[link.index()])));
      }
      for (const Stop before : join_from_[here]) reach(before, distance + kJointLength);
    }
  }
  return distances;
}

const FaultyTopology::Distances& FaultyTopology::distances_to(VertexId destination) const {
  const auto found = distances_.find(destination.value);
  if (found != distances_.end()) return found->second;
  const std::size_t each = leave_.size() * sizeof(std::uint16_t);
  if ((distances_.size() + 1) * each > kMostDistances) distances_.clear();
  return distances_.emplace(destination.value, measure(destination)).first->second;
}

bool FaultyTopology::reachable(RankId source, RankId destination) const {
  if (whole_->reachable(source, destination)) {
    std::vector<LinkId> links;
    whole_->route(source, destination, links);
    if (std::all_of(links.begin(), links.end(), [&](LinkId link) { return alive(link); })) return true;
  }
  const VertexId from = vertex_of(source);
  const VertexId to = vertex_of(destination);
  return from != to && distances_to(to)[from.index()] != kUnreachable;
}

void FaultyTopology::route(RankId source, RankId destination, std::vector<LinkId>& out) const {
  const std::size_t begin = out.size();
  if (whole_->reachable(source, destination)) {
    whole_->route(source, destination, out);
    if (std::all_of(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                    [&](LinkId link) { return alive(link); })) {
      return;
    }
    out.resize(begin);
  }
  const auto from = static_cast<std::uint64_t>(attachment(source));
  const auto to = static_cast<std::uint64_t>(attachment(destination));
  std::uint64_t choice = hashed_ ? ecmp_hash(seed_, from, to) : to;
  const Stop end = vertex_of(destination).index();
  const Distances& distances = distances_to(vertex_of(destination));
  Stop here = vertex_of(source).index();
  MOESIM_CHECK(here != end && distances[here] != kUnreachable, "rank {} cannot reach rank {}", source.value,
               destination.value);
  const int node = graph_.vertices[end].node;
  std::vector<LinkId> ways;
  while (here != end) {
    const int left = distances[here];
    ways.clear();
    for (const LinkId link : leave_[here]) {
      const bool shorter = distances[to_[link.index()]] + length(graph_.links[link.index()]) == left;
      if (shorter && alive(link) && !is_detour(link, node)) ways.push_back(link);
    }
    if (ways.empty()) {
      const auto& beside = join_to_[here];
      here = *std::find_if(beside.begin(), beside.end(),
                           [&](Stop stop) { return distances[stop] + kJointLength == left; });
      continue;
    }
    const LinkId way = ways[choice % ways.size()];
    choice /= ways.size();
    out.push_back(way);
    here = to_[way.index()];
  }
}

std::vector<double> gpu_speeds(const Topology& topology, const std::vector<Fault>& faults) {
  std::vector<double> speeds(static_cast<std::size_t>(topology.num_ranks()), 1.0);
  for (const Fault& fault : faults) {
    if (fault.kind != Fault::Kind::gpu_slow) continue;
    for (int rank = 0; rank < topology.num_ranks(); ++rank) {
      const VertexId gpu = topology.vertex_of(RankId{rank});
      if (topology.graph().vertices[gpu.index()].name == fault.name)
        speeds[static_cast<std::size_t>(rank)] *= fault.factor;
    }
  }
  return speeds;
}

UnreachablePairs unreachable_pairs(const Topology& topology, int ranks, std::size_t most) {
  UnreachablePairs pairs;
  for (int destination = 0; destination < ranks; ++destination) {
    for (int source = 0; source < ranks; ++source) {
      if (source == destination || topology.reachable(RankId{source}, RankId{destination})) continue;
      ++pairs.count;
      if (pairs.first.size() < most) pairs.first.emplace_back(RankId{source}, RankId{destination});
    }
  }
  return pairs;
}

}  // namespace moesim

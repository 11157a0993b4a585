#include <algorithm>
#include <utility>
#include <vector>

#include "models/exchange/collective_plans.hpp"

namespace moesim::detail {
namespace {

// A binary tree over 0 .. ranks - 1 in which every odd number is a leaf. The parent of a number clears its lowest set
// bit and sets the next one (or, past the end, only clears); 0 is the root, with one child.
int parent(int node, int ranks) {
  const int low = node & -node;
  const int up = (node ^ low) | (low << 1);
  return up < ranks ? up : node ^ low;
}

// The second tree is the first with every number turned around (an even number of ranks: leaves become inner nodes) or
// moved on by one (an odd number), so that both together use every rank's links in both directions alike.
int rank_of(int node, int ranks, bool second) {
  if (!second) return node;
  return ranks % 2 == 0 ? ranks - 1 - node : (node + 1) % ranks;
}

struct Tree {
  std::vector<int> parents;    // Of each node but 0.
  std::vector<int> bottom_up;  // Every node but 0, children first.
};

Tree tree_of(int ranks) {
  Tree tree{std::vector<int>(static_cast<std::size_t>(ranks), 0), {}};
  for (int node = 1; node < ranks; ++node) tree.parents[static_cast<std::size_t>(node)] = parent(node, ranks);
  std::vector<std::pair<int, int>> by_depth;
  for (int node = 1; node < ranks; ++node) {
    int depth = 0;
    for (int at = node; at != 0; at = tree.parents[static_cast<std::size_t>(at)]) ++depth;
    by_depth.emplace_back(-depth, node);
  }
  std::sort(by_depth.begin(), by_depth.end());
  for (const auto& [depth, node] : by_depth) tree.bottom_up.push_back(node);
  return tree;
}

// One chunk up to the root and down again. `up` and `down` hold each node's last messages over its link to its parent.
struct TreeLinks {
  std::vector<std::int32_t> up;
  std::vector<std::int32_t> down;
};

void add_chunk(const Tree& tree, int ranks, bool second, Bytes bytes, TreeLinks& links, PlanBuilder& builder) {
  std::vector<std::vector<std::int32_t>> came(static_cast<std::size_t>(ranks));
  const auto rank = [&](int node) { return RankId{rank_of(node, ranks, second)}; };
  for (const int node : tree.bottom_up) {
    const auto i = static_cast<std::size_t>(node);
    std::vector<std::int32_t>& waits = came[i];
    if (links.up[i] >= 0) waits.push_back(links.up[i]);
    links.up[i] = builder.add_call(rank(node), rank(tree.parents[i]), bytes, waits);
    came[static_cast<std::size_t>(tree.parents[i])].push_back(links.up[i]);
  }
  std::vector<std::int32_t> got(static_cast<std::size_t>(ranks), -1);  // The sum's way down, at each node.
  for (auto node = tree.bottom_up.rbegin(); node != tree.bottom_up.rend(); ++node) {
    const auto i = static_cast<std::size_t>(*node);
    const auto above = static_cast<std::size_t>(tree.parents[i]);
    std::vector<std::int32_t> waits = above == 0 ? came[0] : std::vector<std::int32_t>{got[above]};
    if (links.down[i] >= 0) waits.push_back(links.down[i]);
    links.down[i] = got[i] = builder.add_call(rank(tree.parents[i]), rank(*node), bytes, waits);
  }
}

// Rank r hands everything to r + 2^j in the j-th round in which it has it.
void add_binomial(const CollectiveRequest& request, PlanBuilder& builder) {
  const int ranks = request.layout.ranks;
  std::vector<std::vector<std::int32_t>> waits(static_cast<std::size_t>(ranks));
  for (int distance = 1; distance < ranks; distance *= 2) {
    for (int from = 0; from < distance && from + distance < ranks; ++from) {
      const auto i = static_cast<std::size_t>(from);
      const std::int32_t sent = builder.add_call(RankId{from}, RankId{from + distance}, request.bytes, waits[i]);
      waits[i] = {sent};
      waits[static_cast<std::size_t>(from + distance)] = {sent};
    }
  }
}

}  // namespace

// Sanders, Speck, Traff: "Two-tree algorithms for full bandwidth broadcast, reduction and scan" (Parallel Computing 35,
// 2009), as NCCL uses them: each of two trees takes half of the bytes.
void add_tree(const CollectiveRequest& request, PlanBuilder& builder) {
  if (request.op == CollectiveOp::broadcast) return add_binomial(request, builder);
  const int ranks = request.layout.ranks;
  const Tree tree = tree_of(ranks);
  const auto none = std::vector<std::int32_t>(static_cast<std::size_t>(ranks), -1);
  TreeLinks links[2] = {{none, none}, {none, none}};
  for (int chunk = 0; chunk < request.chunks; ++chunk) {
    for (const int half : {0, 1}) {
      const Bytes bytes = part(part(request.bytes, half, 2), chunk, request.chunks);
      add_chunk(tree, ranks, half == 1, bytes, links[half], builder);
    }
  }
}

}  // namespace moesim::detail

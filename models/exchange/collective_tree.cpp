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
  int root = 0;
  std::vector<int> parents;    // Of each rank but the root.
  std::vector<int> bottom_up;  // Every rank but the root, children first.

  std::size_t parent_of(int rank) const { return static_cast<std::size_t>(parents[static_cast<std::size_t>(rank)]); }
};

// Of one node's ranks, or (one to a node) of the nodes.
Tree tree_of(int ranks, bool second) {
  Tree tree{rank_of(0, ranks, second), std::vector<int>(static_cast<std::size_t>(ranks), 0), {}};
  std::vector<std::pair<int, int>> by_depth;
  for (int node = 1; node < ranks; ++node) {
    const auto rank = static_cast<std::size_t>(rank_of(node, ranks, second));
    tree.parents[rank] = rank_of(parent(node, ranks), ranks, second);
    int depth = 0;
    for (int at = node; at != 0; at = parent(at, ranks)) ++depth;
    by_depth.emplace_back(-depth, node);
  }
  std::sort(by_depth.begin(), by_depth.end());
  for (const auto& [depth, node] : by_depth) tree.bottom_up.push_back(rank_of(node, ranks, second));
  return tree;
}

// As NCCL's: a tree of the nodes, and in each a chain whose head stands in it. Each channel's heads are other ranks.
Tree tree_across(const RankLayout& layout, int channel, int channels, bool second) {
  const Tree nodes = tree_of(layout.nodes(), second);
  const auto rank_at = [&](int node, int place) {
    const int first = node * layout.ranks_per_node;
    const int size = std::min(layout.ranks_per_node, layout.ranks - first);
    return first + (channel * layout.ranks_per_node / channels + place) % size;
  };
  Tree tree{rank_at(nodes.root, 0), std::vector<int>(static_cast<std::size_t>(layout.ranks), 0), {}};
  for (int place = layout.ranks_per_node - 1; place > 0; --place) {
    for (int node = 0; node < layout.nodes(); ++node) {
      if (node * layout.ranks_per_node + place >= layout.ranks) continue;  // The last node may be short.
      tree.parents[static_cast<std::size_t>(rank_at(node, place))] = rank_at(node, place - 1);
      tree.bottom_up.push_back(rank_at(node, place));
    }
  }
  for (const int node : nodes.bottom_up) {
    tree.parents[static_cast<std::size_t>(rank_at(node, 0))] = rank_at(static_cast<int>(nodes.parent_of(node)), 0);
    tree.bottom_up.push_back(rank_at(node, 0));
  }
  return tree;
}

// Each rank's last messages over its link to its parent.
struct TreeLinks {
  std::vector<std::int32_t> up;
  std::vector<std::int32_t> down;
};

// One chunk up to the root and down again.
void add_chunk(const Tree& tree, Bytes bytes, TreeLinks& links, PlanBuilder& builder) {
  std::vector<std::vector<std::int32_t>> came(tree.parents.size());
  for (const int rank : tree.bottom_up) {
    const auto i = static_cast<std::size_t>(rank);
    std::vector<std::int32_t>& waits = came[i];
    if (links.up[i] >= 0) waits.push_back(links.up[i]);
    links.up[i] = builder.add_call(RankId{rank}, RankId{tree.parents[i]}, bytes, waits);
    came[tree.parent_of(rank)].push_back(links.up[i]);
  }
  std::vector<std::int32_t> got(tree.parents.size(), -1);  // The sum's way down, at each rank.
  for (auto rank = tree.bottom_up.rbegin(); rank != tree.bottom_up.rend(); ++rank) {
    const auto i = static_cast<std::size_t>(*rank);
    const std::size_t above = tree.parent_of(*rank);
    std::vector<std::int32_t> waits =
        tree.parents[i] == tree.root ? came[above] : std::vector<std::int32_t>{got[above]};
    if (links.down[i] >= 0) waits.push_back(links.down[i]);
    links.down[i] = got[i] = builder.add_call(RankId{tree.parents[i]}, RankId{*rank}, bytes, waits);
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
  const RankLayout layout = request.layout;
  const auto none = std::vector<std::int32_t>(static_cast<std::size_t>(layout.ranks), -1);
  const int doubles = channels(request);
  for (int channel = 0; channel < doubles; ++channel) {
    const Bytes whole = part(request.bytes, channel, doubles);
    Tree trees[2];
    for (const int half : {0, 1}) {
      trees[half] =
          layout.nodes() == 1 ? tree_of(layout.ranks, half == 1) : tree_across(layout, channel, doubles, half == 1);
    }
    TreeLinks links[2] = {{none, none}, {none, none}};
    for (int chunk = 0; chunk < request.chunks; ++chunk) {
      for (const int half : {0, 1}) {
        add_chunk(trees[half], part(part(whole, half, 2), chunk, request.chunks), links[half], builder);
      }
    }
  }
}

}  // namespace moesim::detail

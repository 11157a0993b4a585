#include "models/routing/placement/coactivation.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

#include "models/routing/placement/balanced_packing.hpp"
#include "sim/check.hpp"

namespace moesim {
namespace {

// Less is rounding, by which swaps could go in circles.
constexpr double kLeastRelief = 1e-9;

// A division of the experts over nodes that is being improved.
class NodeSplit {
 public:
  NodeSplit(std::span<const double> loads, const Coactivation& coactivation, const RankLayout& layout, double slack)
      : loads_(loads), coactivation_(coactivation), nodes_(layout.nodes()) {
    const double total = std::accumulate(loads.begin(), loads.end(), 0.0);
    const int per_rank = coactivation.experts() / layout.ranks;
    for (int node = 0; node < nodes_; ++node) {
      const int ranks = std::min(layout.ranks_per_node, layout.ranks - node * layout.ranks_per_node);
      room_.push_back(ranks * per_rank);
      limit_.push_back((1 + slack) * total * ranks / layout.ranks);
    }
    load_.resize(room_.size());
    for (std::int32_t e = 0; e < coactivation.experts(); ++e) {
      degree_.push_back(0);
      for (std::int32_t other = 0; other < coactivation.experts(); ++other) degree_.back() += coactivation.at(e, other);
    }
    node_degree_.resize(room_.size());
    degrees_ = std::accumulate(degree_.begin(), degree_.end(), std::int64_t{0});
    node_of_.assign(loads.size(), -1);
    partners_.resize(loads.size() * room_.size());
  }

  void fill() {
    for (const std::int32_t expert : falling_order(loads_)) put(expert, best_node(expert));
  }

  // Swaps that take load off nodes that have too much, until no swap does; of those the one that parts the fewest
  // pairs. What all nodes have too much falls with each.
  void unload() {
    const auto unloads = [this](std::int32_t a, std::int32_t b) {
      return excess_after(a, b) < (1 - kLeastRelief) * excess_before(a, b);
    };
    while (const auto swap = best_swap(INT64_MIN, unloads)) exchange(*swap);
  }

  // Swaps that join pairs without loading nodes further beyond what they may have.
  void improve() {
    const auto allowed = [this](std::int32_t a, std::int32_t b) { return excess_after(a, b) <= excess_before(a, b); };
    while (const auto swap = best_swap(0, allowed)) exchange(*swap);
  }

  std::vector<std::vector<std::int32_t>> members() const {
    std::vector<std::vector<std::int32_t>> result(room_.size());
    for (std::size_t e = 0; e < node_of_.size(); ++e) {
      result[static_cast<std::size_t>(node_of_[e])].push_back(static_cast<std::int32_t>(e));
    }
    return result;
  }

 private:
  struct Swap {
    std::int32_t a, b;
  };

  std::int32_t node_of(std::int32_t expert) const { return node_of_[static_cast<std::size_t>(expert)]; }
  // Pairs of the expert with those on the node.
  std::int64_t& partners(std::int32_t expert, std::int32_t node) {
    return partners_[static_cast<std::size_t>(expert) * room_.size() + static_cast<std::size_t>(node)];
  }

  // Pairs of the expert with those on the node beyond what chance would make of how often each is chosen: else the
  // first expert would draw all others to its node.
  double attraction(std::int32_t expert, std::int32_t node) {
    if (degrees_ == 0) return 0;
    const double chance = static_cast<double>(degree_[static_cast<std::size_t>(expert)]) *
                          static_cast<double>(node_degree_[static_cast<std::size_t>(node)]) /
                          static_cast<double>(degrees_);
    return static_cast<double>(partners(expert, node)) - chance;
  }

  double free_load(std::int32_t node) const {
    return limit_[static_cast<std::size_t>(node)] - load_[static_cast<std::size_t>(node)];
  }

  // With room in slots and load and the most attraction; of equals the emptiest. Without room in load: the emptiest.
  std::int32_t best_node(std::int32_t expert) {
    std::int32_t best = -1;
    std::tuple<bool, double, double> most;
    for (std::int32_t node = 0; node < nodes_; ++node) {
      if (room_[static_cast<std::size_t>(node)] == 0) continue;
      const bool fits = loads_[static_cast<std::size_t>(expert)] <= free_load(node);
      const std::tuple rank{fits, fits ? attraction(expert, node) : 0.0, free_load(node)};
      if (best < 0 || rank > most) best = node, most = rank;
    }
    return best;
  }

  // The swap that joins the most pairs, more than `least`, of those that `allowed` allows; of equals the first.
  template <class Allowed>
  std::optional<Swap> best_swap(std::int64_t least, const Allowed& allowed) {
    std::optional<Swap> best;
    std::int64_t most = least;
    const auto experts = static_cast<std::int32_t>(node_of_.size());
    for (std::int32_t a = 0; a < experts; ++a) {
      const std::int32_t from = node_of(a);
      for (std::int32_t b = a + 1; b < experts; ++b) {
        const std::int32_t to = node_of(b);
        if (from == to) continue;
        const std::int64_t joined =
            partners(a, to) - partners(a, from) + partners(b, from) - partners(b, to) - 2 * coactivation_.at(a, b);
        if (joined <= most || !allowed(a, b)) continue;
        most = joined;
        best = {a, b};
      }
    }
    return best;
  }

  // What the nodes of two experts carry beyond their limits, as it is and with the experts swapped.
  double excess_before(std::int32_t a, std::int32_t b) const { return excess(node_of(a), 0) + excess(node_of(b), 0); }
  double excess_after(std::int32_t a, std::int32_t b) const {
    const double moved = loads_[static_cast<std::size_t>(a)] - loads_[static_cast<std::size_t>(b)];
    return excess(node_of(a), -moved) + excess(node_of(b), moved);
  }
  double excess(std::int32_t node, double more) const {
    const auto n = static_cast<std::size_t>(node);
    return std::max(0.0, load_[n] + more - limit_[n]);
  }

  void exchange(Swap swap) {
    const std::int32_t to_a = node_of(swap.b);
    const std::int32_t to_b = node_of(swap.a);
    take(swap.a);
    take(swap.b);
    put(swap.a, to_a);
    put(swap.b, to_b);
  }
  void put(std::int32_t expert, std::int32_t node) { change(expert, node, 1); }
  void take(std::int32_t expert) { change(expert, node_of(expert), -1); }
  void change(std::int32_t expert, std::int32_t node, int by) {
    const auto n = static_cast<std::size_t>(node);
    room_[n] -= by;
    load_[n] += by * loads_[static_cast<std::size_t>(expert)];
    node_degree_[n] += by * degree_[static_cast<std::size_t>(expert)];
    node_of_[static_cast<std::size_t>(expert)] = by > 0 ? node : -1;
    for (std::int32_t e = 0; e < coactivation_.experts(); ++e) partners(e, node) += by * coactivation_.at(e, expert);
  }

  std::span<const double> loads_;
  const Coactivation& coactivation_;
  int nodes_;
  std::vector<int> room_;                  // [nodes] free slots
  std::vector<double> limit_;              // [nodes]
  std::vector<double> load_;               // [nodes]
  std::vector<std::int32_t> node_of_;      // [experts]
  std::vector<std::int64_t> degree_;       // [experts] pairs with any other
  std::vector<std::int64_t> node_degree_;  // [nodes] the sum of its experts'
  std::int64_t degrees_ = 0;               // Of all experts
  std::vector<std::int64_t> partners_;     // [experts, nodes]
};

}  // namespace

void Coactivation::add(int a, int b, std::int64_t times) {
  MOESIM_CHECK(a != b, "expert {} with itself", a);
  counts_[index(a, b)] += times;
  counts_[index(b, a)] += times;
}

void Coactivation::add(const Choices& choices) {
  const auto slots = static_cast<std::size_t>(choices.slots);
  if (slots == 0) return;
  for (std::size_t first = 0; first < choices.experts.size(); first += slots) {
    const auto token = std::span(choices.experts).subspan(first, slots);
    for (std::size_t i = 0; i < slots; ++i) {
      if (token[i] < 0) continue;
      for (std::size_t j = i + 1; j < slots; ++j) {
        if (token[j] >= 0) add(token[i], token[j], 1);
      }
    }
  }
}

std::int64_t split_pairs(const Coactivation& coactivation, std::span<const std::int32_t> node_of_expert) {
  std::int64_t pairs = 0;
  for (int a = 0; a < coactivation.experts(); ++a) {
    for (int b = a + 1; b < coactivation.experts(); ++b) {
      if (node_of_expert[static_cast<std::size_t>(a)] != node_of_expert[static_cast<std::size_t>(b)]) {
        pairs += coactivation.at(a, b);
      }
    }
  }
  return pairs;
}

ExpertPlacement place_by_coactivation(std::span<const double> loads, const Coactivation& coactivation,
                                      const RankLayout& layout, double slack) {
  const int experts = coactivation.experts();
  MOESIM_CHECK(std::ssize(loads) == experts && experts % layout.ranks == 0, "{} loads of {} experts on {} ranks",
               loads.size(), experts, layout.ranks);
  NodeSplit split(loads, coactivation, layout, slack);
  split.fill();
  split.unload();
  split.improve();
  std::vector<std::int32_t> expert_of_slot;
  for (const auto& members : split.members()) {
    std::vector<double> own;
    own.reserve(members.size());
    for (const std::int32_t expert : members) own.push_back(loads[static_cast<std::size_t>(expert)]);
    for (const auto& rank : pack_evenly(own, static_cast<int>(members.size()) * layout.ranks / experts)) {
      for (const std::int32_t i : rank) expert_of_slot.push_back(members[static_cast<std::size_t>(i)]);
    }
  }
  return {experts, layout.ranks, std::move(expert_of_slot)};
}

}  // namespace moesim

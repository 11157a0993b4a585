#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/ids.hpp"

namespace moesim {

// Finds links that can be left out of the sharing because others always bind first: every route reaches the link
// through one of a few links, just before it or just after it, whose capacities together are no more than its own. A
// leaf's uplinks, say, when they are as wide together as the NICs below. What flows can have is then the same with
// and without the link, so the max-min fair rates are too.
class DominatedLinks {
 public:
  explicit DominatedLinks(std::span<const double> capacities);  // bytes/s [links]

  std::size_t num_links() const { return capacities_.size(); }
  // False if the route takes away what the answer about some link rested on: from then on that link counts.
  bool add_route(std::span<const LinkId> links);
  // Looks at the routes so far. Before this, and after forget(), no link is dominated.
  void decide();
  void forget();
  bool contains(LinkId link) const { return dominated_by_[link.index()] != kNothing; }

 private:
  enum Neighbour : std::uint8_t { kBefore, kAfter, kNothing };

  // The links just before (or just after) a link on its routes, as long as they may dominate it.
  struct Cover {
    std::vector<LinkId> links;
    double capacity = 0;
    bool possible = true;
  };

  void extend(Cover& cover, LinkId link, double limit);

  std::vector<double> capacities_;
  std::vector<Cover> covers_[2];  // [kBefore or kAfter][links]
  std::vector<Neighbour> dominated_by_;
};

}  // namespace moesim

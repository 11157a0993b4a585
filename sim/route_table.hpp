#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/dominated_links.hpp"
#include "sim/ids.hpp"

namespace moesim {

// Routes, each stored once, and which of their links can be a bottleneck at all ("counting" links, in the
// order of their numbers).
class RouteTable {
 public:
  explicit RouteTable(std::span<const double> capacities) : dominated_(capacities) {}  // bytes/s [links]

  RouteId add(std::span<const LinkId> links);  // No link twice.

  std::span<const LinkId> links(RouteId route) const {
    return {links_.data() + begin_[route.index()], links_.data() + begin_[route.index() + 1]};
  }
  std::span<const LinkId> counting_links(RouteId route) const {
    return {counting_.data() + counting_begin_[route.index()], counting_.data() + counting_begin_[route.index() + 1]};
  }

  // Lets every link count from now on.
  void count_all_links();
  // Whether counting_links() is out of date. A route that was added to an up-to-date table need not change it.
  bool needs_count() const { return needs_count_; }
  void count();

 private:
  void append_counting(RouteId route);

  std::vector<LinkId> links_;
  std::vector<std::uint32_t> begin_{0};  // [routes + 1]
  std::vector<LinkId> counting_;
  std::vector<std::uint32_t> counting_begin_{0};
  DominatedLinks dominated_;
  bool needs_count_ = true;
  bool all_count_ = false;
  int losses_ = 0;  // Times that a route took away what a count rested on.
};

}  // namespace moesim

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace moesim {

class MaxMinShares;

// Progressive filling of the part of a network that new flows can reach, from nothing: cheaper than settling link by
// link when the new flows are many compared with those that are there. All rates grow together from zero; the link
// that is full first fixes the rates of its flows, and so on (max_min_reference.hpp, with a heap of links).
class MaxMinFill {
 public:
  // Brings flows in that are on no link yet. False, and nothing is done, if they are few among many.
  bool fill(MaxMinShares& shares, std::span<const std::int32_t> added);

 private:
  using Constraint = std::int32_t;

  // What a link knows while rates are being fixed.
  struct Load {
    std::int64_t growing = 0;   // Weight of flows that are not fixed yet.
    std::int64_t at_level = 0;  // Weight elsewhere that was fixed at `level`: added up with one rounding.
    double level = 0;
    double fixed = 0;  // bytes/s of those that were fixed below it.
    bool visited = false;
  };

  bool gather(std::span<const std::int32_t> added);
  void visit(std::int32_t flow);
  void visit_links(std::int32_t flow);
  void forget();
  void take_out_old();
  void put_in_all();
  void fix_all();
  void fix_capped(std::int32_t flow);
  void fix_link(Constraint link, double level);
  void tell_others(std::int32_t flow, Constraint bottleneck, double level);
  double level_of(Constraint link) const;
  void add_up(Constraint link);
  void finish();

  MaxMinShares* shares_ = nullptr;   // During fill().
  std::size_t growing_ = 0;          // Flows that are not fixed yet.
  std::vector<Load> loads_;          // [links]
  std::vector<bool> visited_;        // [flows]
  std::vector<Constraint> links_;    // Of the part.
  std::vector<std::int32_t> flows_;  // Of the part; those that were there before come first.
  std::vector<std::int32_t> capped_;
  std::vector<std::pair<double, Constraint>> queue_;  // Level at which a link is full, or less; a heap.
};

}  // namespace moesim

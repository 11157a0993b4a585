#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/flow_classes.hpp"
#include "sim/max_min.hpp"

namespace moesim {

// Flows that drain as classes: one flow of `shares` for each class, under its number, over links that stand for classes
// of links. The flows themselves are its owner's to add.
struct FlowQuotient {
  // `ids` of the flows in the order in which `classes` know them.
  FlowQuotient(const FlowClasses& classes, std::span<const std::int32_t> ids) : begin{0}, shares(classes.capacities()) {
    flows.reserve(ids.size());
    for (std::size_t c = 0; c < classes.size(); ++c) {
      for (const std::int32_t member : classes.members(c)) flows.push_back(ids[static_cast<std::size_t>(member)]);
      begin.push_back(static_cast<std::uint32_t>(flows.size()));
    }
  }

  std::size_t size() const { return begin.size() - 1; }
  std::span<const std::int32_t> members(std::int32_t c) const {
    return {flows.data() + begin[static_cast<std::size_t>(c)], flows.data() + begin[static_cast<std::size_t>(c) + 1]};
  }

  std::vector<std::int32_t> flows;   // Ids, by class.
  std::vector<std::uint32_t> begin;  // [classes + 1] In `flows`.
  MaxMinShares shares;
};

}  // namespace moesim

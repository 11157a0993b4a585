#pragma once

#include <span>
#include <vector>

#include "sim/flow_network.hpp"
#include "sim/max_min_reference.hpp"

namespace moesim {

struct ReferenceFlow {
  SharingFlow sharing;
  Bytes bytes;
  Picoseconds start;
  Picoseconds start_up;
};

// When each flow ends, in picoseconds [flows], not rounded: the conventions of FlowNetwork with nothing of its speed.
// From event to event (a flow begins to drain, or ends) all rates are solved anew by max_min_reference.
std::vector<long double> reference_finish_ps(std::span<const LinkSpec> links, std::span<const ReferenceFlow> flows);

}  // namespace moesim

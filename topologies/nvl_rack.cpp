#include "topologies/nvl_rack.hpp"

#include "topologies/rail_optimized.hpp"

namespace moesim {

// A rack is a node with 72 ranks. A tray of 4 GPUs puts its NICs on 4 rails, so that a rail has 18 NICs of each rack:
// the rail fabric with several NICs of a node on one rail. Only the name differs, as a rack is what people ask for.
TopologyKind nvl_rack_kind() {
  TopologyKind kind = rail_optimized_kind();
  kind.name = "nvl_rack";
  return kind;
}

}  // namespace moesim

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// What a cluster's scale-out network is made of. Scale-up switches and cables (NVLink, PCIe) are part of the nodes.
struct BillOfMaterials {
  struct Switches {
    std::string role;  // "leaf", "spine", "router"
    int radix;         // Ports of each.
    std::int64_t count;
  };

  std::int64_t endpoints = 0;           // Ports of NICs; the chips of a torus.
  std::vector<Switches> switches;       // None where there are no switches.
  std::int64_t endpoint_cables = 0;     // NIC to switch.
  std::int64_t switch_cables = 0;       // Switch to switch; chip to chip in a torus.
  bool copper_endpoint_cables = false;  // All other cables are fibres.

  std::int64_t num_switches() const {
    std::int64_t sum = 0;
    for (const Switches& some : switches) sum += some.count;
    return sum;
  }
  // Two a fibre.
  std::int64_t transceivers() const { return 2 * (switch_cables + (copper_endpoint_cables ? 0 : endpoint_cables)); }
};

}  // namespace moesim

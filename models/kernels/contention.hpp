#pragma once

#include "models/kernels/device.hpp"

namespace moesim {

// What a communication kernel takes from the GPU while it runs.
struct CommunicationLoad {
  int multiprocessors = 0;  // Held for as long as it runs: it spins, it does not share.
  Bandwidth memory = {};    // HBM traffic of its copies, read plus written.
};

// The device as kernels that run beside it see it: fewer multiprocessors, each as fast as before, and what is left of
// the memory's bandwidth, a tenth at least. At least one multiprocessor is left.
Device beside(const Device& device, const CommunicationLoad& load);

}  // namespace moesim

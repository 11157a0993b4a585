#include "models/kernels/contention.hpp"

#include <algorithm>

#include "sim/check.hpp"

namespace moesim {

Device beside(const Device& device, const CommunicationLoad& load) {
  constexpr double kLeastMemory = 0.1;
  MOESIM_CHECK(load.multiprocessors >= 0 && load.multiprocessors < device.multiprocessors,
               "{} of {} multiprocessors held", load.multiprocessors, device.multiprocessors);
  Device left = device;
  left.multiprocessors = device.multiprocessors - load.multiprocessors;
  const double share = static_cast<double>(left.multiprocessors) / device.multiprocessors;
  for (auto& [type, rate] : left.peak) rate = share * rate;
  const double all = device.memory.bytes_per_s();
  left.memory = std::max(kLeastMemory, 1 - load.memory.bytes_per_s() / all) * device.memory;
  return left;
}

}  // namespace moesim

#include "models/kernels/kernel_cost.hpp"

namespace moesim {

std::string_view name(Bound bound) {
  switch (bound) {
    case Bound::launch:
      return "launch";
    case Bound::compute:
      return "compute";
    case Bound::memory:
      return "memory";
  }
  return {};
}

KernelCost& KernelCost::operator+=(const KernelCost& next) {
  if (next.time > time) bound = next.bound;
  time += next.time;
  flops += next.flops;
  hbm += next.hbm;
  return *this;
}

}  // namespace moesim

#pragma once

#include <string_view>

#include "sim/units.hpp"

namespace moesim {

enum class Bound { launch, compute, memory };  // What the larger part of a kernel's time goes to.
std::string_view name(Bound bound);

// One kernel, or several in a row.
struct KernelCost {
  Picoseconds time;
  double flops = 0;  // Useful ones of matrix products: neither padded tiles nor element-wise work.
  Bytes hbm;         // Read plus written.
  Bound bound = Bound::launch;

  // One after the other; bound is that of the longer of the two.
  KernelCost& operator+=(const KernelCost& next);
  friend KernelCost operator+(KernelCost a, const KernelCost& b) { return a += b; }
};

}  // namespace moesim

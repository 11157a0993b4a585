#pragma once

#include <span>

#include "models/kernels/constant.hpp"
#include "models/kernels/device.hpp"

namespace moesim {

// What kernels that only move rows hang on: permutation, activation, quantisation, sums, copies.
struct RowConstants {
  double launch_us = 3;
  double count_us = 0;
  double stream_fraction = 0.9;
  double scatter_fraction = 0.7;
  double cached_gb_per_s = 5000;  // 0: the cache gains nothing.
};
std::span<const Constant<RowConstants>> row_constants();

enum class RowOrder {
  stream,   // In order.
  scatter,  // Picked by an index that is there.
  permute,  // Picked by an index that is made first: copies counted by expert, and their prefix sum.
};

// Microseconds of one such kernel over so many bytes, read plus written. Up to half the L2 cache all are taken to be
// in it, as what the kernel before wrote is; from its whole size on none, since each row drives out the next one
// wanted.
double row_time_us(const RowConstants& constants, const Device& device, double bytes, RowOrder order);

}  // namespace moesim

#pragma once

#include <span>

#include "models/kernels/constant.hpp"
#include "models/kernels/device.hpp"

namespace moesim {

// What kernels that only move rows hang on: permutation, activation, quantisation, sums, copies.
struct RowConstants {
  double launch_us = 3;
  double stream_fraction = 0.9;
  double scatter_fraction = 0.7;
};
std::span<const Constant<RowConstants>> row_constants();

// Microseconds of one such kernel over so many bytes, read plus written: in order, or in rows picked by index.
double row_time_us(const RowConstants& constants, const Device& device, double bytes, bool scattered);

}  // namespace moesim

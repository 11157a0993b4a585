#pragma once

#include <cstdint>

#include <Eigen/Core>

#include "sim/rng.hpp"

namespace moesim::detail {

// What the laboratory draws random numbers for; each use and step has a stream of its own.
enum class LabStream : std::uint64_t { mixture = 1, tokens = 2, weights = 3, noise = 4 };

constexpr std::uint64_t lab_stream(LabStream use, int step = 0) {
  return std::uint64_t{5} << 60 | static_cast<std::uint64_t>(use) << 48 | static_cast<std::uint64_t>(step);
}

// [rows, columns] of mean 0, drawn row by row.
inline Eigen::MatrixXd gaussian(Eigen::Index rows, Eigen::Index columns, double deviation, Rng& rng) {
  Eigen::MatrixXd result(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i) {
    for (Eigen::Index j = 0; j < columns; ++j) result(i, j) = deviation * rng.normal();
  }
  return result;
}

}  // namespace moesim::detail

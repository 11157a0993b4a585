#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "validate/load_shape.hpp"
#include "validate/probes/cuda/device.hpp"
#include "validate/probes/host/random_input.hpp"
#include "validate/probes/host/reference.hpp"

namespace moesim::probe {

// A grouped product: out[r, n] = x[r, k] w[g][n, k]^T for the rows r of group g, which lie one group after the other.
struct GroupedProblem {
  explicit GroupedProblem(const Measurement& what)
      : n(what.parameter("n")),
        k(what.parameter("k")),
        total_rows(what.parameter("rows")),
        rows(load_rows(what.load, total_rows, what.parameter("groups"))) {
    offsets.push_back(0);
    for (const std::int64_t count : rows) offsets.push_back(offsets.back() + count);
  }

  std::int64_t groups() const { return static_cast<std::int64_t>(rows.size()); }
  std::int64_t group_of(std::int64_t row) const {
    return std::upper_bound(offsets.begin(), offsets.end(), row) - offsets.begin() - 1;
  }

  // The largest power of two, up to 256, that divides the address of every group's rows of x (elements of
  // `element_bytes`) and of out (BF16).
  unsigned alignment(std::int64_t element_bytes) const {
    const std::int64_t both = (k * element_bytes) | (n * 2) | 256;
    return static_cast<unsigned>(both & -both);
  }

  // Sampled output elements, found and expected. `a(row, i)` is an element of x, `b(group, column, i)` of w, scales and
  // all. Waits for the stream, which writes `out`.
  template <class A, class B>
  double sampled_error(const Buffer<Bf16>& out, cudaStream_t stream, std::uint64_t seed, const A& a, const B& b) const {
    MOESIM_CUDA(cudaStreamSynchronize(stream));
    const std::vector<std::int64_t> columns = sample_indices(n, 16, tensor_seed(seed, 10));
    std::vector<double> found;
    std::vector<double> expected;
    for (const std::int64_t row : sample_rows(tensor_seed(seed, 11))) {
      const std::int64_t group = group_of(row);
      const std::vector<double> values =
          product_sample(std::vector<std::int64_t>{row}, columns, k, a,
                         [&](std::int64_t column, std::int64_t i) { return b(group, column, i); });
      expected.insert(expected.end(), values.begin(), values.end());
      const std::vector<double> line = bf16_row(out, row * n, n);
      for (const std::int64_t column : columns) found.push_back(line[static_cast<std::size_t>(column)]);
    }
    return relative_error(found, expected);
  }

  std::int64_t n;
  std::int64_t k;
  std::int64_t total_rows;
  std::vector<std::int64_t> rows;     // [groups]
  std::vector<std::int64_t> offsets;  // [groups + 1]

 private:
  // First and last rows of some groups, where a wrong offset shows, and others.
  std::vector<std::int64_t> sample_rows(std::uint64_t seed) const {
    std::vector<std::int64_t> sample = sample_indices(total_rows, 12, seed);
    for (const std::int64_t group : sample_indices(std::max<std::int64_t>(groups(), 2), 8, seed + 1)) {
      const auto g = static_cast<std::size_t>(group);
      if (g >= rows.size() || rows[g] == 0) continue;
      sample.push_back(offsets[g]);
      sample.push_back(offsets[g + 1] - 1);
    }
    std::sort(sample.begin(), sample.end());
    sample.erase(std::unique(sample.begin(), sample.end()), sample.end());
    return sample;
  }
};

}  // namespace moesim::probe

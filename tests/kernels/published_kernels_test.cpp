#include <array>
#include <cmath>
#include <vector>

#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

struct PublishedGemm {
  int groups;
  std::int64_t m;  // Rows of each group.
  std::int64_t n;
  std::int64_t k;
  double us;
};

// FP8 products on H800, from the TFLOP/s of deepseek-ai/DeepGEMM, README of 2025-02-26 (revision 78cacf7).
constexpr std::array<PublishedGemm, 20> kDeepGemm{{
    {1, 64, 2112, 7168, 9.41},      {1, 64, 24576, 1536, 16.72},    {1, 64, 7168, 2048, 6.37},
    {1, 128, 2112, 7168, 11.01},    {1, 128, 24576, 1536, 18.06},   {1, 128, 7168, 16384, 46.61},
    {1, 128, 4096, 7168, 14.10},    {1, 4096, 24576, 1536, 312.36}, {1, 4096, 32768, 512, 232.95},
    {1, 4096, 7168, 16384, 708.45}, {1, 4096, 7168, 2048, 117.33},  {4, 8192, 4096, 7168, 1483.54},
    {4, 8192, 7168, 2048, 875.41},  {8, 4096, 4096, 7168, 1493.90}, {8, 4096, 7168, 2048, 880.21},
    {1, 1024, 4096, 7168, 48.77},   {1, 1024, 7168, 2048, 32.50},   {2, 512, 4096, 7168, 57.82},
    {2, 512, 7168, 2048, 32.82},    {4, 256, 7168, 2048, 36.89},
}};

// One set of constants for all shapes. Kernels of a few microseconds are off the most: the launch is guessed.
constexpr double kWorst = 0.35;
constexpr double kMeanError = 0.10;

}  // namespace

TEST_CASE("default efficiencies give published FP8 products' times", "[oracle][kernels]") {
  const KernelModel model(h800(), {});
  double errors = 0;
  for (const PublishedGemm& p : kDeepGemm) {
    CAPTURE(p.groups, p.m, p.n, p.k, p.us);
    const std::vector<std::int64_t> rows(static_cast<std::size_t>(p.groups), p.m);
    const double us = model.grouped_gemm(rows, p.n, p.k, {.input = DataType::fp8}).time.us();
    CAPTURE(us);
    CHECK(std::abs(us / p.us - 1) < kWorst);
    errors += std::abs(us / p.us - 1);
  }
  CHECK(errors / kDeepGemm.size() < kMeanError);
}

}  // namespace moesim

#include "models/kernels/device.hpp"

#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"

namespace moesim {
namespace {

Device with(std::vector<std::pair<DataType, FlopRate>> peak) {
  return {.name = "device", .peak = std::move(peak), .memory = Bandwidth::gbyte_per_s(1), .memory_capacity = {1}};
}

constexpr FlopRate tflops(double x) { return FlopRate::tflop_per_s(x); }

}  // namespace

TEST_CASE("a type without a unit takes the next one that holds it", "[oracle][kernels]") {
  // V100's data sheet: 125 TFLOP/s in fp16 with the tensor cores, 15.7 in fp32.
  const Device v100 = with({{DataType::fp16, tflops(125)}, {DataType::fp32, tflops(15.7)}});
  CHECK(v100.peak_flops(DataType::fp16) == tflops(125));
  CHECK(!v100.peak_caveat(DataType::fp16));
  // fp16 has not the range of bf16.
  CHECK(v100.peak_flops(DataType::bf16) == tflops(15.7));
  CHECK(v100.peak_flops(DataType::fp8) == tflops(125));
  REQUIRE(v100.peak_caveat(DataType::bf16));
  CHECK(v100.peak_caveat(DataType::bf16)->key == "data_type_fallback");
  CHECK_THAT(v100.peak_caveat(DataType::bf16)->text, ContainsSubstring("fp32"));
  CHECK(h800().peak_flops(DataType::fp4) == tflops(1979));
}

TEST_CASE("wider types on a device of bf16 alone cost passes", "[oracle][kernels]") {
  const Device tpu = with({{DataType::bf16, tflops(60)}});
  CHECK(tpu.peak_flops(DataType::fp32).tflop_per_s() == Approx(10));
  CHECK(tpu.peak_flops(DataType::tf32).tflop_per_s() == Approx(20));
  CHECK_THAT(tpu.peak_caveat(DataType::fp32)->text, ContainsSubstring("6 passes"));
}

TEST_CASE("no stand-in is an error that can be asked for first", "[kernels]") {
  const Device only_fp8 = with({{DataType::fp8, tflops(1)}});
  CHECK(!only_fp8.computes(DataType::fp32));
  CHECK(only_fp8.computes(DataType::fp4));
  CHECK_THROWS_AS(only_fp8.peak_flops(DataType::fp32), InternalError);
}

}  // namespace moesim

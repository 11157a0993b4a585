#include "models/exchange/wire_format.hpp"

#include "tests/catch.hpp"

namespace moesim {

TEST_CASE("a copy weighs its elements, its scales and its metadata", "[oracle][exchange]") {
  // 7168 FP8 elements and 7168 / 128 = 56 fp32 scales.
  CHECK(wire_format(7168, DataType::fp8).bytes_per_copy() == Bytes{7168 + 56 * 4});
  CHECK(wire_format(7168, DataType::bf16).bytes_per_copy() == Bytes{14336});
  // Half a byte an element, one byte of scale for each 16.
  CHECK(wire_format(7168, DataType::fp4).bytes_per_copy() == Bytes{3584 + 448});
  // A block that is begun has its scale: 7169 = 56 * 128 + 1; half a byte is rounded up.
  CHECK(wire_format(7169, DataType::fp8).bytes_per_copy() == Bytes{7169 + 57 * 4});
  CHECK(wire_format(17, DataType::fp4).bytes_per_copy() == Bytes{9 + 2});
}

TEST_CASE("metadata of DeepEP's kernels", "[oracle][exchange]") {
  // internode.cu: two ints of source, an int index and a float weight for each of k; combine leaves the indices out.
  CHECK(normal_dispatch_metadata(8) == Bytes{8 + 8 * 8});
  CHECK(normal_combine_metadata(8) == Bytes{8 + 8 * 4});
  // internode_ll.cu: one int4 in front of the hidden data: 16 + 7168 + 224 = 7408 bytes a message.
  CHECK(wire_format(7168, DataType::fp8, low_latency_dispatch_metadata()).bytes_per_copy() == Bytes{7408});
}

}  // namespace moesim

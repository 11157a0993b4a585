#include "models/exchange/wire_format.hpp"

#include <cmath>

namespace moesim {

Bytes WireFormat::bytes_per_copy() const {
  MOESIM_CHECK(hidden > 0, "hidden size {}", hidden);
  // A half byte at the end (fp4, odd hidden) takes a whole one.
  const auto payload = static_cast<std::int64_t>(std::ceil(static_cast<double>(hidden) * bytes_per_element(type)));
  const std::int64_t scales =
      elements_per_scale == 0 ? 0 : (hidden + elements_per_scale - 1) / elements_per_scale * bytes_per_scale.count;
  return Bytes{payload + scales} + metadata;
}

WireFormat wire_format(std::int64_t hidden, DataType type, Bytes metadata) {
  WireFormat format{.hidden = hidden, .type = type, .metadata = metadata};
  if (type == DataType::fp8) {
    format.elements_per_scale = 128;
    format.bytes_per_scale = {4};
  } else if (type == DataType::fp4) {
    format.elements_per_scale = 16;
    format.bytes_per_scale = {1};
  }
  return format;
}

Bytes normal_dispatch_metadata(int top_k) { return {8 + 8 * std::int64_t{top_k}}; }

Bytes normal_combine_metadata(int top_k) { return {8 + 4 * std::int64_t{top_k}}; }

Bytes low_latency_dispatch_metadata() { return {16}; }

}  // namespace moesim

#include "topologies/gpu_card.hpp"

namespace moesim {

std::string scale_up_port(const GpuCard& card) {
  std::string port;
  for (const char c : card.scale_up_kind) {
    if (c == ' ') break;
    port += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return port.empty() ? "port" : port;
}

}  // namespace moesim

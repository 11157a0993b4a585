#pragma once

#include <optional>
#include <string>

namespace moesim::probe {

struct NvmlInfo {
  std::string driver;                        // "580.95.05"
  std::optional<double> max_clock_mhz = {};  // Of the SMs.
};

// From the driver's management library, loaded at run time: its header is not part of every toolkit, and a machine may
// not have the library. Nothing if it has not. `pci` is the device's, as "0000:17:00.0".
std::optional<NvmlInfo> nvml_info(const std::string& pci);

}  // namespace moesim::probe

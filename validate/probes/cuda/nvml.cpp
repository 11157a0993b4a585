#include "validate/probes/cuda/nvml.hpp"

#include <array>

#include <dlfcn.h>

namespace moesim::probe {
namespace {

// The few functions of NVML's stable interface that are used here; 0 is success.
using DeviceHandle = void*;
using InitFunction = int (*)();
using DriverFunction = int (*)(char*, unsigned);
using HandleFunction = int (*)(const char*, DeviceHandle*);
using ClockFunction = int (*)(DeviceHandle, int, unsigned*);
constexpr int kSmClock = 1;

class Library {
 public:
  Library() : handle_(dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL)) {}
  ~Library() {
    if (handle_) dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <class Function>
  Function find(const char* name) const {
    return handle_ ? reinterpret_cast<Function>(dlsym(handle_, name)) : nullptr;
  }

 private:
  void* handle_;
};

}  // namespace

std::optional<NvmlInfo> nvml_info(const std::string& pci) {
  const Library library;
  const auto init = library.find<InitFunction>("nvmlInit_v2");
  const auto shutdown = library.find<InitFunction>("nvmlShutdown");
  const auto driver = library.find<DriverFunction>("nvmlSystemGetDriverVersion");
  const auto handle = library.find<HandleFunction>("nvmlDeviceGetHandleByPciBusId_v2");
  const auto max_clock = library.find<ClockFunction>("nvmlDeviceGetMaxClockInfo");
  if (!init || !shutdown || !driver || init() != 0) return std::nullopt;
  std::optional<NvmlInfo> info;
  std::array<char, 96> text{};
  if (driver(text.data(), static_cast<unsigned>(text.size())) == 0) {
    info = NvmlInfo{text.data()};
    DeviceHandle device = nullptr;
    unsigned mhz = 0;
    if (handle && max_clock && handle(pci.c_str(), &device) == 0 && max_clock(device, kSmClock, &mhz) == 0) {
      info->max_clock_mhz = mhz;
    }
  }
  shutdown();
  return info;
}

}  // namespace moesim::probe

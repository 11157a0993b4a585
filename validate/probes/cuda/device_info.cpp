#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

#include "validate/probes/cuda/device.hpp"
#include "validate/probes/cuda/device_bench.hpp"
#include "validate/probes/cuda/nvml.hpp"

namespace moesim::probe {
namespace {

// 13000 -> "13.0", as CUDA numbers its versions.
std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

int attribute(cudaDeviceAttr which, int ordinal) {
  int value = 0;
  MOESIM_CUDA(cudaDeviceGetAttribute(&value, which, ordinal));
  return value;
}

}  // namespace

int device_count(std::string& why) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    (void)cudaGetLastError();
    why = cudaGetErrorString(error);
    std::error_code unknown;
    // No driver at all counts as a driver that is too old; beside a device it is a broken installation.
    const bool none = error == cudaErrorNoDevice ||
                      (error == cudaErrorInsufficientDriver && !std::filesystem::exists("/dev/nvidia0", unknown));
    if (!none) throw std::runtime_error(std::string(cudaGetErrorName(error)) + ": " + why);
    return 0;
  }
  if (count == 0) why = "the driver lists none";
  return count;
}

ProbeDevice describe_device(int ordinal) {
  cudaDeviceProp properties{};
  MOESIM_CUDA(cudaGetDeviceProperties(&properties, ordinal));
  ProbeDevice device;
  device.name = properties.name;
  device.compute_capability = std::to_string(properties.major) + "." + std::to_string(properties.minor);
  int count = 0;
  MOESIM_CUDA(cudaGetDeviceCount(&count));
  device.count = count;
  device.sms = properties.multiProcessorCount;
  device.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  device.l2_bytes = properties.l2CacheSize;
  device.max_clock_mhz = attribute(cudaDevAttrClockRate, ordinal) / 1e3;

  int driver = 0;
  int runtime = 0;
  MOESIM_CUDA(cudaDriverGetVersion(&driver));
  MOESIM_CUDA(cudaRuntimeGetVersion(&runtime));
  device.versions["cuda_driver"] = cuda_version(driver);
  device.versions["cuda_runtime"] = cuda_version(runtime);
  device.versions["cuda_toolkit"] = cuda_version(CUDART_VERSION);
  std::string cublas;
  for (const libraryPropertyType part : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
    int value = 0;
    MOESIM_CUBLAS(cublasGetProperty(part, &value));
    cublas += (cublas.empty() ? "" : ".") + std::to_string(value);
  }
  device.versions["cublas"] = cublas;
  if (const std::optional<std::string> nccl = nccl_version()) device.versions["nccl"] = *nccl;

  std::array<char, 32> pci{};
  MOESIM_CUDA(cudaDeviceGetPCIBusId(pci.data(), static_cast<int>(pci.size()), ordinal));
  if (const std::optional<NvmlInfo> nvml = nvml_info(pci.data())) {
    device.versions["driver"] = nvml->driver;
    if (nvml->max_clock_mhz) device.max_clock_mhz = *nvml->max_clock_mhz;
  }
  return device;
}

}  // namespace moesim::probe

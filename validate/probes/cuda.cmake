# Looks for a CUDA toolkit, on PATH or in the usual place, and says why there is no probe if there is none.
set(why "MOESIM_CUDA is OFF")
set(found OFF)
if(NOT MOESIM_CUDA STREQUAL "OFF")
  set(why "no CUDA toolkit of 12.5 or later was found")  # 12.5 has the first grouped BF16 product.
  set(own_architectures OFF)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    set(own_architectures ON)
    set(CMAKE_CUDA_ARCHITECTURES 80)  # For the look at the compiler; the program's come below.
  endif()
  if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(MOESIM_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(MOESIM_NVCC)
    if(MOESIM_NVCC)
      set(CMAKE_CUDA_COMPILER "${MOESIM_NVCC}")
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    # CMake before 3.25.2 does not know that nvcc 12 and later speak C++20.
    if(NOT "cuda_std_20" IN_LIST CMAKE_CUDA_COMPILE_FEATURES)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
      list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
    endif()
    find_package(CUDAToolkit 12.5 QUIET)
    if(CUDAToolkit_FOUND AND TARGET CUDA::cublasLt)
      set(found ON)
    endif()
  endif()
endif()

if(NOT found)
  if(MOESIM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "MOESIM_CUDA=ON, but ${why}")
  endif()
  message(STATUS "moesim-probe: not built, ${why}")
  add_custom_target(moesim-probe
    COMMAND "${CMAKE_COMMAND}" -E echo "moesim-probe is not built: ${why}"
    COMMAND "${CMAKE_COMMAND}" -E false
    VERBATIM)
  return()
endif()

# Only what has kernels goes through nvcc, once for each architecture; what calls libraries is plain C++.
add_executable(moesim-probe EXCLUDE_FROM_ALL
  cuda/activation.cu
  cuda/contention.cu
  cuda/gate.cu
  cuda/memory.cu
  cuda/permutation.cu
  cuda/tensors.cu
  cuda/timing.cu
  cuda/collective.cpp
  cuda/device_bench.cpp
  cuda/device_info.cpp
  cuda/gemm.cpp
  cuda/grouped_fp8.cpp
  cuda/grouped_gemm.cpp
  cuda/lt_matmul.cpp
  cuda/main.cpp
  cuda/nvml.cpp)
if(own_architectures)
  set(architectures 80 90)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
    list(APPEND architectures 100)
  endif()
  set_property(TARGET moesim-probe PROPERTY CUDA_ARCHITECTURES ${architectures})
endif()
set_target_properties(moesim-probe PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF)
target_link_libraries(moesim-probe PRIVATE
  moesim::probe_host CUDA::cudart_static CUDA::cublas CUDA::cublasLt ${CMAKE_DL_LIBS})
# -Wno-restrict: GCC 12 sees overlapping copies in `"a" + string` that cannot be (GCC bug 105651).
target_compile_options(moesim-probe PRIVATE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow>
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)
option(MOESIM_PROBE_WARNINGS_AS_ERRORS "Let a warning of the CUDA probes stop the build" ${MOESIM_WARNINGS_AS_ERRORS})
if(MOESIM_PROBE_WARNINGS_AS_ERRORS)
  target_compile_options(moesim-probe PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
if(MOESIM_SANITIZE)  # The libraries below need the runtime.
  target_link_options(moesim-probe PRIVATE -fsanitize=${MOESIM_SANITIZE})
endif()

find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_HOME PATH_SUFFIXES include)
find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ENV NCCL_HOME PATH_SUFFIXES lib lib64)
mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY)
if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
  target_include_directories(moesim-probe SYSTEM PRIVATE "${NCCL_INCLUDE_DIR}")
  target_link_libraries(moesim-probe PRIVATE "${NCCL_LIBRARY}")
  target_compile_definitions(moesim-probe PRIVATE MOESIM_HAVE_NCCL)
endif()
message(STATUS "moesim-probe: CUDA ${CUDAToolkit_VERSION}, on demand (target moesim-probe)")

#include "validate/probes/cuda/lt_matmul.hpp"

namespace moesim::probe {
namespace {

template <class T>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  MOESIM_CUBLAS(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof(value)));
}

struct Preference {
  Preference() { MOESIM_CUBLAS(cublasLtMatmulPreferenceCreate(&handle)); }
  ~Preference() { cublasLtMatmulPreferenceDestroy(handle); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    MOESIM_CUBLAS(cublasLtMatmulPreferenceSetAttribute(handle, attribute, &value, sizeof(value)));
  }
  cublasLtMatmulPreference_t handle = nullptr;
};

}  // namespace

std::int64_t scale_blocks(std::int64_t k) { return (k + 127) / 128; }
std::int64_t weight_scale_stride(std::int64_t k) { return (scale_blocks(k) + 3) / 4 * 4; }

LtMatmul::LtMatmul(const Device& device, const std::string& dtype, std::int64_t rows, std::int64_t n, std::int64_t k,
                   Fp8Scales scales, unsigned alignment, int sms)
    : device_(device) {
  const bool fp8 = dtype != "bf16";
  if (fp8 && device.compute_capability() < 89) throw Unsupported("FP8 needs compute capability 8.9 or later");
  if (dtype == "fp8_block" && device.compute_capability() != 90) {
    throw Unsupported("cuBLASLt scales blocks of 128 on compute capability 9.0 only");
  }
  if (fp8 && (n % 16 != 0 || k % 16 != 0)) throw Unsupported("FP8 needs n and k to be multiples of 16");
  const auto size = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  try {
    // cuBLASLt thinks in columns: out^T [n, rows] = (w^T [k, n])^T x^T [k, rows], each with its own rows contiguous.
    const cudaDataType_t type = fp8 ? CUDA_R_8F_E4M3 : CUDA_R_16BF;
    MOESIM_CUBLAS(cublasLtMatmulDescCreate(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    MOESIM_CUBLAS(cublasLtMatrixLayoutCreate(&w_, type, size(k), size(n), k));
    MOESIM_CUBLAS(cublasLtMatrixLayoutCreate(&x_, type, size(k), size(rows), k));
    MOESIM_CUBLAS(cublasLtMatrixLayoutCreate(&out_, CUDA_R_16BF, size(n), size(rows), n));
    describe(dtype, scales, sms);
    choose(alignment);
  } catch (...) {
    destroy();
    throw;
  }
}

LtMatmul::~LtMatmul() { destroy(); }

void LtMatmul::destroy() {
  if (out_) cublasLtMatrixLayoutDestroy(out_);
  if (x_) cublasLtMatrixLayoutDestroy(x_);
  if (w_) cublasLtMatrixLayoutDestroy(w_);
  if (operation_) cublasLtMatmulDescDestroy(operation_);
}

void LtMatmul::describe(const std::string& dtype, Fp8Scales scales, int sms) {
  set(operation_, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(operation_, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  if (sms != device_.sms()) set(operation_, CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET, static_cast<std::int32_t>(sms));
  if (dtype == "bf16") return;
  set(operation_, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, scales.weights);
  set(operation_, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, scales.rows);
  // Sums in the tensor core's own precision, as inference does; scaled blocks are added up in FP32.
  set(operation_, CUBLASLT_MATMUL_DESC_FAST_ACCUM, static_cast<std::int8_t>(dtype == "fp8" ? 1 : 0));
  if (dtype == "fp8") return;
#if CUBLAS_VERSION >= 120900
  const std::int32_t weights_mode = CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
  const std::int32_t rows_mode = CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
  set(operation_, CUBLASLT_MATMUL_DESC_A_SCALE_MODE, weights_mode);
  set(operation_, CUBLASLT_MATMUL_DESC_B_SCALE_MODE, rows_mode);
#else
  throw Unsupported("built with a cuBLAS before 12.9, which has no scales of blocks");
#endif
}

void LtMatmul::choose(unsigned alignment) {
  Preference preference;
  preference.set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, device_.workspace().bytes());
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    preference.set(attribute, static_cast<std::uint32_t>(alignment));
  }
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  MOESIM_CUBLAS(cublasLtMatmulAlgoGetHeuristic(device_.cublas_lt(), operation_, w_, x_, out_, out_, preference.handle,
                                               1, &result, &found));
  if (found == 0 || result.state != CUBLAS_STATUS_SUCCESS)
    throw Unsupported("cuBLASLt has no algorithm for this shape");
  algorithm_ = result.algo;
}

void LtMatmul::queue(const void* x, const void* w, Bf16* out) const {
  const float one = 1;
  const float zero = 0;
  MOESIM_CUBLAS(cublasLtMatmul(device_.cublas_lt(), operation_, &one, w, w_, x, x_, &zero, out, out_, out, out_,
                               &algorithm_, device_.workspace().data(), device_.workspace().bytes(), device_.stream()));
}

}  // namespace moesim::probe

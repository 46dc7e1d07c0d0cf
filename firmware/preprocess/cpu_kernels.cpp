// Which of the kernels this machine can run.
#include "cpu_kernels.h"

#include <vector>

namespace nj {

extern const CpuKernels kScalarKernels;
#if defined(__x86_64__)
extern const CpuKernels kAvx2Kernels;
extern const CpuKernels kAvx512Kernels;
#elif defined(__aarch64__)
extern const CpuKernels kNeonKernels;
#endif

namespace {

std::vector<const CpuKernels *> find_kernels() {
  std::vector<const CpuKernels *> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl"))
    found.push_back(&kAvx512Kernels);
  if (avx2) found.push_back(&kAvx2Kernels);
#elif defined(__aarch64__)
  found.push_back(&kNeonKernels);
#endif
  found.push_back(&kScalarKernels);
  return found;
}

}  // namespace

const CpuKernels *const *available_cpu_kernels(uint32_t *count) {
  static const std::vector<const CpuKernels *> kernels = find_kernels();
  *count = kernels.size();
  return kernels.data();
}

}  // namespace nj

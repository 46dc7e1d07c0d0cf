// The reference: what every other implementation must equal.
#include "cpu_kernels_plain.h"

namespace nj {

static void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes,
                       int16_t *out) {
  plain::blend_rows(rows, weights, taps, 0, bytes, out);
}

static void to_half(const float *in, uint32_t count, uint16_t *out) { plain::to_half(in, 0, count, out); }

extern const CpuKernels kScalarKernels;
const CpuKernels kScalarKernels = {"scalar", 1,           0,           blend_rows, plain::split,
                                   nullptr,  plain::emit, plain::fill, to_half};

}  // namespace nj

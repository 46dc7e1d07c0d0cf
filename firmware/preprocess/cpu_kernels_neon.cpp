// NEON, which every 64-bit ARM machine has.
#include <arm_neon.h>

#include "cpu_kernels_plain.h"

namespace nj {

namespace {

// 16 bytes of a pair of rows -> four registers of four sums.
inline void add_row(const uint8_t *row, int16_t weight, int32x4_t (&sums)[4]) {
  const uint8x16_t bytes = vld1q_u8(row);
  const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
  const int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
  sums[0] = vmlal_n_s16(sums[0], vget_low_s16(low), weight);
  sums[1] = vmlal_n_s16(sums[1], vget_high_s16(low), weight);
  sums[2] = vmlal_n_s16(sums[2], vget_low_s16(high), weight);
  sums[3] = vmlal_n_s16(sums[3], vget_high_s16(high), weight);
}

inline void blend_block(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t at, int16_t *out) {
  int32x4_t sums[4];
  for (int32x4_t &sum : sums) sum = vdupq_n_s32(0);
  for (uint32_t t = 0; t < taps; t++)
    if (weights[t]) add_row(rows[t] + at, weights[t], sums);
  // vrshrn adds the same rounding term as the reference.
  const int16x8_t first =
      vcombine_s16(vrshrn_n_s32(sums[0], plain::kBlendShift), vrshrn_n_s32(sums[1], plain::kBlendShift));
  const int16x8_t second =
      vcombine_s16(vrshrn_n_s32(sums[2], plain::kBlendShift), vrshrn_n_s32(sums[3], plain::kBlendShift));
  vst1q_s16(out + at, first);
  vst1q_s16(out + at + 8, second);
}

void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes, int16_t *out) {
  if (bytes < 16) return plain::blend_rows(rows, weights, taps, 0, bytes, out);
  for (uint32_t i = 0; i + 16 <= bytes; i += 16) blend_block(rows, weights, taps, i, out);
  if (bytes % 16) blend_block(rows, weights, taps, bytes - 16, out);  // overlaps the block before
}

// NEON has no gather: four loads of a pair of samples each.
inline int16x8_t four_pairs(const int16_t *row, const int32_t *start) {
  int32_t pair[4];
  for (int k = 0; k < 4; k++) __builtin_memcpy(&pair[k], row + start[k], sizeof pair[k]);
  return vreinterpretq_s16_s32(vld1q_s32(pair));
}

inline float32x4_t resampled(const EmitChannel &channel, uint32_t output) {
  int32x4_t sum = vdupq_n_s32(0);
  for (uint32_t p = 0; p < channel.pairs; p++) {
    const int16x8_t samples = four_pairs(channel.row + 2 * p, channel.start + output);
    const int16x8_t weights = vld1q_s16(channel.weights + (p * channel.padded + output) * 2);
    const int32x4_t low = vmull_s16(vget_low_s16(samples), vget_low_s16(weights));
    const int32x4_t high = vmull_high_s16(samples, weights);
    sum = vaddq_s32(sum, vpaddq_s32(low, high));
  }
  return vcvtq_f32_s32(sum);
}

template <bool kGrey>
inline void emit_block(const EmitJob &job, uint32_t i, float32x4_t (&value)[3]) {
  const float32x4_t first = resampled(job.channel[0], i);
  const float32x4_t second = kGrey ? first : resampled(job.channel[1], i);
  const float32x4_t third = kGrey ? first : resampled(job.channel[2], i);
  for (int c = 0; c < 3; c++) {
    float32x4_t sum = vfmaq_n_f32(vdupq_n_f32(job.bias[c]), first, job.matrix[c][0]);
    if (!kGrey) {
      sum = vfmaq_n_f32(sum, second, job.matrix[c][1]);
      sum = vfmaq_n_f32(sum, third, job.matrix[c][2]);
    }
    value[c] = vminq_f32(vmaxq_f32(sum, vdupq_n_f32(job.low[c])), vdupq_n_f32(job.high[c]));
  }
}

template <bool kGrey>
void emit_row(const EmitJob &job) {
  float32x4_t value[3];
  uint32_t i = 0;
  for (; i + 4 <= job.outputs; i += 4) {
    emit_block<kGrey>(job, i, value);
    for (int c = 0; c < 3; c++) vst1q_f32(job.out[c] + i, value[c]);
  }
  if (i == job.outputs) return;
  emit_block<kGrey>(job, i, value);
  for (int c = 0; c < 3; c++) {
    float last[4];
    vst1q_f32(last, value[c]);
    for (uint32_t k = i; k < job.outputs; k++) job.out[c][k] = last[k - i];
  }
}

void emit(const EmitJob &job) { job.channels == 1 ? emit_row<true>(job) : emit_row<false>(job); }

void to_half(const float *in, uint32_t count, uint16_t *out) {
  uint32_t i = 0;
  for (; i + 4 <= count; i += 4) vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
  plain::to_half(in, i, count, out);
}

}  // namespace

extern const CpuKernels kNeonKernels;
const CpuKernels kNeonKernels = {"neon", 1, 0, blend_rows, plain::split, nullptr, emit, plain::fill, to_half};

}  // namespace nj

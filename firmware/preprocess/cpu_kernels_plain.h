// Plain C++ loops shared by the kernels: the whole of the scalar reference, and the parts that a compiler vectorises
// well enough by itself. Includes nothing of the standard library, for every kernel file is compiled with flags of its
// own and must not leave inline functions behind that other files would then use.
#pragma once

#include <cstdint>

#include "cpu_kernels.h"

namespace nj::plain {

constexpr int kBlendShift = 14 - kBlendBits;
constexpr int kBlendRound = 1 << (kBlendShift - 1);

static inline void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t begin,
                              uint32_t end, int16_t *out) {
  for (uint32_t i = begin; i < end; i++) {
    int32_t sum = kBlendRound;
    for (uint32_t t = 0; t < taps; t++) sum += rows[t][i] * weights[t];
    out[i] = static_cast<int16_t>(sum >> kBlendShift);
  }
}

// Weights in two signed bytes, weight = 128 * high + low, so that pairs of rows can be summed in 16 bits. The result is
// that of blend_rows exactly: high parts may wrap on the way, low parts do not.
struct ByteWeights {
  static constexpr uint32_t kMost = 4;  // taps
  int high[kMost] = {}, low[kMost] = {};
};

// false: a sum could leave 16 bits.
static inline bool split_weights(const int16_t *weights, uint32_t taps, ByteWeights *split) {
  int above = 0, below = 0;
  for (uint32_t t = 0; t < taps; t++) {
    split->low[t] = ((weights[t] + 64) & 127) - 64;
    split->high[t] = (weights[t] - split->low[t]) / 128;
    if (split->high[t] > 127) return false;
    (split->low[t] > 0 ? above : below) += split->low[t];
  }
  for (uint32_t t = 0; t < taps; t += 2)
    if (split->high[t] + split->high[t + 1] > 128) return false;
  return above <= 128 && below >= -128;
}

template <uint32_t kChannels>
static inline void split_by(const int16_t *__restrict in, uint32_t samples, int16_t *const *out) {
  int16_t *__restrict o0 = out[0];
  int16_t *__restrict o1 = out[1];
  int16_t *__restrict o2 = kChannels > 2 ? out[2] : nullptr;
  int16_t *__restrict o3 = kChannels > 3 ? out[3] : nullptr;
  for (uint32_t i = 0; i < samples; i++) {
    o0[i] = in[kChannels * i];
    o1[i] = in[kChannels * i + 1];
    if (kChannels > 2) o2[i] = in[kChannels * i + 2];
    if (kChannels > 3) o3[i] = in[kChannels * i + 3];
  }
}

static inline void split(const int16_t *in, uint32_t channels, uint32_t samples, int16_t *const *out) {
  if (channels == 2) split_by<2>(in, samples, out);
  if (channels == 3) split_by<3>(in, samples, out);
  if (channels == 4) split_by<4>(in, samples, out);
}

static inline int32_t resampled(const EmitChannel &channel, uint32_t output) {
  const int16_t *sample = channel.row + channel.start[output];  // split rows only: step 1
  int32_t sum = 0;
  for (uint32_t p = 0; p < channel.pairs; p++) {
    const int16_t *weight = channel.weights + (p * channel.padded + output) * 2;
    sum += sample[2 * p] * weight[0] + sample[2 * p + 1] * weight[1];
  }
  return sum;
}

static inline void emit(const EmitJob &job) {
  for (uint32_t i = 0; i < job.outputs; i++) {
    float sample[3] = {};
    for (uint32_t k = 0; k < job.channels; k++) sample[k] = static_cast<float>(resampled(job.channel[k], i));
    for (int c = 0; c < 3; c++) {
      const float *m = job.matrix[c];
      float value = m[0] * sample[0] + m[1] * sample[1] + m[2] * sample[2] + job.bias[c];
      value = value < job.low[c] ? job.low[c] : value;
      job.out[c][i] = value > job.high[c] ? job.high[c] : value;
    }
  }
}

static inline void fill(float *out, uint32_t count, float value) {
  uint32_t wanted, different = 0;
  __builtin_memcpy(&wanted, &value, sizeof wanted);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t present;
    __builtin_memcpy(&present, out + i, sizeof present);
    different |= present ^ wanted;
  }
  if (!different) return;
  for (uint32_t i = 0; i < count; i++) out[i] = value;
}

static inline uint16_t half_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00);   // NaN
  if (magnitude >= 0x477FF000) return static_cast<uint16_t>(sign | 0x7C00);  // rounds to infinity
  if (magnitude < 0x38800000) {                                              // subnormal in half precision
    if (magnitude < 0x33000000) return static_cast<uint16_t>(sign);
    const uint32_t shift = 126 - (magnitude >> 23);
    const uint32_t mantissa = (magnitude & 0x7FFFFF) | 0x800000;
    const uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), middle = 1u << (shift - 1);
    return static_cast<uint16_t>(sign | (kept + (rest > middle || (rest == middle && (kept & 1)))));
  }
  const uint32_t rebased = magnitude - 0x38000000;
  return static_cast<uint16_t>(sign | ((rebased + 0xFFF + (rebased >> 13 & 1)) >> 13));
}

static inline void to_half(const float *in, uint32_t begin, uint32_t end, uint16_t *out) {
  for (uint32_t i = begin; i < end; i++) out[i] = half_of(in[i]);
}

}  // namespace nj::plain

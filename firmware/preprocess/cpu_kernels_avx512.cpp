// AVX-512 (F, BW, VL). Its gain over AVX2 is in emit: as long as 16 outputs span at most 64 source samples, two loads
// and a permutation of 16-bit words replace shuffles and gathers.
#include <immintrin.h>

#include "cpu_kernels_plain.h"
#include "cpu_kernels_vector.h"

namespace nj {

namespace {

constexpr uint32_t kBlock = 16;
constexpr uint32_t kWindow = 64;  // samples in two registers; kRowSlack covers reading them
static_assert(kRowSlack >= kWindow);

struct Sums {
  __m512i lane[4];
};

inline __m512i weight_pair(const int16_t *weights) {
  int32_t both;
  __builtin_memcpy(&both, weights, sizeof both);
  return _mm512_set1_epi32(both);
}

inline void add_pair(const uint8_t *a, const uint8_t *b, __m512i weights, Sums &sums) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i row_a = _mm512_loadu_si512(a), row_b = _mm512_loadu_si512(b);
  const __m512i low = _mm512_unpacklo_epi8(row_a, row_b), high = _mm512_unpackhi_epi8(row_a, row_b);
  const __m512i quarter[4] = {_mm512_unpacklo_epi8(low, zero), _mm512_unpackhi_epi8(low, zero),
                              _mm512_unpacklo_epi8(high, zero), _mm512_unpackhi_epi8(high, zero)};
  for (int q = 0; q < 4; q++) sums.lane[q] = _mm512_add_epi32(sums.lane[q], _mm512_madd_epi16(quarter[q], weights));
}

// Unpacking worked within 128-bit quarters: `first` has the low 8 samples of each quarter, `second` the high 8.
inline void store_samples(__m512i first, __m512i second, int16_t *out) {
  const __m512i front = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                back = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(first, front, second));
  _mm512_storeu_si512(out + 32, _mm512_permutex2var_epi64(first, back, second));
}

inline void blend_block(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t at, int16_t *out) {
  Sums sums;
  for (__m512i &lane : sums.lane) lane = _mm512_set1_epi32(plain::kBlendRound);
  for (uint32_t t = 0; t < taps; t += 2) add_pair(rows[t] + at, rows[t + 1] + at, weight_pair(weights + t), sums);
  for (__m512i &lane : sums.lane) lane = _mm512_srai_epi32(lane, plain::kBlendShift);
  store_samples(_mm512_packs_epi32(sums.lane[0], sums.lane[1]), _mm512_packs_epi32(sums.lane[2], sums.lane[3]),
                out + at);
}

// The same for few rows, with weights in bytes: fewer shuffles, which are the bottleneck.
struct WeightPair {
  __m512i high, low;
};

inline __m512i byte_pair(const int *weights) {
  return _mm512_set1_epi16(static_cast<short>((weights[0] & 0xFF) | weights[1] * 256));
}

template <uint32_t kPairs>
inline void few_block(const uint8_t *const *rows, const WeightPair *weights, uint32_t at, int16_t *out) {
  __m512i high_first = _mm512_setzero_si512(), high_second = high_first;
  __m512i low_first = _mm512_set1_epi16(plain::kBlendRound), low_second = low_first;
  for (uint32_t p = 0; p < kPairs; p++) {
    const __m512i row_a = _mm512_loadu_si512(rows[2 * p] + at);
    const __m512i row_b = _mm512_loadu_si512(rows[2 * p + 1] + at);
    const __m512i first = _mm512_unpacklo_epi8(row_a, row_b), second = _mm512_unpackhi_epi8(row_a, row_b);
    high_first = _mm512_add_epi16(high_first, _mm512_maddubs_epi16(first, weights[p].high));
    high_second = _mm512_add_epi16(high_second, _mm512_maddubs_epi16(second, weights[p].high));
    low_first = _mm512_add_epi16(low_first, _mm512_maddubs_epi16(first, weights[p].low));
    low_second = _mm512_add_epi16(low_second, _mm512_maddubs_epi16(second, weights[p].low));
  }
  const __m512i first = _mm512_add_epi16(high_first, _mm512_srai_epi16(low_first, plain::kBlendShift));
  const __m512i second = _mm512_add_epi16(high_second, _mm512_srai_epi16(low_second, plain::kBlendShift));
  store_samples(first, second, out + at);
}

template <uint32_t kPairs>
void blend_few(const uint8_t *const *rows, const plain::ByteWeights &weights, uint32_t bytes, int16_t *out) {
  WeightPair pairs[kPairs];
  for (uint32_t p = 0; p < kPairs; p++) pairs[p] = {byte_pair(weights.high + 2 * p), byte_pair(weights.low + 2 * p)};
  for (uint32_t i = 0; i + 64 <= bytes; i += 64) few_block<kPairs>(rows, pairs, i, out);
  if (bytes % 64) few_block<kPairs>(rows, pairs, bytes - 64, out);  // overlaps the block before
}

void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes, int16_t *out) {
  if (bytes < 64) return plain::blend_rows(rows, weights, taps, 0, bytes, out);
  plain::ByteWeights split;
  if (taps <= split.kMost && plain::split_weights(weights, taps, &split))
    return taps == 2 ? blend_few<1>(rows, split, bytes, out) : blend_few<2>(rows, split, bytes, out);
  for (uint32_t i = 0; i + 64 <= bytes; i += 64) blend_block(rows, weights, taps, i, out);
  if (bytes % 64) blend_block(rows, weights, taps, bytes - 64, out);
}

// One permutation of 16-bit words picks the pairs of 16 outputs out of the two registers of a window.
struct Avx512 {
  using Values = __m512;
  static constexpr uint32_t kLanes = kBlock;
  struct Window {
    __m512i front, back;
  };

  static __m512 splat(float value) { return _mm512_set1_ps(value); }
  static __m512 multiply_add(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
  static __m512 clamp(__m512 value, __m512 low, __m512 high) { return _mm512_min_ps(_mm512_max_ps(value, low), high); }
  static void store(float *out, __m512 value) { _mm512_storeu_ps(out, value); }
  static void store_first(float *out, uint32_t count, __m512 value) {
    _mm512_mask_storeu_ps(out, static_cast<__mmask16>((1u << count) - 1), value);
  }

  static __m512i weights(const EmitChannel &channel, uint32_t pair, uint32_t output) {
    return _mm512_loadu_si512(channel.weights + (pair * channel.padded + output) * 2);
  }

  static Window window(const EmitChannel &channel, uint32_t output) {
    const int16_t *row = channel.row + channel.start[output] * static_cast<int32_t>(channel.step);
    return {_mm512_loadu_si512(row), _mm512_loadu_si512(row + 32)};
  }

  template <uint32_t kPairs>
  static __m512 picked(const EmitChannel &channel, const Window &window, uint32_t output) {
    const uint32_t pairs = kPairs ? kPairs : channel.pairs;
    const __m512i offset = _mm512_set1_epi16(static_cast<short>(channel.offset));
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t p = 0; p < pairs; p++) {
      const __m512i words = _mm512_loadu_si512(channel.picks + p * channel.padded + output);
      const __m512i samples = _mm512_permutex2var_epi16(window.front, _mm512_add_epi16(words, offset), window.back);
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(samples, weights(channel, p, output)));
    }
    return _mm512_cvtepi32_ps(sum);
  }

  static __m512 gathered(const EmitChannel &channel, uint32_t output) {
    const __m512i start = _mm512_loadu_si512(channel.start + output);
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t p = 0; p < channel.pairs; p++) {
      const __m512i samples = _mm512_i32gather_epi32(start, channel.row + 2 * p, 2);
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(samples, weights(channel, p, output)));
    }
    return _mm512_cvtepi32_ps(sum);
  }
};

// The two words of a pair of samples, counted from the window of the first channel.
void pick(const EmitChannel &channel, uint32_t *picks) {
  for (uint32_t p = 0; p < channel.pairs; p++) {
    for (uint32_t i = 0; i < channel.padded; i++) {
      const uint32_t relative = channel.start[i] - channel.start[i / kBlock * kBlock] + 2 * p;
      const uint32_t first = channel.step * relative;
      picks[p * channel.padded + i] = first | (first + channel.step) << 16;
    }
  }
}

void to_half(const float *in, uint32_t count, uint16_t *out) {
  uint32_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + i),
                        _mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  plain::to_half(in, i, count, out);
}

}  // namespace

extern const CpuKernels kAvx512Kernels;
const CpuKernels kAvx512Kernels = {"avx512", kBlock,       kWindow,     blend_rows, plain::split,
                                   pick,     emit<Avx512>, plain::fill, to_half};

}  // namespace nj

// AVX2 with FMA and F16C (x86-64-v3). Compiled with those flags; run only where the machine has them.
#include <immintrin.h>

#include "cpu_kernels_plain.h"
#include "cpu_kernels_vector.h"

namespace nj {

namespace {

constexpr uint32_t kBlock = 4;    // outputs of a 128-bit lane
constexpr uint32_t kWindow = 16;  // samples in two 128-bit lanes; kRowSlack covers reading them
static_assert(kRowSlack >= kWindow);

// 32 bytes of a pair of rows -> four registers of eight sums.
struct Sums {
  __m256i lane[4];
};

inline __m256i weight_pair(const int16_t *weights) {
  int32_t both;
  __builtin_memcpy(&both, weights, sizeof both);
  return _mm256_set1_epi32(both);
}

inline void add_pair(const uint8_t *a, const uint8_t *b, __m256i weights, Sums &sums) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i row_a = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(a));
  const __m256i row_b = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(b));
  const __m256i low = _mm256_unpacklo_epi8(row_a, row_b), high = _mm256_unpackhi_epi8(row_a, row_b);
  const __m256i quarter[4] = {_mm256_unpacklo_epi8(low, zero), _mm256_unpackhi_epi8(low, zero),
                              _mm256_unpacklo_epi8(high, zero), _mm256_unpackhi_epi8(high, zero)};
  for (int q = 0; q < 4; q++) sums.lane[q] = _mm256_add_epi32(sums.lane[q], _mm256_madd_epi16(quarter[q], weights));
}

inline void blend_block(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t at, int16_t *out) {
  Sums sums;
  for (__m256i &lane : sums.lane) lane = _mm256_set1_epi32(plain::kBlendRound);
  for (uint32_t t = 0; t < taps; t += 2) add_pair(rows[t] + at, rows[t + 1] + at, weight_pair(weights + t), sums);
  for (__m256i &lane : sums.lane) lane = _mm256_srai_epi32(lane, plain::kBlendShift);
  // Unpacking worked within 128-bit halves: the packed halves are bytes 0..7|16..23 and 8..15|24..31.
  const __m256i first = _mm256_packs_epi32(sums.lane[0], sums.lane[1]);
  const __m256i second = _mm256_packs_epi32(sums.lane[2], sums.lane[3]);
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + at), _mm256_permute2x128_si256(first, second, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + at + 16), _mm256_permute2x128_si256(first, second, 0x31));
}

// The same for few rows, with weights in bytes: fewer shuffles, which are the bottleneck.
struct WeightPair {
  __m256i high, low;
};

inline __m256i byte_pair(const int *weights) {
  return _mm256_set1_epi16(static_cast<short>((weights[0] & 0xFF) | weights[1] * 256));
}

template <uint32_t kPairs>
inline void few_block(const uint8_t *const *rows, const WeightPair *weights, uint32_t at, int16_t *out) {
  __m256i high_first = _mm256_setzero_si256(), high_second = high_first;
  __m256i low_first = _mm256_set1_epi16(plain::kBlendRound), low_second = low_first;
  for (uint32_t p = 0; p < kPairs; p++) {
    const __m256i row_a = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(rows[2 * p] + at));
    const __m256i row_b = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(rows[2 * p + 1] + at));
    const __m256i first = _mm256_unpacklo_epi8(row_a, row_b), second = _mm256_unpackhi_epi8(row_a, row_b);
    high_first = _mm256_add_epi16(high_first, _mm256_maddubs_epi16(first, weights[p].high));
    high_second = _mm256_add_epi16(high_second, _mm256_maddubs_epi16(second, weights[p].high));
    low_first = _mm256_add_epi16(low_first, _mm256_maddubs_epi16(first, weights[p].low));
    low_second = _mm256_add_epi16(low_second, _mm256_maddubs_epi16(second, weights[p].low));
  }
  const __m256i first = _mm256_add_epi16(high_first, _mm256_srai_epi16(low_first, plain::kBlendShift));
  const __m256i second = _mm256_add_epi16(high_second, _mm256_srai_epi16(low_second, plain::kBlendShift));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + at), _mm256_permute2x128_si256(first, second, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + at + 16), _mm256_permute2x128_si256(first, second, 0x31));
}

template <uint32_t kPairs>
void blend_few(const uint8_t *const *rows, const plain::ByteWeights &weights, uint32_t bytes, int16_t *out) {
  WeightPair pairs[kPairs];
  for (uint32_t p = 0; p < kPairs; p++) pairs[p] = {byte_pair(weights.high + 2 * p), byte_pair(weights.low + 2 * p)};
  for (uint32_t i = 0; i + 32 <= bytes; i += 32) few_block<kPairs>(rows, pairs, i, out);
  if (bytes % 32) few_block<kPairs>(rows, pairs, bytes - 32, out);  // overlaps the block before
}

void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes, int16_t *out) {
  if (bytes < 32) return plain::blend_rows(rows, weights, taps, 0, bytes, out);
  plain::ByteWeights split;
  if (taps <= split.kMost && plain::split_weights(weights, taps, &split))
    return taps == 2 ? blend_few<1>(rows, split, bytes, out) : blend_few<2>(rows, split, bytes, out);
  for (uint32_t i = 0; i + 32 <= bytes; i += 32) blend_block(rows, weights, taps, i, out);
  if (bytes % 32) blend_block(rows, weights, taps, bytes - 32, out);
}

// Two 128-bit lanes, four outputs each, of which every one sees kWindow samples in two registers; byte shuffles pick
// the pairs of samples out of them.
struct Avx2 {
  using Values = __m256;
  static constexpr uint32_t kLanes = 2 * kBlock;
  struct Window {
    __m256i front, back;
  };

  static __m256 splat(float value) { return _mm256_set1_ps(value); }
  static __m256 multiply_add(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
  static __m256 clamp(__m256 value, __m256 low, __m256 high) { return _mm256_min_ps(_mm256_max_ps(value, low), high); }
  static void store(float *out, __m256 value) { _mm256_storeu_ps(out, value); }
  static void store_first(float *out, uint32_t count, __m256 value) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(out, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes), value);
  }

  static __m256i two_lanes(const int16_t *low, const int16_t *high) {
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i *>(low));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
                                   _mm_loadu_si128(reinterpret_cast<const __m128i *>(high)), 1);
  }
  static __m256i at(const void *numbers) { return _mm256_loadu_si256(static_cast<const __m256i *>(numbers)); }
  static __m256i weights(const EmitChannel &channel, uint32_t pair, uint32_t output) {
    return at(channel.weights + (pair * channel.padded + output) * 2);
  }

  static Window window(const EmitChannel &channel, uint32_t output) {
    const int32_t step = static_cast<int32_t>(channel.step);
    const int16_t *low = channel.row + channel.start[output] * step,
                  *high = channel.row + channel.start[output + kBlock] * step;
    return {two_lanes(low, high), two_lanes(low + 8, high + 8)};
  }

  template <uint32_t kPairs>
  static __m256 picked(const EmitChannel &channel, const Window &window, uint32_t output) {
    const uint32_t pairs = kPairs ? kPairs : channel.pairs;
    // A shuffle gives 0 for a byte whose top bit is set: in `front` for 16 and more, in `back` for less.
    const int offset = static_cast<int>(2 * channel.offset);
    const __m256i to_front = _mm256_set1_epi8(static_cast<char>(0x70 + offset)),
                  to_back = _mm256_set1_epi8(static_cast<char>(offset - 0x10));
    __m256i sum = _mm256_setzero_si256();
    for (uint32_t p = 0; p < pairs; p++) {
      const __m256i bytes = at(channel.picks + p * channel.padded + output);
      const __m256i samples = _mm256_or_si256(_mm256_shuffle_epi8(window.front, _mm256_add_epi8(bytes, to_front)),
                                              _mm256_shuffle_epi8(window.back, _mm256_add_epi8(bytes, to_back)));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights(channel, p, output)));
    }
    return _mm256_cvtepi32_ps(sum);
  }

  static __m256 gathered(const EmitChannel &channel, uint32_t output) {
    const __m256i start = at(channel.start + output);
    __m256i sum = _mm256_setzero_si256();
    for (uint32_t p = 0; p < channel.pairs; p++) {
      const __m256i samples = _mm256_i32gather_epi32(reinterpret_cast<const int *>(channel.row + 2 * p), start, 2);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights(channel, p, output)));
    }
    return _mm256_cvtepi32_ps(sum);
  }
};

// The four bytes of a pair of samples, counted from the window of the first channel.
void pick(const EmitChannel &channel, uint32_t *picks) {
  for (uint32_t p = 0; p < channel.pairs; p++) {
    for (uint32_t i = 0; i < channel.padded; i++) {
      const uint32_t relative = channel.start[i] - channel.start[i / kBlock * kBlock] + 2 * p;
      const uint32_t first = 2 * channel.step * relative, second = first + 2 * channel.step;
      picks[p * channel.padded + i] = first | (first + 1) << 8 | second << 16 | (second + 1) << 24;
    }
  }
}

void to_half(const float *in, uint32_t count, uint16_t *out) {
  uint32_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  plain::to_half(in, i, count, out);
}

}  // namespace

extern const CpuKernels kAvx2Kernels;
const CpuKernels kAvx2Kernels = {"avx2", kBlock,     kWindow,     blend_rows, plain::split,
                                 pick,   emit<Avx2>, plain::fill, to_half};

}  // namespace nj

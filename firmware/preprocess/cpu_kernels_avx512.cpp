// AVX-512 (F, BW, VL). Its gain over AVX2 is in emit: as long as 16 outputs span at most 64 source samples, two loads
// and a permutation of 16-bit words replace the gathers.
#include <immintrin.h>

#include "cpu_kernels_plain.h"

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

inline void blend_block(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t at, int16_t *out) {
  Sums sums;
  for (__m512i &lane : sums.lane) lane = _mm512_set1_epi32(plain::kBlendRound);
  for (uint32_t t = 0; t < taps; t += 2) add_pair(rows[t] + at, rows[t + 1] + at, weight_pair(weights + t), sums);
  for (__m512i &lane : sums.lane) lane = _mm512_srai_epi32(lane, plain::kBlendShift);
  // Unpacking worked within 128-bit quarters: `first` has the low 8 samples of each quarter, `second` the high 8.
  const __m512i first = _mm512_packs_epi32(sums.lane[0], sums.lane[1]);
  const __m512i second = _mm512_packs_epi32(sums.lane[2], sums.lane[3]);
  const __m512i front = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                back = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  _mm512_storeu_si512(out + at, _mm512_permutex2var_epi64(first, front, second));
  _mm512_storeu_si512(out + at + 32, _mm512_permutex2var_epi64(first, back, second));
}

void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes, int16_t *out) {
  if (bytes < 64) return plain::blend_rows(rows, weights, taps, 0, bytes, out);
  for (uint32_t i = 0; i + 64 <= bytes; i += 64) blend_block(rows, weights, taps, i, out);
  if (bytes % 64) blend_block(rows, weights, taps, bytes - 64, out);  // overlaps the block before
}

inline __m512i weights_at(const EmitChannel &channel, uint32_t pair, uint32_t output) {
  return _mm512_loadu_si512(channel.weights + (pair * channel.padded + output) * 2);
}

// Where 16 outputs find their samples: a window of 64 samples from `base`, and the words (k, k + step) in it.
struct Window {
  int32_t base;
  __m512i words;
};

inline Window window_of(const EmitChannel &channel, uint32_t output) {
  const int32_t first = channel.start[output], step = static_cast<int32_t>(channel.step);
  const __m512i start = _mm512_loadu_si512(channel.start + output);
  // Both halves of a 32-bit lane at once: the products stay below 64.
  const __m512i relative = _mm512_sub_epi32(start, _mm512_set1_epi32(first));
  const __m512i twice = _mm512_or_si512(relative, _mm512_slli_epi32(relative, 16));
  const __m512i words = _mm512_mullo_epi16(twice, _mm512_set1_epi16(static_cast<short>(step)));
  return {first * step, _mm512_add_epi32(words, _mm512_set1_epi32(step << 16))};
}

// kPairs: the channel's pairs where they are known, else 0.
template <uint32_t kPairs>
inline __m512 permuted(const EmitChannel &channel, uint32_t output, const Window &window) {
  const uint32_t pairs = kPairs ? kPairs : channel.pairs;
  const int16_t *row = channel.row + window.base;
  const __m512i front = _mm512_loadu_si512(row), back = _mm512_loadu_si512(row + 32);
  const __m512i stride = _mm512_set1_epi32(static_cast<int32_t>(channel.step * 2 * 0x10001));
  __m512i sum = _mm512_setzero_si512(), words = window.words;
  for (uint32_t p = 0; p < pairs; p++) {
    const __m512i samples = _mm512_permutex2var_epi16(front, words, back);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(samples, weights_at(channel, p, output)));
    words = _mm512_add_epi32(words, stride);
  }
  return _mm512_cvtepi32_ps(sum);
}

// For outputs too far apart for a window; the row is split.
inline __m512 gathered(const EmitChannel &channel, uint32_t output) {
  const __m512i start = _mm512_loadu_si512(channel.start + output);
  __m512i sum = _mm512_setzero_si512();
  for (uint32_t p = 0; p < channel.pairs; p++) {
    const __m512i samples = _mm512_i32gather_epi32(start, channel.row + 2 * p, 2);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(samples, weights_at(channel, p, output)));
  }
  return _mm512_cvtepi32_ps(sum);
}

template <uint32_t kPairs>
inline __m512 resampled(const EmitChannel &channel, uint32_t output) {
  if (channel.windowed) return permuted<kPairs>(channel, output, window_of(channel, output));
  return gathered(channel, output);
}

struct Block {
  __m512 value[3];
};

template <bool kGrey>
inline Block colored(const EmitJob &job, __m512 first, __m512 second, __m512 third) {
  Block block;
  for (int c = 0; c < 3; c++) {
    __m512 sum = _mm512_fmadd_ps(first, _mm512_set1_ps(job.matrix[c][0]), _mm512_set1_ps(job.bias[c]));
    if (!kGrey) {
      sum = _mm512_fmadd_ps(second, _mm512_set1_ps(job.matrix[c][1]), sum);
      sum = _mm512_fmadd_ps(third, _mm512_set1_ps(job.matrix[c][2]), sum);
    }
    block.value[c] = _mm512_min_ps(_mm512_max_ps(sum, _mm512_set1_ps(job.low[c])), _mm512_set1_ps(job.high[c]));
  }
  return block;
}

inline void store(const EmitJob &job, uint32_t i, const Block &block) {
  const uint32_t left = job.outputs - i;
  const __mmask16 mask = left >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
  for (int c = 0; c < 3; c++) _mm512_mask_storeu_ps(job.out[c] + i, mask, block.value[c]);
}

// kFirst, kOthers: pairs of the first channel and of the others where they are known, else 0.
template <uint32_t kFirst, uint32_t kOthers>
void emit_row(const EmitJob &job) {
  const EmitChannel &y = job.channel[0], &u = job.channel[1], &v = job.channel[2];
  for (uint32_t i = 0; i < job.outputs; i += 16)
    store(job, i, colored<false>(job, resampled<kFirst>(y, i), resampled<kOthers>(u, i), resampled<kOthers>(v, i)));
}

void emit_grey(const EmitJob &job) {
  for (uint32_t i = 0; i < job.outputs; i += 16) {
    const __m512 sample = resampled<0>(job.channel[0], i);
    store(job, i, colored<true>(job, sample, sample, sample));
  }
}

void emit(const EmitJob &job) {
  if (job.channels == 1) return emit_grey(job);
  const uint32_t first = job.channel[0].pairs, others = job.channel[1].pairs;
  const bool alike = others == job.channel[2].pairs;
  if (alike && first == 2 && others == 1) return emit_row<2, 1>(job);  // 4:2:0, shrinking by 2 to 4
  if (alike && first == 1 && others == 1) return emit_row<1, 1>(job);  // bilinear
  emit_row<0, 0>(job);
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
const CpuKernels kAvx512Kernels = {"avx512", kBlock, kWindow, blend_rows, plain::split, emit, plain::fill, to_half};

}  // namespace nj

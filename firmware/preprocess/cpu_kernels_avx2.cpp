// AVX2 with FMA and F16C (x86-64-v3). Compiled with those flags; run only where the machine has them.
#include <immintrin.h>

#include "cpu_kernels_plain.h"

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

void blend_rows(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes, int16_t *out) {
  if (bytes < 32) return plain::blend_rows(rows, weights, taps, 0, bytes, out);
  for (uint32_t i = 0; i + 32 <= bytes; i += 32) blend_block(rows, weights, taps, i, out);
  if (bytes % 32) blend_block(rows, weights, taps, bytes - 32, out);  // overlaps the block before
}

inline __m256i weights_at(const EmitChannel &channel, uint32_t pair, uint32_t output) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(channel.weights + (pair * channel.padded + output) * 2));
}

inline __m256i two_lanes(const int16_t *low, const int16_t *high) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i *>(low));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i *>(high)), 1);
}

// Eight outputs, four to a 128-bit lane; each lane sees kWindow samples in two registers, out of which byte shuffles
// pick the pairs. kPairs: the channel's pairs where they are known, else 0.
template <uint32_t kPairs>
inline __m256 shuffled(const EmitChannel &channel, uint32_t output) {
  const uint32_t pairs = kPairs ? kPairs : channel.pairs;
  const int32_t step = static_cast<int32_t>(channel.step);
  const int16_t *low = channel.row + channel.start[output] * step,
                *high = channel.row + channel.start[output + 4] * step;
  const __m256i front = two_lanes(low, high), back = two_lanes(low + 8, high + 8);
  const __m256i relative = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(channel.relative + output));
  // Bytes of sample `step * relative` and of the next of the channel; all stay below 2 * kWindow.
  const int32_t bytes = 2 * step;
  __m256i wanted = _mm256_mullo_epi32(relative, _mm256_set1_epi32(bytes * 0x01010101));
  wanted = _mm256_add_epi8(wanted, _mm256_set1_epi32((bytes + 1) << 24 | bytes << 16 | 1 << 8));
  __m256i sum = _mm256_setzero_si256();
  for (uint32_t p = 0; p < pairs; p++) {
    // A shuffle gives 0 for a byte whose top bit is set: in `front` for 16 and more, in `back` for less.
    const __m256i from_front = _mm256_shuffle_epi8(front, _mm256_add_epi8(wanted, _mm256_set1_epi8(0x70)));
    const __m256i from_back = _mm256_shuffle_epi8(back, _mm256_sub_epi8(wanted, _mm256_set1_epi8(0x10)));
    const __m256i samples = _mm256_or_si256(from_front, from_back);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights_at(channel, p, output)));
    wanted = _mm256_add_epi8(wanted, _mm256_set1_epi8(static_cast<char>(2 * bytes)));
  }
  return _mm256_cvtepi32_ps(sum);
}

// For outputs too far apart for a window; the row is split.
inline __m256 gathered(const EmitChannel &channel, uint32_t output) {
  const __m256i start = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(channel.start + output));
  __m256i sum = _mm256_setzero_si256();
  for (uint32_t p = 0; p < channel.pairs; p++) {
    const __m256i samples = _mm256_i32gather_epi32(reinterpret_cast<const int *>(channel.row + 2 * p), start, 2);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights_at(channel, p, output)));
  }
  return _mm256_cvtepi32_ps(sum);
}

template <uint32_t kPairs>
inline __m256 resampled(const EmitChannel &channel, uint32_t output) {
  return channel.windowed ? shuffled<kPairs>(channel, output) : gathered(channel, output);
}

struct Block {
  __m256 value[3];
};

template <bool kGrey>
inline Block colored(const EmitJob &job, __m256 first, __m256 second, __m256 third) {
  Block block;
  for (int c = 0; c < 3; c++) {
    __m256 sum = _mm256_fmadd_ps(first, _mm256_set1_ps(job.matrix[c][0]), _mm256_set1_ps(job.bias[c]));
    if (!kGrey) {
      sum = _mm256_fmadd_ps(second, _mm256_set1_ps(job.matrix[c][1]), sum);
      sum = _mm256_fmadd_ps(third, _mm256_set1_ps(job.matrix[c][2]), sum);
    }
    block.value[c] = _mm256_min_ps(_mm256_max_ps(sum, _mm256_set1_ps(job.low[c])), _mm256_set1_ps(job.high[c]));
  }
  return block;
}

inline void store(const EmitJob &job, uint32_t i, const Block &block) {
  if (i + 8 <= job.outputs) {
    for (int c = 0; c < 3; c++) _mm256_storeu_ps(job.out[c] + i, block.value[c]);
    return;
  }
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(job.outputs - i)), lanes);
  for (int c = 0; c < 3; c++) _mm256_maskstore_ps(job.out[c] + i, mask, block.value[c]);
}

// kFirst, kOthers: pairs of the first channel and of the others where they are known, else 0.
template <uint32_t kFirst, uint32_t kOthers>
void emit_row(const EmitJob &job) {
  const EmitChannel &y = job.channel[0], &u = job.channel[1], &v = job.channel[2];
  for (uint32_t i = 0; i < job.outputs; i += 8)
    store(job, i, colored<false>(job, resampled<kFirst>(y, i), resampled<kOthers>(u, i), resampled<kOthers>(v, i)));
}

void emit_grey(const EmitJob &job) {
  for (uint32_t i = 0; i < job.outputs; i += 8) {
    const __m256 sample = resampled<0>(job.channel[0], i);
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
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  plain::to_half(in, i, count, out);
}

}  // namespace

extern const CpuKernels kAvx2Kernels;
const CpuKernels kAvx2Kernels = {"avx2", kBlock, kWindow, blend_rows, plain::split, emit, plain::fill, to_half};

}  // namespace nj

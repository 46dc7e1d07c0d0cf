// The second step of the kernel: columns of blended rows to values of the network's input.
#pragma once

#include <cuda_fp16.h>

#include "cuda_blend.cuh"

namespace nj {

namespace {

// A single value without shared memory, for rows whose stretch does not fit.
__device__ int resample_directly(const PlaneJob &plane, uint32_t byte, uint32_t row, uint32_t output) {
  const uint32_t first_row = plane.first_row + __ldg(plane.vertical.start + row);
  const uint32_t first = __ldg(plane.horizontal.start + output);
  int sum = 0;
  for (uint32_t h = 0; h < plane.horizontal.taps; h++) {
    const uint32_t at = plane.first_byte + (first + h) * plane.interleaved + byte;
    if (at >= plane.row_bytes) break;  // only weights of 0 lie there
    int blended = kBlendRound;
    for (uint32_t v = 0; v < plane.vertical.taps; v++) {
      const uint32_t line = min(first_row + v, plane.last_row);
      blended += __ldg(plane.rows + static_cast<size_t>(line) * plane.stride + at) * weight_of(plane.vertical, row, v);
    }
    sum += (blended >> kBlendShift) * weight_of(plane.horizontal, output, h);
  }
  return sum;
}

__device__ float finish(const PictureJob &picture, uint32_t c, const int (&sum)[3]) {
  const float *m = picture.matrix[c];
  const float value = m[0] * static_cast<float>(sum[0]) + m[1] * static_cast<float>(sum[1]) +
                      m[2] * static_cast<float>(sum[2]) + picture.bias[c];
  return fminf(fmaxf(value, picture.low[c]), picture.high[c]);
}

template <typename Value>
__device__ Value to_value(float value);
template <>
__device__ float to_value<float>(float value) {
  return value;
}
template <>
__device__ __half to_value<__half>(float value) {
  return __float2half_rn(value);
}

// Two neighbours of a plane in one store.
__device__ void store_pair(float *to, float a, float b) { *reinterpret_cast<float2 *>(to) = {a, b}; }
__device__ void store_pair(__half *to, float a, float b) { *reinterpret_cast<__half2 *>(to) = __floats2half2_rn(a, b); }

// Two columns of one row of the network's picture. x is even.
template <typename Value, bool kChannelsLast>
__device__ void store(const BatchJob &job, void *tensor, uint32_t x, uint32_t y, const float (&value)[2][3]) {
  auto *out = static_cast<Value *>(tensor);
  const bool both = x + 1 < job.width;
  if constexpr (kChannelsLast) {
    out += (static_cast<size_t>(y) * job.width + x) * 3;
#pragma unroll
    for (uint32_t c = 0; c < 3; c++) {
      out[c] = to_value<Value>(value[0][c]);
      if (both) out[3 + c] = to_value<Value>(value[1][c]);
    }
  } else {
#pragma unroll
    for (uint32_t c = 0; c < 3; c++) {
      Value *to = out + (static_cast<size_t>(c) * job.height + y) * job.width + x;
      if (job.width % 2 == 0) {
        store_pair(to, value[0][c], value[1][c]);
      } else {
        to[0] = to_value<Value>(value[0][c]);
        if (both) to[1] = to_value<Value>(value[1][c]);
      }
    }
  }
}

__device__ void set_fill(const PictureJob &picture, float (&value)[3]) {
#pragma unroll
  for (uint32_t c = 0; c < 3; c++) value[c] = picture.fill[c];
}

// What the rows of a tile have in common for one thread, in registers.
struct Colors {
  float matrix[3][3], bias[3], low[3], high[3];
};

__device__ void load_colors(const PictureJob &picture, Colors &colors) {
#pragma unroll
  for (uint32_t c = 0; c < 3; c++) {
#pragma unroll
    for (uint32_t k = 0; k < 3; k++) colors.matrix[c][k] = picture.matrix[c][k];
    colors.bias[c] = picture.bias[c];
    colors.low[c] = picture.low[c];
    colors.high[c] = picture.high[c];
  }
}

__device__ void finish(const Colors &colors, const int (&sum)[3], float (&value)[3]) {
  const float y = static_cast<float>(sum[0]), u = static_cast<float>(sum[1]), v = static_cast<float>(sum[2]);
#pragma unroll
  for (uint32_t c = 0; c < 3; c++) {
    const float *m = colors.matrix[c];
    value[c] = fminf(fmaxf(m[0] * y + m[1] * u + m[2] * v + colors.bias[c], colors.low[c]), colors.high[c]);
  }
}

// Where channel k of a blended row begins: the sample that its plan counts from.
__device__ int channel_offset(const PictureJob &picture, const Tile &tile, uint32_t k) {
  const uint32_t p = picture.channel_plane[k];
  return static_cast<int>(tile.row_offset(p) + picture.plane[p].first_byte + picture.channel_byte[k]) -
         static_cast<int>(tile.stretch[p].begin);
}

// The two columns of a thread: where their samples begin, and the weights of up to four taps in pairs.
struct Columns {
  int luma_at[2], chroma_at[2];  // samples from where the plan counts
  uint32_t luma[2][2], chroma[2][2];
  bool inside[2];
};

__device__ uint32_t weights_of(const DevicePlan &plan, uint32_t pair, uint32_t column) {
  return 2 * pair < plan.taps ? __ldg(plan.weights + pair * plan.padded + column) : 0;
}

__device__ Columns find_columns(const PictureJob &picture, const Tile &tile, uint32_t x) {
  const DevicePlan &luma = picture.plane[picture.channel_plane[0]].horizontal;
  const DevicePlan &chroma = picture.plane[picture.channel_plane[1]].horizontal;
  Columns columns;
#pragma unroll
  for (uint32_t j = 0; j < 2; j++) {
    const uint32_t inner = x + j - picture.pad_left;  // wraps where there is padding
    columns.inside[j] = inner < picture.inner_width;
    const uint32_t column = columns.inside[j] ? inner : tile.first_column;
    columns.luma_at[j] = __ldg(luma.start + column);
    columns.chroma_at[j] = __ldg(chroma.start + column);
#pragma unroll
    for (uint32_t pair = 0; pair < 2; pair++) {
      columns.luma[j][pair] = weights_of(luma, pair, column);
      columns.chroma[j][pair] = weights_of(chroma, pair, column);
    }
  }
  return columns;
}

// The rows of a pass to values, two columns by each thread. kLuma, kChroma: taps of channel 0, of channels 1 and 2
// (those share a geometry in every format), at least what the plans have. kPaired: samples of channels 1 and 2 lie side
// by side and those of channel 0 by themselves, as in NV12.
template <typename Value, bool kChannelsLast, uint32_t kLuma, uint32_t kChroma, bool kPaired>
__device__ void resample_rows(const BatchJob &job, const PictureJob &picture, const Tile &tile, const Columns &columns,
                              const int16_t *rows, uint32_t x, uint32_t y, uint32_t count) {
  const uint32_t luma_step = kPaired ? 1 : picture.plane[picture.channel_plane[0]].interleaved;
  const uint32_t chroma_step = kPaired ? 2 : picture.plane[picture.channel_plane[1]].interleaved;
  // In which half of a pair of samples channel 1 lies.
  const bool swapped = kPaired && picture.channel_byte[1] != 0;
  const uint32_t own_row = threadIdx.x / kPairs;
  const int16_t *row = rows + own_row * tile.row_samples();
  int luma_weight[2][kLuma], chroma_weight[2][kChroma];
  int at[2][3];  // from the row, in samples
  const bool inside[2] = {columns.inside[0], columns.inside[1]};
#pragma unroll
  for (uint32_t j = 0; j < 2; j++) {
#pragma unroll
    for (uint32_t t = 0; t < kLuma; t++)
      luma_weight[j][t] = t & 1 ? high16(columns.luma[j][t / 2]) : low16(columns.luma[j][t / 2]);
#pragma unroll
    for (uint32_t t = 0; t < kChroma; t++)
      chroma_weight[j][t] = t & 1 ? high16(columns.chroma[j][t / 2]) : low16(columns.chroma[j][t / 2]);
    const int chroma_at = columns.chroma_at[j] * static_cast<int>(chroma_step);
    at[j][0] = channel_offset(picture, tile, 0) + columns.luma_at[j] * static_cast<int>(luma_step);
    at[j][1] = channel_offset(picture, tile, swapped ? 2 : 1) + chroma_at;
    at[j][2] = channel_offset(picture, tile, swapped ? 1 : 2) + chroma_at;
  }
  Colors colors;
  load_colors(picture, colors);
  void *const tensor = picture.tensor;
  const uint32_t row_step = kRowStep * tile.row_samples();
  for (uint32_t at_row = own_row; at_row < count; at_row += kRowStep, row += row_step) {
    float value[2][3];
#pragma unroll
    for (uint32_t j = 0; j < 2; j++) {
      int sum[3] = {};
#pragma unroll
      for (uint32_t t = 0; t < kLuma; t++) sum[0] += row[at[j][0] + t * luma_step] * luma_weight[j][t];
#pragma unroll
      for (uint32_t t = 0; t < kChroma; t++) {
        if constexpr (kPaired) {
          const auto pair = *reinterpret_cast<const uint32_t *>(row + at[j][1] + 2 * t);
          sum[1] += low16(pair) * chroma_weight[j][t];
          sum[2] += high16(pair) * chroma_weight[j][t];
        } else {
          sum[1] += row[at[j][1] + t * chroma_step] * chroma_weight[j][t];
          sum[2] += row[at[j][2] + t * chroma_step] * chroma_weight[j][t];
        }
      }
      const int in_order[3] = {sum[0], swapped ? sum[2] : sum[1], swapped ? sum[1] : sum[2]};
      finish(colors, in_order, value[j]);
      if (!inside[j]) set_fill(picture, value[j]);
    }
    store<Value, kChannelsLast>(job, tensor, x, y + at_row, value);
  }
}

// Any number of taps and channels.
template <typename Value, bool kChannelsLast>
__device__ void resample_any_rows(const BatchJob &job, const PictureJob &picture, const Tile &tile, const int16_t *rows,
                                  uint32_t x, uint32_t y, uint32_t count) {
  for (uint32_t row = threadIdx.x / kPairs; row < count; row += kRowStep) {
    float value[2][3];
#pragma unroll
    for (uint32_t j = 0; j < 2; j++) {
      const uint32_t inner = x + j - picture.pad_left;
      if (inner >= picture.inner_width) {
        set_fill(picture, value[j]);
        continue;
      }
      int sum[3] = {};
#pragma unroll
      for (uint32_t k = 0; k < 3; k++) {
        if (k >= picture.channels) break;
        const PlaneJob &plane = picture.plane[picture.channel_plane[k]];
        const DevicePlan &plan = plane.horizontal;
        const int16_t *sample = rows + row * tile.row_samples() + channel_offset(picture, tile, k) +
                                __ldg(plan.start + inner) * plane.interleaved;
        for (uint32_t t = 0; t < plan.taps; t++) sum[k] += sample[t * plane.interleaved] * weight_of(plan, inner, t);
      }
#pragma unroll
      for (uint32_t c = 0; c < 3; c++) value[j][c] = finish(picture, c, sum);
    }
    store<Value, kChannelsLast>(job, picture.tensor, x, y + row, value);
  }
}

template <typename Value, bool kChannelsLast, bool kPaired>
__device__ void resample_rows(const BatchJob &job, const PictureJob &picture, const Tile &tile, const Columns &columns,
                              const int16_t *rows, uint32_t x, uint32_t y, uint32_t count) {
  const uint32_t luma = picture.plane[picture.channel_plane[0]].horizontal.taps;
  const uint32_t chroma = picture.plane[picture.channel_plane[1]].horizontal.taps;
  if (chroma > 4 || luma > 4)
    resample_any_rows<Value, kChannelsLast>(job, picture, tile, rows, x, y, count);
  else if (chroma > 2)
    resample_rows<Value, kChannelsLast, 4, 4, kPaired>(job, picture, tile, columns, rows, x, y, count);
  else if (luma > 3)
    resample_rows<Value, kChannelsLast, 4, 2, kPaired>(job, picture, tile, columns, rows, x, y, count);
  else if (luma > 2)
    resample_rows<Value, kChannelsLast, 3, 2, kPaired>(job, picture, tile, columns, rows, x, y, count);
  else
    resample_rows<Value, kChannelsLast, 2, 2, kPaired>(job, picture, tile, columns, rows, x, y, count);
}

// The rows of a pass, whatever they are made of.
template <typename Value, bool kChannelsLast, bool kUsual>
__device__ void resample_pass(const BatchJob &job, const PictureJob &picture, const Tile &tile, const int16_t *rows,
                              uint32_t x, uint32_t y, uint32_t count) {
  const Columns columns = find_columns(picture, tile, x);
  if constexpr (kUsual) {
    resample_rows<Value, kChannelsLast, kUsualLumaTaps, kUsualChromaTaps, true>(job, picture, tile, columns, rows, x, y,
                                                                                count);
  } else {
    const bool paired = picture.channels == 3 && picture.plane[picture.channel_plane[1]].interleaved == 2 &&
                        picture.plane[picture.channel_plane[0]].interleaved == 1;
    if (picture.channels < 3)
      resample_any_rows<Value, kChannelsLast>(job, picture, tile, rows, x, y, count);
    else if (paired)
      resample_rows<Value, kChannelsLast, true>(job, picture, tile, columns, rows, x, y, count);
    else
      resample_rows<Value, kChannelsLast, false>(job, picture, tile, columns, rows, x, y, count);
  }
}

__device__ void resample_pair_directly(const PictureJob &picture, uint32_t x, uint32_t row, float (&value)[2][3]) {
  for (uint32_t j = 0; j < 2; j++) {
    const uint32_t inner = x + j - picture.pad_left;
    if (inner >= picture.inner_width) {
      set_fill(picture, value[j]);
      continue;
    }
    int sum[3] = {};
    for (uint32_t k = 0; k < picture.channels; k++)
      sum[k] = resample_directly(picture.plane[picture.channel_plane[k]], picture.channel_byte[k], row, inner);
    for (uint32_t c = 0; c < 3; c++) value[j][c] = finish(picture, c, sum);
  }
}

}  // namespace

}  // namespace nj

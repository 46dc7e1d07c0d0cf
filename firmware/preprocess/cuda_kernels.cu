#include <cuda_fp16.h>

#include "cuda_kernels.h"

namespace nj {

namespace {

constexpr int kBlendShift = 7, kBlendRound = 1 << (kBlendShift - 1);  // as cpu_kernels_plain.h
constexpr uint32_t kPairs = kTileWidth / 2;                           // of columns: what a thread makes of a row
constexpr uint32_t kRowStep = kBlockThreads / kPairs;
constexpr uint32_t kWarps = kBlockThreads / 32;
constexpr uint32_t kChunk = 16;  // bytes that a thread blends at a time: one load

__device__ int low16(uint32_t pair) { return static_cast<int16_t>(pair & 0xFFFF); }
__device__ int high16(uint32_t pair) { return static_cast<int32_t>(pair) >> 16; }

__device__ int weight_of(const DevicePlan &plan, uint32_t output, uint32_t tap) {
  const uint32_t pair = __ldg(plan.weights + (tap / 2) * plan.padded + output);
  return tap & 1 ? high16(pair) : low16(pair);
}

// sum + 16-bit weights times two bytes: the lower ones of `bytes`, the upper ones.
__device__ uint32_t dot(uint32_t weights, uint32_t bytes, uint32_t sum) {
  asm("dp2a.lo.u32.u32 %0, %1, %2, %0;" : "+r"(sum) : "r"(weights), "r"(bytes));
  return sum;
}
__device__ uint32_t dot_high(uint32_t weights, uint32_t bytes, uint32_t sum) {
  asm("dp2a.hi.u32.u32 %0, %1, %2, %0;" : "+r"(sum) : "r"(weights), "r"(bytes));
  return sum;
}

// The bytes of a plane's rows that a tile's columns are made of.
struct Stretch {
  uint32_t begin, bytes;  // of the row; begin is a multiple of kChunk where the plane is aligned
};

__device__ Stretch stretch_of(const PlaneJob &plane, uint32_t first_column, uint32_t last_column) {
  const DevicePlan &plan = plane.horizontal;
  const uint32_t begin = plane.first_byte + __ldg(plan.start + first_column) * plane.interleaved;
  const uint32_t end = plane.first_byte + (__ldg(plan.start + last_column) + plan.taps) * plane.interleaved;
  const uint32_t from = begin & ~(kChunk - 1);
  return {from, (end - from + kChunk - 1) & ~(kChunk - 1)};
}

struct Chunk {
  uint32_t word[kChunk / 4];
};

// What lies behind the row's samples counts as 0.
__device__ Chunk load_chunk(const PlaneJob &plane, uint32_t row, uint32_t at) {
  const uint8_t *source = plane.rows + static_cast<size_t>(row) * plane.stride + at;
  Chunk chunk{};
  if (plane.aligned && at + kChunk <= plane.stride) {
    const uint4 wide = __ldg(reinterpret_cast<const uint4 *>(source));
    memcpy(&chunk, &wide, sizeof chunk);
    return chunk;
  }
#pragma unroll
  for (uint32_t i = 0; i < kChunk; i++)
    if (at + i < plane.row_bytes) chunk.word[i / 4] |= static_cast<uint32_t>(__ldg(source + i)) << (8 * (i % 4));
  return chunk;
}

// sum[i] += first[i] * low weight + second[i] * high weight: two rows at a time.
__device__ void accumulate(uint32_t (&sum)[kChunk], const Chunk &first, const Chunk &second, uint32_t weights) {
#pragma unroll
  for (uint32_t w = 0; w < kChunk / 4; w++) {
    const uint32_t low = __byte_perm(first.word[w], second.word[w], 0x5140);
    const uint32_t high = __byte_perm(first.word[w], second.word[w], 0x7362);
    sum[4 * w] = dot(weights, low, sum[4 * w]);
    sum[4 * w + 1] = dot_high(weights, low, sum[4 * w + 1]);
    sum[4 * w + 2] = dot(weights, high, sum[4 * w + 2]);
    sum[4 * w + 3] = dot_high(weights, high, sum[4 * w + 3]);
  }
}

__device__ void store_chunk(int16_t *out, const uint32_t (&sum)[kChunk]) {
  uint32_t packed[kChunk / 2];
#pragma unroll
  for (uint32_t i = 0; i < kChunk / 2; i++)
    packed[i] = __byte_perm(sum[2 * i] >> kBlendShift, sum[2 * i + 1] >> kBlendShift, 0x5410);
  // Which half a thread stores first changes with every fourth one, so that eight together reach all banks.
  const bool second = threadIdx.x & 4;
  auto *to = reinterpret_cast<uint4 *>(out);
  const uint4 low = {packed[0], packed[1], packed[2], packed[3]}, high = {packed[4], packed[5], packed[6], packed[7]};
  to[second] = second ? high : low;
  to[!second] = second ? low : high;
}

// One row of one plane, by one warp: output row `row` of the picture, columns of the stretch.
__device__ void blend_row(const PlaneJob &shared, const Stretch &stretch, uint32_t row, int16_t *out) {
  const PlaneJob plane = shared;  // to registers: the compiler cannot tell that `out` leaves it as it is
  const DevicePlan &plan = plane.vertical;
  const uint32_t first = plane.first_row + __ldg(plan.start + row), begin = stretch.begin, bytes = stretch.bytes;
  const uint32_t taps = plan.taps, pairs = (taps + 1) / 2;
  const auto load = [&](uint32_t tap, uint32_t at) {
    return load_chunk(plane, min(first + tap, plane.last_row), begin + at);
  };
  for (uint32_t at = (threadIdx.x % 32) * kChunk; at < bytes; at += 32 * kChunk) {
    uint32_t sum[kChunk];
#pragma unroll
    for (uint32_t &value : sum) value = kBlendRound;
    for (uint32_t pair = 0; pair < pairs; pair += 2) {
      // All loads of two pairs before the first use.
      const Chunk a = load(2 * pair, at);
      const Chunk b = 2 * pair + 1 < taps ? load(2 * pair + 1, at) : Chunk{};
      const bool more = pair + 1 < pairs;
      const Chunk c = more ? load(2 * pair + 2, at) : Chunk{};
      const Chunk d = more && 2 * pair + 3 < taps ? load(2 * pair + 3, at) : Chunk{};
      accumulate(sum, a, b, __ldg(plan.weights + pair * plan.padded + row));
      if (more) accumulate(sum, c, d, __ldg(plan.weights + (pair + 1) * plan.padded + row));
    }
    store_chunk(out + at, sum);
  }
}

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

// What a block needs to know of its tile's source.
struct Tile {
  uint32_t x, y;                      // of the network's picture
  uint32_t first_column, end_column;  // of the inner picture; none when equal
  Stretch stretch[3];

  // Where a plane's part of a blended row begins in shared memory, and how long the row is, in samples.
  __device__ uint32_t row_offset(uint32_t plane) const {
    return (plane > 0 ? stretch[0].bytes : 0) + (plane > 1 ? stretch[1].bytes : 0);
  }
  __device__ uint32_t row_samples() const { return stretch[0].bytes + stretch[1].bytes + stretch[2].bytes; }
};

// By one thread for each plane.
__device__ void find_tile(const BatchJob &job, const PictureJob &picture, uint32_t plane, Tile &tile) {
  const uint32_t x = blockIdx.x * kTileWidth;
  const int left = static_cast<int>(x) - static_cast<int>(picture.pad_left);
  const uint32_t first = max(left, 0);
  const uint32_t end =
      max(min(left + static_cast<int>(kTileWidth), static_cast<int>(picture.inner_width)), static_cast<int>(first));
  const bool used = first < end && plane < picture.planes;
  tile.stretch[plane] = used ? stretch_of(picture.plane[plane], first, end - 1) : Stretch{0, 0};
  if (plane) return;
  tile.x = x;
  tile.y = blockIdx.y * kTileHeight;
  tile.first_column = first;
  tile.end_column = end;
}

// Up to three rows of one plane that become one.
struct Rows {
  Chunk chunk[3];
};

__device__ Rows load_rows(const PlaneJob &plane, const Stretch &stretch, uint32_t first, uint32_t at) {
  Rows rows;
#pragma unroll
  for (uint32_t t = 0; t < 3; t++)
    rows.chunk[t] = t < plane.vertical.taps && at < stretch.bytes
                        ? load_chunk(plane, min(first + t, plane.last_row), stretch.begin + at)
                        : Chunk{};
  return rows;
}

__device__ void blend_loaded(const PlaneJob &plane, const Rows &rows, uint32_t row, int16_t *out) {
  const DevicePlan &plan = plane.vertical;
  uint32_t sum[kChunk];
#pragma unroll
  for (uint32_t &value : sum) value = kBlendRound;
  accumulate(sum, rows.chunk[0], rows.chunk[1], __ldg(plan.weights + row));
  if (plan.taps > 2) accumulate(sum, rows.chunk[2], Chunk{}, __ldg(plan.weights + plan.padded + row));
  store_chunk(out, sum);
}

// Both planes of a row at once, by one warp: twice as many loads under way. For up to three taps.
__device__ void blend_both(const PictureJob &picture, const Tile &tile, uint32_t row, int16_t *out) {
  const PlaneJob &luma = picture.plane[0], &chroma = picture.plane[1];
  const Stretch stretch[2] = {tile.stretch[0], tile.stretch[1]};
  const uint32_t first = luma.first_row + __ldg(luma.vertical.start + row);
  const uint32_t chroma_first = chroma.first_row + __ldg(chroma.vertical.start + row);
  for (uint32_t at = (threadIdx.x % 32) * kChunk; at < max(stretch[0].bytes, stretch[1].bytes); at += 32 * kChunk) {
    const Rows luma_rows = load_rows(luma, stretch[0], first, at);
    const Rows chroma_rows = load_rows(chroma, stretch[1], chroma_first, at);
    if (at < stretch[0].bytes) blend_loaded(luma, luma_rows, row, out + at);
    if (at < stretch[1].bytes) blend_loaded(chroma, chroma_rows, row, out + tile.row_offset(1) + at);
  }
}

// The rows y .. y + count - 1 of the inner picture, to shared memory.
__device__ void blend_rows(const PictureJob &picture, const Tile &tile, uint32_t y, uint32_t count, int16_t *rows) {
  const uint32_t warp = threadIdx.x / 32;
  if (picture.planes == 2 && picture.plane[0].vertical.taps <= 3 && picture.plane[1].vertical.taps <= 3) {
    for (uint32_t row = warp; row < count; row += kWarps)
      blend_both(picture, tile, y + row, rows + row * tile.row_samples());
    return;
  }
  for (uint32_t task = warp; task < count * picture.planes; task += kWarps) {
    const uint32_t plane = task / count, row = task % count;
    blend_row(picture.plane[plane], tile.stretch[plane], y + row,
              rows + row * tile.row_samples() + tile.row_offset(plane));
  }
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

template <typename Value, bool kChannelsLast>
__device__ void fill_row(const BatchJob &job, const PictureJob &picture, uint32_t x, uint32_t y) {
  float value[2][3];
  set_fill(picture, value[0]);
  set_fill(picture, value[1]);
  store<Value, kChannelsLast>(job, picture.tensor, x, y, value);
}

template <typename Value, bool kChannelsLast>
__global__ void __launch_bounds__(kBlockThreads, kBlocksPerProcessor) preprocess(BatchJob job) {
  extern __shared__ __align__(16) int16_t rows[];
  __shared__ PictureJob picture;
  __shared__ Tile tile;
  const PictureJob &source = job.pictures[blockIdx.z];
  const uint32_t first_y = blockIdx.y * kTileHeight;
  if (first_y + kTileHeight <= source.pad_top || first_y >= source.pad_top + source.inner_height) {
    const uint32_t x = blockIdx.x * kTileWidth + threadIdx.x % kPairs * 2;
    const uint32_t end = x < job.width ? min(first_y + kTileHeight, job.height) : 0;
    for (uint32_t y = first_y + threadIdx.x / kPairs; y < end; y += kRowStep)
      fill_row<Value, kChannelsLast>(job, source, x, y);
    return;
  }
  // The last warp copies nothing: what it has to find out takes two loads one after the other.
  if (threadIdx.x >= kBlockThreads - 3) find_tile(job, source, threadIdx.x - (kBlockThreads - 3), tile);
  for (uint32_t i = threadIdx.x; i < sizeof(PictureJob) / 4; i += kBlockThreads)
    reinterpret_cast<uint32_t *>(&picture)[i] = reinterpret_cast<const uint32_t *>(&source)[i];
  __syncthreads();

  const uint32_t x = tile.x + threadIdx.x % kPairs * 2, own_row = threadIdx.x / kPairs;
  const uint32_t end = min(tile.y + kTileHeight, job.height);
  const uint32_t inner_begin = min(max(tile.y, picture.pad_top), end);
  const uint32_t inner_end = tile.first_column == tile.end_column
                                 ? inner_begin
                                 : max(min(end, picture.pad_top + picture.inner_height), inner_begin);
  if (x < job.width) {
    for (uint32_t y = tile.y + own_row; y < inner_begin; y += kRowStep)
      fill_row<Value, kChannelsLast>(job, picture, x, y);
    for (uint32_t y = inner_end + own_row; y < end; y += kRowStep) fill_row<Value, kChannelsLast>(job, picture, x, y);
  }
  if (inner_begin == inner_end) return;

  if (picture.pass_rows == 0) {
    if (x >= job.width) return;
    for (uint32_t y = inner_begin + own_row; y < inner_end; y += kRowStep) {
      float value[2][3];
      resample_pair_directly(picture, x, y - picture.pad_top, value);
      store<Value, kChannelsLast>(job, picture.tensor, x, y, value);
    }
    return;
  }

  const bool paired = picture.channels == 3 && picture.plane[picture.channel_plane[1]].interleaved == 2 &&
                      picture.plane[picture.channel_plane[0]].interleaved == 1;
  for (uint32_t begin = inner_begin; begin < inner_end; begin += picture.pass_rows) {
    const uint32_t count = min(picture.pass_rows, inner_end - begin);
    blend_rows(picture, tile, begin - picture.pad_top, count, rows);
    __syncthreads();
    if (x < job.width) {
      const Columns columns = find_columns(picture, tile, x);
      if (picture.channels < 3)
        resample_any_rows<Value, kChannelsLast>(job, picture, tile, rows, x, begin, count);
      else if (paired)
        resample_rows<Value, kChannelsLast, true>(job, picture, tile, columns, rows, x, begin, count);
      else
        resample_rows<Value, kChannelsLast, false>(job, picture, tile, columns, rows, x, begin, count);
    }
    __syncthreads();
  }
}

template <typename Value, bool kChannelsLast>
cudaError_t launch(const BatchJob &job, cudaStream_t stream) {
  const dim3 grid((job.width + kTileWidth - 1) / kTileWidth, (job.height + kTileHeight - 1) / kTileHeight, job.count);
  preprocess<Value, kChannelsLast><<<grid, kBlockThreads, kTileBytes, stream>>>(job);
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_preprocess(const BatchJob &job, cudaStream_t stream) {
  if (job.count == 0) return cudaSuccess;
  if (job.half) return job.channels_last ? launch<__half, true>(job, stream) : launch<__half, false>(job, stream);
  return job.channels_last ? launch<float, true>(job, stream) : launch<float, false>(job, stream);
}

}  // namespace nj

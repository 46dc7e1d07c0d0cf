// The first step of the kernel: rows of the source, vertically blended, to shared memory.
#pragma once

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

__device__ Chunk load_whole_chunk(const uint8_t *source) {
  const uint4 wide = __ldg(reinterpret_cast<const uint4 *>(source));
  Chunk chunk;
  memcpy(&chunk, &wide, sizeof chunk);
  return chunk;
}

// What lies behind the row's samples counts as 0. kUsual: see BatchJob.
template <bool kUsual>
__device__ Chunk load_chunk(const PlaneJob &plane, uint32_t row, uint32_t at) {
  const uint8_t *source = plane.rows + static_cast<size_t>(row) * plane.stride + at;
  if constexpr (kUsual) {
    return load_whole_chunk(source);
  } else {
    if (plane.aligned && at + kChunk <= plane.stride) return load_whole_chunk(source);
    Chunk chunk{};
#pragma unroll
    for (uint32_t i = 0; i < kChunk; i++)
      if (at + i < plane.row_bytes) chunk.word[i / 4] |= static_cast<uint32_t>(__ldg(source + i)) << (8 * (i % 4));
    return chunk;
  }
}

// sum[i] += first[i] * low weight + second[i] * high weight: two rows at a time. Weights come doubled, see
// store_chunk().
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

// The sums are twice what they are for the CPU's kernels, so that shifting them by kBlendShift is taking two bytes.
__device__ void store_chunk(int16_t *out, const uint32_t (&sum)[kChunk]) {
  static_assert(kBlendShift + 1 == 8);
  uint32_t packed[kChunk / 2];
#pragma unroll
  for (uint32_t i = 0; i < kChunk / 2; i++) packed[i] = __byte_perm(sum[2 * i], sum[2 * i + 1], 0x6521);
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
    return load_chunk<false>(plane, min(first + tap, plane.last_row), begin + at);
  };
  for (uint32_t at = (threadIdx.x % 32) * kChunk; at < bytes; at += 32 * kChunk) {
    uint32_t sum[kChunk];
#pragma unroll
    for (uint32_t &value : sum) value = 2 * kBlendRound;
    for (uint32_t pair = 0; pair < pairs; pair += 2) {
      // All loads of two pairs before the first use.
      const Chunk a = load(2 * pair, at);
      const Chunk b = 2 * pair + 1 < taps ? load(2 * pair + 1, at) : Chunk{};
      const bool more = pair + 1 < pairs;
      const Chunk c = more ? load(2 * pair + 2, at) : Chunk{};
      const Chunk d = more && 2 * pair + 3 < taps ? load(2 * pair + 3, at) : Chunk{};
      accumulate(sum, a, b, 2 * __ldg(plan.weights + pair * plan.padded + row));
      if (more) accumulate(sum, c, d, 2 * __ldg(plan.weights + (pair + 1) * plan.padded + row));
    }
    store_chunk(out + at, sum);
  }
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

template <bool kUsual>
__device__ Rows load_rows(const PlaneJob &plane, const Stretch &stretch, uint32_t first, uint32_t at) {
  Rows rows;
#pragma unroll
  for (uint32_t t = 0; t < 3; t++)
    rows.chunk[t] = t < plane.vertical.taps && at < stretch.bytes
                        ? load_chunk<kUsual>(plane, min(first + t, plane.last_row), stretch.begin + at)
                        : Chunk{};
  return rows;
}

__device__ void blend_loaded(const PlaneJob &plane, const Rows &rows, uint32_t row, int16_t *out) {
  const DevicePlan &plan = plane.vertical;
  uint32_t sum[kChunk];
#pragma unroll
  for (uint32_t &value : sum) value = 2 * kBlendRound;
  accumulate(sum, rows.chunk[0], rows.chunk[1], 2 * __ldg(plan.weights + row));
  if (plan.taps > 2) accumulate(sum, rows.chunk[2], Chunk{}, 2 * __ldg(plan.weights + plan.padded + row));
  store_chunk(out, sum);
}

// Both planes of a row at once, by one warp: twice as many loads under way. For up to three taps.
template <bool kUsual>
__device__ void blend_both(const PictureJob &picture, const Tile &tile, uint32_t row, int16_t *out) {
  const PlaneJob &luma = picture.plane[0], &chroma = picture.plane[1];
  const Stretch stretch[2] = {tile.stretch[0], tile.stretch[1]};
  const uint32_t first = luma.first_row + __ldg(luma.vertical.start + row);
  const uint32_t chroma_first = chroma.first_row + __ldg(chroma.vertical.start + row);
  for (uint32_t at = (threadIdx.x % 32) * kChunk; at < max(stretch[0].bytes, stretch[1].bytes); at += 32 * kChunk) {
    const Rows luma_rows = load_rows<kUsual>(luma, stretch[0], first, at);
    const Rows chroma_rows = load_rows<kUsual>(chroma, stretch[1], chroma_first, at);
    if (at < stretch[0].bytes) blend_loaded(luma, luma_rows, row, out + at);
    if (at < stretch[1].bytes) blend_loaded(chroma, chroma_rows, row, out + tile.row_offset(1) + at);
  }
}

// The rows y .. y + count - 1 of the inner picture, to shared memory.
template <bool kUsual>
__device__ void blend_rows(const PictureJob &picture, const Tile &tile, uint32_t y, uint32_t count, int16_t *rows) {
  const uint32_t warp = threadIdx.x / 32;
  const auto blend_pairs_of_planes = [&] {
    for (uint32_t row = warp; row < count; row += kWarps)
      blend_both<kUsual>(picture, tile, y + row, rows + row * tile.row_samples());
  };
  if constexpr (kUsual) {
    blend_pairs_of_planes();
  } else if (picture.planes == 2 && picture.plane[0].vertical.taps <= kUsualRowTaps &&
             picture.plane[1].vertical.taps <= kUsualRowTaps) {
    blend_pairs_of_planes();
  } else {
    for (uint32_t task = warp; task < count * picture.planes; task += kWarps) {
      const uint32_t plane = task / count, row = task % count;
      blend_row(picture.plane[plane], tile.stretch[plane], y + row,
                rows + row * tile.row_samples() + tile.row_offset(plane));
    }
  }
}

}  // namespace

}  // namespace nj

#include "cuda_kernels.h"
#include "cuda_resample.cuh"

namespace nj {

namespace {

template <typename Value, bool kChannelsLast>
__device__ void fill_row(const BatchJob &job, const PictureJob &picture, uint32_t x, uint32_t y) {
  float value[2][3];
  set_fill(picture, value[0]);
  set_fill(picture, value[1]);
  store<Value, kChannelsLast>(job, picture.tensor, x, y, value);
}

template <typename Value, bool kChannelsLast, bool kUsual>
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

  if (!kUsual && picture.pass_rows == 0) {
    if (x >= job.width) return;
    for (uint32_t y = inner_begin + own_row; y < inner_end; y += kRowStep) {
      float value[2][3];
      resample_pair_directly(picture, x, y - picture.pad_top, value);
      store<Value, kChannelsLast>(job, picture.tensor, x, y, value);
    }
    return;
  }

  for (uint32_t begin = inner_begin; begin < inner_end; begin += picture.pass_rows) {
    const uint32_t count = min(picture.pass_rows, inner_end - begin);
    blend_rows<kUsual>(picture, tile, begin - picture.pad_top, count, rows);
    __syncthreads();
    if (x < job.width) resample_pass<Value, kChannelsLast, kUsual>(job, picture, tile, rows, x, begin, count);
    __syncthreads();
  }
}

template <typename Value, bool kChannelsLast>
cudaError_t launch(const BatchJob &job, cudaStream_t stream) {
  const dim3 grid((job.width + kTileWidth - 1) / kTileWidth, (job.height + kTileHeight - 1) / kTileHeight, job.count);
  if (job.usual)
    preprocess<Value, kChannelsLast, true><<<grid, kBlockThreads, kTileBytes, stream>>>(job);
  else
    preprocess<Value, kChannelsLast, false><<<grid, kBlockThreads, kTileBytes, stream>>>(job);
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_preprocess(const BatchJob &job, cudaStream_t stream) {
  if (job.count == 0) return cudaSuccess;
  if (job.half) return job.channels_last ? launch<__half, true>(job, stream) : launch<__half, false>(job, stream);
  return job.channels_last ? launch<float, true>(job, stream) : launch<float, false>(job, stream);
}

}  // namespace nj

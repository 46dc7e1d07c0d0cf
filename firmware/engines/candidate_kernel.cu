#include <cuda_fp16.h>

#include "candidate_kernel.h"

namespace nj {

namespace {

constexpr uint32_t kMarkThreads = 128, kGatherThreads = 256;
constexpr uint32_t kGatherWarps = kGatherThreads / 32;
constexpr uint32_t kFieldsOfBlock = 8;  // that a block of gather() copies

__device__ float to_float(float value) { return value; }
__device__ float to_float(__half value) { return __half2float(value); }

// A thread for each anchor: a bit where one of its scores reaches the threshold.
template <typename Value>
__global__ void __launch_bounds__(kMarkThreads) mark(CandidateJob job) {
  const uint32_t anchor = blockIdx.x * kMarkThreads + threadIdx.x, frame = blockIdx.y;
  const auto *scores = static_cast<const Value *>(job.tensor) +
                       (static_cast<size_t>(frame) * job.fields + job.first_score) * job.anchors + anchor;
  bool hit = false;
  if (anchor < job.anchors) {
#pragma unroll 8
    for (uint32_t i = 0; i < job.scores; i++)
      hit |= to_float(scores[static_cast<size_t>(i) * job.anchors]) >= job.threshold;
  }
  const uint32_t hits = __ballot_sync(~0u, hit);
  if (threadIdx.x % 32 == 0 && anchor / 32 < job.words) job.hits[frame * job.words + anchor / 32] = hits;
}

// Sum over the block of what each thread has, of the threads before it.
__device__ uint32_t sum_before(uint32_t own, uint32_t *warp_sums, uint32_t *total) {
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  uint32_t sum = own;
  for (uint32_t step = 1; step < 32; step *= 2) {
    const uint32_t other = __shfl_up_sync(~0u, sum, step);
    if (lane >= step) sum += other;
  }
  if (lane == 31) warp_sums[warp] = sum;
  __syncthreads();
  uint32_t before = 0, all = 0;
  for (uint32_t i = 0; i < kGatherWarps; i++) {
    before += i < warp ? warp_sums[i] : 0;
    all += warp_sums[i];
  }
  __syncthreads();
  *total = all;
  return before + sum - own;
}

// Which anchors are kept, in shared memory; returns how many there are, also beyond those.
__device__ uint32_t list_anchors(const uint32_t *hits, uint32_t words, uint32_t keep, uint32_t *kept) {
  __shared__ uint32_t warp_sums[kGatherWarps];
  uint32_t found = 0;
  for (uint32_t first = 0; first < words; first += kGatherThreads) {
    const uint32_t word = first + threadIdx.x;
    uint32_t bits = word < words ? hits[word] : 0, total;
    uint32_t at = found + sum_before(__popc(bits), warp_sums, &total);
    for (; bits; bits &= bits - 1, at++)
      if (at < keep) kept[at] = word * 32 + __ffs(static_cast<int>(bits)) - 1;
    found += total;
  }
  __syncthreads();
  return found;
}

template <typename Value>
__global__ void __launch_bounds__(kGatherThreads) gather(CandidateJob job) {
  extern __shared__ uint32_t kept[];
  const uint32_t frame = blockIdx.y;
  const uint32_t found = list_anchors(job.hits + frame * job.words, job.words, job.keep, kept);
  if (blockIdx.x == 0 && threadIdx.x == 0) job.counts[frame] = found;
  const uint32_t end = min((blockIdx.x + 1) * kFieldsOfBlock, job.fields);
  for (uint32_t field = blockIdx.x * kFieldsOfBlock + threadIdx.x / 32; field < end; field += kGatherWarps) {
    const auto *from =
        static_cast<const Value *>(job.tensor) + (static_cast<size_t>(frame) * job.fields + field) * job.anchors;
    auto *to = static_cast<Value *>(job.gathered) + (static_cast<size_t>(frame) * job.fields + field) * job.keep;
    for (uint32_t i = threadIdx.x % 32; i < job.keep; i += 32) to[i] = i < found ? from[kept[i]] : Value(0.f);
  }
}

template <typename Value>
cudaError_t launch(const CandidateJob &job, cudaStream_t stream) {
  mark<Value><<<dim3((job.anchors + kMarkThreads - 1) / kMarkThreads, job.frames), kMarkThreads, 0, stream>>>(job);
  const dim3 blocks((job.fields + kFieldsOfBlock - 1) / kFieldsOfBlock, job.frames);
  gather<Value><<<blocks, kGatherThreads, job.keep * sizeof(uint32_t), stream>>>(job);
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_candidates(const CandidateJob &job, cudaStream_t stream) {
  if (job.frames == 0) return cudaSuccess;
  return job.half ? launch<__half>(job, stream) : launch<float>(job, stream);
}

}  // namespace nj

// Gathers the candidates of one output of a network; the memory for it.
#pragma once

#include <string>

#include "../cuda/resources.h"
#include "candidate_kernel.h"

namespace nj {

constexpr uint32_t kMostCandidates = 8192;  // kept of a frame: their places lie in shared memory

struct CandidateShape {
  std::string output;
  uint32_t fields, anchors, keep;
  uint32_t first_score, scores;
  float threshold;
  bool half;

  size_t frame_bytes() const { return size_t{fields} * keep * (half ? 2 : 4); }
};

class CandidateGather {
 public:
  explicit CandidateGather(CandidateShape shape) : shape_(std::move(shape)) {}
  bool create(uint32_t frames, std::string *error);
  // `result`: the output of `count` frames, of which the first is frame `first` of the batch.
  cudaError_t enqueue(const void *result, uint32_t first, uint32_t count, cudaStream_t stream);
  const uint8_t *gathered(uint32_t first) const { return gathered_.data() + first * shape_.frame_bytes(); }
  // When the batch is through. false: *error says which frame had too many.
  bool fits(uint32_t batch, std::string *error) const;

 private:
  const CandidateShape shape_;
  cuda::DeviceMemory gathered_, scratch_;  // scratch: the marks of all frames, then the counts
  cuda::PinnedMemory counts_;
  uint32_t frames_ = 0;

  uint32_t *device_counts() const;
};

}  // namespace nj

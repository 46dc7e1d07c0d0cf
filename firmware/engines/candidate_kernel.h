// Of an output [fields, anchors] only the anchors that matter: those with a score of at least the threshold, side by
// side in their order. What is gathered is small enough for the bus and for the module, which finds the same objects in
// it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace nj {

// One output of one network.
struct CandidateJob {
  const void *tensor;  // frames of [fields][anchors], in device memory
  void *gathered;      // frames of [fields][keep]; columns without an anchor are 0
  uint32_t *hits;      // scratch: frames of words
  uint32_t *counts;    // anchors that reached the threshold, one of each frame; may be more than keep
  uint32_t frames;
  uint32_t words;  // of 32 bits, a bit for each anchor: candidate_words()
  uint32_t fields, anchors, keep;
  uint32_t first_score, scores;  // fields that are scores
  float threshold;
  bool half;  // float16; default float32
};

// Words of 32 bits that a frame's marks take.
constexpr uint32_t candidate_words(uint32_t anchors) { return (anchors + 31) / 32; }

// The first `keep` candidates of each frame.
cudaError_t launch_candidates(const CandidateJob &job, cudaStream_t stream);

}  // namespace nj

#include "candidate_gather.h"

namespace nj {

bool CandidateGather::create(uint32_t frames, std::string *error) {
  frames_ = frames;
  const size_t words = size_t{frames} * (candidate_words(shape_.anchors) + 1);
  return gathered_.reserve(frames * shape_.frame_bytes(), "GPU memory for candidates", error) &&
         scratch_.reserve(words * sizeof(uint32_t), "GPU memory for candidates", error) &&
         counts_.reserve(frames * sizeof(uint32_t), "host memory for candidates", error);
}

uint32_t *CandidateGather::device_counts() const {
  return reinterpret_cast<uint32_t *>(scratch_.data()) + size_t{frames_} * candidate_words(shape_.anchors);
}

cudaError_t CandidateGather::enqueue(const void *result, uint32_t first, uint32_t count, cudaStream_t stream) {
  CandidateJob job{};
  job.tensor = result;
  job.gathered = gathered_.data() + first * shape_.frame_bytes();
  job.hits = reinterpret_cast<uint32_t *>(scratch_.data()) + size_t{first} * candidate_words(shape_.anchors);
  job.counts = device_counts() + first;
  job.frames = count;
  job.words = candidate_words(shape_.anchors);
  job.fields = shape_.fields;
  job.anchors = shape_.anchors;
  job.keep = shape_.keep;
  job.first_score = shape_.first_score;
  job.scores = shape_.scores;
  job.threshold = shape_.threshold;
  job.half = shape_.half;
  const cudaError_t launched = launch_candidates(job, stream);
  if (launched != cudaSuccess) return launched;
  return cudaMemcpyAsync(reinterpret_cast<uint32_t *>(counts_.data()) + first, job.counts, count * sizeof(uint32_t),
                         cudaMemcpyDeviceToHost, stream);
}

bool CandidateGather::fits(uint32_t batch, std::string *error) const {
  const auto *counts = reinterpret_cast<const uint32_t *>(counts_.data());
  for (uint32_t i = 0; i < batch; i++) {
    if (counts[i] <= shape_.keep) continue;
    *error = "frame " + std::to_string(i) + " of the batch has " + std::to_string(counts[i]) + " candidates in " +
             shape_.output + ", outputs." + shape_.output + ".candidates.keep of bundle.yaml has room for " +
             std::to_string(shape_.keep) + ": raise it, or the threshold beside it";
    return false;
  }
  return true;
}

}  // namespace nj

// The CUDA preprocessor: pictures of a batch, of any sizes and formats, to the network's input in one kernel.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "../cuda/resources.h"
#include "cuda_kernels.h"
#include "preprocessor.h"
#include "resample_plan.h"

namespace nj {

// What the kernel has to know of a batch, in device memory. One for each batch in flight: its memory must not change
// before the kernel has run.
class PictureTable {
 public:
  // Describes the pictures and enqueues the upload of what changed. Picture i is written to tensor + i * picture_bytes
  // (device memory). Frames in system memory are copied to the device. false: *error says why; nothing is enqueued that
  // matters. The last batch of this table must be through.
  bool describe(const std::vector<Picture> &pictures, const TensorSpec &spec, void *tensor, cudaStream_t stream,
                std::vector<Geometry> *geometries, std::string *error);

  // For launch_preprocess; valid until the next describe(). `pictures` moves only when generation() changes, which a
  // captured launch must follow; so does `usual`, which a table that has had other pictures never is again.
  BatchJob job() const { return job_; }
  uint64_t generation() const { return generation_; }

 private:
  // A plan in the arena.
  struct PlacedPlan {
    AxisSource source;
    uint32_t outputs = 0;
    uint32_t taps = 0, padded = 0;
    uint32_t widest = 0;  // samples under a tile, at most
    uint32_t end = 0;     // behind the last sample that is read
    size_t offset = 0;    // bytes
  };

  cuda::PinnedMemory host_;
  cuda::DeviceMemory device_, uploads_;
  std::list<PlacedPlan> plans_;
  size_t capacity_ = 0, used_ = 0, sent_ = 0;  // bytes of the plans
  size_t most_pictures_ = 0;
  uint64_t generation_ = 0;
  bool usual_ = true;
  BatchJob job_{};

  bool make_room(size_t pictures, size_t plan_bytes, std::string *error);
  bool upload_frames(const std::vector<Picture> &pictures, cudaStream_t stream, std::vector<FrameView> *frames,
                     std::string *error);
  Geometry describe_picture(const FrameView &frame, const Region *region, const TensorSpec &spec, PictureJob *job,
                            bool *full);
  void describe_plane(const FrameView &frame, uint32_t index, const Region &part, const Geometry &geometry,
                      PlaneJob *plane, uint32_t *stretch, bool *full);
  void follow(const std::vector<PictureJob> &jobs);
  const PlacedPlan *place_plan(const AxisSource &source, uint32_t outputs);
  DevicePlan device_plan(const PlacedPlan &plan) const;
  uint8_t *plans_begin() const { return host_.data() + most_pictures_ * sizeof(PictureJob); }
};

// Bytes of one picture of `spec`.
inline size_t picture_bytes(const TensorSpec &spec) {
  return size_t{3} * spec.width * spec.height * (spec.half ? 2 : 4);
}

}  // namespace nj

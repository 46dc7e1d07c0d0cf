#include "gpu_pictures.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <optional>

#include "../../cuda/context.h"
#include "../../cuda/resources.h"
#include "../../frames/frame_mapper.h"
#include "draw_device.h"

namespace nj::osd {
namespace {

class MappedPicture {
 public:
  MappedPicture() = default;
  ~MappedPicture() {
    if (mapped_) gst_video_frame_unmap(&frame);
  }
  MappedPicture(const MappedPicture &) = delete;
  MappedPicture &operator=(const MappedPicture &) = delete;

  // gst_video_frame_map makes memory of a writable buffer that somebody else holds too its own.
  bool map(GstBuffer *pixels, const GstVideoInfo &info, std::string *error) {
    mapped_ = gst_video_frame_map(&frame, &info, pixels, static_cast<GstMapFlags>(GST_MAP_READWRITE | kMapOnGpu));
    if (!mapped_) *error = "a picture in GPU memory cannot be mapped for writing";
    return mapped_;
  }
  GstVideoFrame frame{};

 private:
  bool mapped_ = false;
};

class CudaPictures : public GpuPictures {
 public:
  explicit CudaPictures(int gpu) : gpu_(gpu) {}

  Canvas *add(GstBuffer *pixels, const GstVideoInfo &info, std::string *error) override {
    if (!cuda::ok(cudaSetDevice(gpu_), "the GPU cannot be used", error)) return nullptr;
    pictures_.emplace_back();
    if (!pictures_.back().map(pixels, info, error)) return nullptr;
    const GstVideoFrame &frame = pictures_.back().frame;
    if (is_foreign_cuda_memory(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0), gpu_)) {
      *error = foreign_memory_text(gpu_);
      return nullptr;
    }
    return &canvas_.emplace(frame, &list_);
  }

  bool finish(std::string *error) override {
    const bool drawn = cuda::ok(cudaSetDevice(gpu_), "the GPU cannot be used", error) && device_.draw(list_, error);
    canvas_.reset();
    list_.clear();
    pictures_.clear();
    return drawn;
  }

 private:
  const int gpu_;
  DrawList list_;
  std::list<MappedPicture> pictures_;
  std::optional<RecordingCanvas> canvas_;
  DrawDevice device_;
};

}  // namespace

std::unique_ptr<GpuPictures> make_gpu_pictures(int gpu) { return std::make_unique<CudaPictures>(gpu); }

}  // namespace nj::osd

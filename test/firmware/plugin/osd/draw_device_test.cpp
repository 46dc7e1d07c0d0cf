// The painter on the GPU against the one on the processor. Needs a GPU; without one each test says so and passes.
#include "plugin/osd/draw_device.h"

#include <cstdlib>

#include "metadata/main.h"
#include "plugin/osd/drawn_things.h"
#include "plugin/osd/painter.h"

using namespace nj::osd;

namespace {

constexpr GstVideoFormat kFormats[] = {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_I420,
                                       GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_GRAY8};
constexpr int kTolerance = 2;  // levels: fused multiply-adds round coverage otherwise

bool has_gpu() {
  int count = 0;
  const bool found = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  if (!found) MESSAGE("no GPU here: nothing was tested");
  return found;
}

// A noisy picture in system memory, and the same in device memory, its planes as far apart.
class Twins {
 public:
  explicit Twins(const GstVideoInfo &info) : buffer_(test::noisy_picture(info)) {
    REQUIRE(gst_video_frame_map(&here, &info, buffer_, GST_MAP_READWRITE));
    bytes_ = gst_buffer_get_size(buffer_);
    there = here;
    REQUIRE(cudaMalloc(&device_, bytes_) == cudaSuccess);
    const auto *begin = static_cast<const uint8_t *>(here.data[0]);
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&here); ++i)
      there.data[i] = static_cast<uint8_t *>(device_) + (static_cast<const uint8_t *>(here.data[i]) - begin);
    REQUIRE(cudaMemcpy(device_, begin, bytes_, cudaMemcpyHostToDevice) == cudaSuccess);
    REQUIRE(cudaDeviceSynchronize() == cudaSuccess);  // the copy may be under way when it returns
  }
  ~Twins() {
    cudaFree(device_);
    gst_video_frame_unmap(&here);
    gst_buffer_unref(buffer_);
  }
  Twins(const Twins &) = delete;

  int largest_difference() const {
    std::vector<uint8_t> drawn(bytes_);
    REQUIRE(cudaMemcpy(drawn.data(), device_, bytes_, cudaMemcpyDeviceToHost) == cudaSuccess);
    const std::vector<uint8_t> expected = test::bytes_of(buffer_);
    int most = 0;
    for (size_t i = 0; i < bytes_; ++i) most = std::max(most, std::abs(drawn[i] - expected[i]));
    return most;
  }

  GstVideoFrame here, there;

 private:
  GstBuffer *buffer_;
  gsize bytes_ = 0;
  void *device_ = nullptr;
};

struct Described {
  explicit Described(const GstVideoInfo &info) : holder(gst_buffer_new()) {
    frame = test::add_frame(nj_buffer_add_batch_meta(holder, 1), info, 0);
    test::add_everything(frame);
  }
  ~Described() { gst_buffer_unref(holder); }
  GstBuffer *holder;
  NjFrameMeta *frame;
};

}  // namespace

TEST_CASE("the GPU draws what the processor draws, pictures of several sizes at once") {
  if (!has_gpu()) return;
  DrawDevice device;
  for (const GstVideoFormat format : kFormats) {
    CAPTURE(gst_video_format_to_string(format));
    const GstVideoInfo large = test::video_info(format, 1280, 720), odd = test::video_info(format, 161, 119);
    Twins first(large), second(odd);
    Painter painter;
    DrawList list;
    for (auto &[twins, info] : {std::pair(&first, &large), {&second, &odd}}) {
      const Described described(*info);
      FrameCanvas here(&twins->here);
      painter.paint(&here, described.frame, {});
      RecordingCanvas there(twins->there, &list);
      painter.paint(&there, described.frame, {});
    }
    std::string error;
    REQUIRE_MESSAGE(device.draw(list, &error), error);
    CHECK(first.largest_difference() <= kTolerance);
    CHECK(second.largest_difference() <= kTolerance);
  }
}

TEST_CASE("more shapes than a block looks at in one go keep their order") {
  if (!has_gpu()) return;
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
  Twins twins(info);
  DrawList list;
  FrameCanvas here(&twins.here);
  RecordingCanvas there(twins.there, &list);
  for (int i = 0; i < 1000; ++i) {
    const Rect rect({i % 37, i % 29, 40 + i % 211, 30 + i % 173, i % 5});
    const Ink ink{(i % 7) / 7.0, (i % 11) / 11.0, (i % 13) / 13.0, 0.3 + (i % 3) * 0.3};
    here.paint(rect, ink);
    there.paint(rect, ink);
  }
  DrawDevice device;
  std::string error;
  REQUIRE_MESSAGE(device.draw(list, &error), error);
  CHECK(twins.largest_difference() == 0);
}

// 32 pictures of 1080p NV12 with 20 objects each: what drawing them takes on the GPU, and on the processor with the way
// there and back.
//
// In the clock: on the GPU recording the list, its upload, the kernel and the wait for it; on the processor the copy of
// a picture to pinned memory, drawing, and the copy back, for one picture after the other. Medians of whole batches.
//
// usage: cuda-draw-bench      prints JSON: [{name, value, unit}]
#include <gst/video/video.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "metadata/nj_meta.h"
#include "plugin/osd/draw_device.h"
#include "plugin/osd/painter.h"

namespace {

constexpr int kPictures = 32, kObjects = 20, kRounds = 30;

void check(bool good, const std::string &what) {
  if (good) return;
  std::fprintf(stderr, "cuda-draw-bench: %s\n", what.c_str());
  std::exit(69);
}

template <class Work>
double median_ms(Work work) {
  std::vector<double> times;
  for (int i = 0; i < kRounds; i++) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

NjFrameMeta *add_objects(NjBatchMeta *batch, const GstVideoInfo &info) {
  NjFrameMeta *frame = nj_acquire_frame_meta(batch);
  frame->info = info;
  nj_batch_add_frame(batch, frame);
  for (int i = 0; i < kObjects; i++) {
    NjObjectMeta *object = nj_acquire_object_meta(batch);
    object->class_id = i % 5;
    object->object_id = NJ_UNTRACKED_OBJECT_ID;
    object->rect_params.left = static_cast<float>(60 + i * 83 % 1700);
    object->rect_params.top = static_cast<float>(60 + i * 47 % 800);
    object->rect_params.width = static_cast<float>(60 + i * 13);
    object->rect_params.height = static_cast<float>(80 + i * 7);
    object->rect_params.border_width = 3;
    object->text_params.display_text = g_strdup_printf("person %d", i);
    nj_frame_add_object(frame, object, nullptr);
  }
  return frame;
}

// Frames whose planes lie in `memory`, one after the other.
std::vector<GstVideoFrame> frames_in(const GstVideoInfo &info, uint8_t *memory) {
  std::vector<GstVideoFrame> frames(kPictures);
  for (int i = 0; i < kPictures; i++) {
    frames[i].info = info;
    for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES(&info); p++)
      frames[i].data[p] = memory + i * GST_VIDEO_INFO_SIZE(&info) + GST_VIDEO_INFO_PLANE_OFFSET(&info, p);
  }
  return frames;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, 1920, 1080);
  GstBuffer *holder = gst_buffer_new();
  const NjFrameMeta *frame = add_objects(nj_buffer_add_batch_meta(holder, 1), info);

  std::string error;
  nj::cuda::DeviceMemory device;
  nj::cuda::PinnedMemory host;
  const size_t bytes = GST_VIDEO_INFO_SIZE(&info);
  check(device.reserve(bytes * kPictures, "pictures", &error) && host.reserve(bytes, "a picture", &error), error);
  cudaMemset(device.data(), 90, device.bytes());
  const std::vector<GstVideoFrame> there = frames_in(info, device.data());
  std::vector<GstVideoFrame> here = frames_in(info, host.data());

  nj::osd::Painter painter;
  nj::osd::DrawDevice drawer;
  const double on_gpu = median_ms([&] {
    nj::osd::DrawList list;
    for (const GstVideoFrame &picture : there) {
      nj::osd::RecordingCanvas canvas(picture, &list);
      painter.paint(&canvas, frame, {});
    }
    check(drawer.draw(list, &error), error);
  });
  const double copied = median_ms([&] {
    for (int i = 0; i < kPictures; i++) {
      cudaMemcpy(host.data(), there[i].data[0], bytes, cudaMemcpyDeviceToHost);
      nj::osd::FrameCanvas canvas(&here[0]);
      painter.paint(&canvas, frame, {});
      cudaMemcpy(there[i].data[0], host.data(), bytes, cudaMemcpyHostToDevice);
    }
  });
  std::printf(
      "[{\"name\": \"drawing 20 objects on each of 32 pictures of 1080p on the GPU\", \"value\": %.3f, \"unit\": "
      "\"ms\"},\n"
      " {\"name\": \"the same on the processor, there and back\", \"value\": %.3f, \"unit\": \"ms\"}]\n",
      on_gpu, copied);
  gst_buffer_unref(holder);
  return 0;
}

// Frames in system memory, single and in batches.
#include <cstring>

#include "frames/frame_mapper.h"
#include "metadata/main.h"
#include "metadata/nj_meta.h"

using namespace nj;

namespace {

GstVideoInfo info_of(const char *caps_text) {
  GstCaps *caps = gst_caps_from_string(caps_text);
  GstVideoInfo info;
  REQUIRE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  return info;
}

GstBuffer *frame_of(const GstVideoInfo &info, uint8_t value) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  gst_buffer_memset(buffer, 0, value, info.size);
  return buffer;
}

}  // namespace

TEST_CASE("every format of the list is mapped") {
  gchar **formats = g_strsplit_set(supported_formats(), "{, }", -1);
  int count = 0;
  for (gchar **format = formats; *format; format++) {
    if (!**format) continue;
    count++;
    CAPTURE(*format);
    const std::string caps = std::string("video/x-raw,width=38,height=22,format=") + *format;
    const GstVideoInfo info = info_of(caps.c_str());
    GstBuffer *buffer = frame_of(info, 7);
    std::string error;
    const auto frames = map_frames(buffer, &info, &error);
    REQUIRE_MESSAGE(frames, error);
    const FrameView &view = frames->frame(0);
    CHECK(view.width == 38);
    CHECK(view.height == 22);
    CHECK(view.planes == GST_VIDEO_INFO_N_PLANES(&info));
    for (uint32_t i = 0; i < view.planes; i++) {
      CHECK(view.stride[i] == uint32_t(GST_VIDEO_INFO_PLANE_STRIDE(&info, i)));
      CHECK(view.plane[i][0] == 7);
    }
    gst_buffer_unref(buffer);
  }
  CHECK(count == 17);
  g_strfreev(formats);
}

TEST_CASE("colour matrix and range come from the caps") {
  const struct {
    const char *colorimetry;
    ColorMatrix matrix;
    bool full_range;
  } rows[] = {{"bt601", ColorMatrix::Bt601, false},
              {"bt709", ColorMatrix::Bt709, false},
              {"bt2020", ColorMatrix::Bt2020, false},
              {"1:4:0:0", ColorMatrix::Bt601, true}};
  for (const auto &row : rows) {
    CAPTURE(row.colorimetry);
    const GstVideoInfo info =
        info_of((std::string("video/x-raw,format=NV12,width=16,height=16,colorimetry=") + row.colorimetry).c_str());
    GstBuffer *buffer = frame_of(info, 0);
    std::string error;
    const auto frames = map_frames(buffer, &info, &error);
    REQUIRE(frames);
    CHECK(frames->frame(0).matrix == row.matrix);
    CHECK(frames->frame(0).full_range == row.full_range);
    gst_buffer_unref(buffer);
  }
}

TEST_CASE("strides and offsets of a video meta are followed") {
  const GstVideoInfo info = info_of("video/x-raw,format=NV12,width=16,height=8");
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 32 * 20, nullptr);
  gsize offsets[4] = {64, 32 * 12};
  gint strides[4] = {32, 32};
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12, 16, 8, 2, offsets, strides);
  std::string error;
  const auto frames = map_frames(buffer, &info, &error);
  REQUIRE(frames);
  CHECK(frames->frame(0).stride[0] == 32);
  CHECK(frames->frame(0).plane[1] - frames->frame(0).plane[0] == 32 * 12 - 64);
  gst_buffer_unref(buffer);
}

TEST_CASE("a batch gives the frames of its sources, of any size and format") {
  const GstVideoInfo small = info_of("video/x-raw,format=I420,width=8,height=8");
  const GstVideoInfo large = info_of("video/x-raw,format=RGB,width=64,height=32");
  GstBuffer *buffer = gst_buffer_new();
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 2);
  for (const GstVideoInfo *info : {&small, &large}) {
    NjFrameMeta *frame = nj_acquire_frame_meta(batch);
    frame->info = *info;
    frame->buffer = frame_of(*info, info == &small ? 1 : 2);
    nj_batch_add_frame(batch, frame);
  }
  std::string error;
  {
    const auto frames = map_frames(buffer, nullptr, &error);
    REQUIRE_MESSAGE(frames, error);
    REQUIRE(frames->frame_count() == 2);
    CHECK(frames->frame(0).width == 8);
    CHECK(frames->frame(0).plane[0][0] == 1);
    CHECK(frames->frame(1).format == PixelFormat::Rgb);
    CHECK(frames->frame(1).plane[0][0] == 2);
  }
  gst_buffer_unref(buffer);
}

TEST_CASE("what cannot be mapped is refused with a reason") {
  std::string error;
  const GstVideoInfo odd = info_of("video/x-raw,format=v210,width=48,height=8");
  GstBuffer *buffer = frame_of(odd, 0);
  CHECK_FALSE(map_frames(buffer, &odd, &error));
  CHECK(error.find("v210 is not handled; put videoconvert") != std::string::npos);
  CHECK_FALSE(map_frames(buffer, nullptr, &error));
  gst_buffer_unref(buffer);

  const GstVideoInfo info = info_of("video/x-raw,format=RGB,width=64,height=64");
  GstBuffer *short_buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
  CHECK_FALSE(map_frames(short_buffer, &info, &error));
  CHECK(error.find("64x64") != std::string::npos);
  gst_buffer_unref(short_buffer);
}

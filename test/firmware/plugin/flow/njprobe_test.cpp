#include <doctest/doctest.h>

#include "plugin/video.h"

namespace {

const GstVideoInfo kInfo = test::video_info(GST_VIDEO_FORMAT_I420, 16, 8);

GstHarness *play() {
  GstHarness *harness = gst_harness_new("njprobe");
  gst_harness_set_src_caps(harness, gst_video_info_to_caps(&kInfo));
  return harness;
}

template <typename Value>
Value read(GstHarness *harness, const char *property) {
  Value value{};
  g_object_get(harness->element, property, &value, nullptr);
  return value;
}

}  // namespace

TEST_CASE("njprobe passes buffers unchanged and counts them and their bytes") {
  GstHarness *harness = play();
  CHECK(read<gint64>(harness, "idle") == -1);
  GstBuffer *buffer = test::picture(kInfo, 0);
  gst_harness_push(harness, buffer);
  gst_harness_push(harness, test::picture(kInfo, 40 * GST_MSECOND));
  GstBuffer *first = gst_harness_pull(harness);
  CHECK(first == buffer);
  gst_buffer_unref(first);
  CHECK(read<guint64>(harness, "buffers") == 2);
  CHECK(read<guint64>(harness, "bytes") == 2 * GST_VIDEO_INFO_SIZE(&kInfo));
  CHECK(read<gint64>(harness, "idle") >= 0);
  gst_harness_teardown(harness);
}

TEST_CASE("njprobe tells size and format of the current caps, also after a change") {
  GstHarness *harness = play();
  CHECK(read<gint>(harness, "width") == 16);
  const GstVideoInfo other = test::video_info(GST_VIDEO_FORMAT_NV12, 32, 24);
  gst_harness_set_src_caps(harness, gst_video_info_to_caps(&other));
  CHECK(read<gint>(harness, "width") == 32);
  CHECK(read<gint>(harness, "height") == 24);
  gchar *format = read<gchar *>(harness, "format");
  CHECK(std::string(format) == "NV12");
  g_free(format);
  gst_harness_teardown(harness);
}

TEST_CASE("njprobe counts the frames that a detector looked at apart from those that only passed") {
  GstHarness *harness = play();
  for (const bool inferred : {true, false}) {
    GstBuffer *buffer = test::picture(kInfo, 0);
    NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 2);
    test::add_frame(batch, kInfo, 0)->bInferDone = inferred;
    test::add_frame(batch, kInfo, 1)->bInferDone = inferred;
    gst_harness_push(harness, buffer);
  }
  CHECK(read<guint64>(harness, "buffers") == 2);
  CHECK(read<guint64>(harness, "inferred") == 2);
  CHECK(read<gint64>(harness, "inferred-idle") >= 0);
  gst_harness_teardown(harness);
}

TEST_CASE("njprobe tells the end of the stream, and that a new one began") {
  GstHarness *harness = play();
  CHECK_FALSE(read<gboolean>(harness, "eos"));
  gst_harness_push_event(harness, gst_event_new_eos());
  CHECK(read<gboolean>(harness, "eos"));
  gst_harness_push_event(harness, gst_event_new_stream_start("again"));
  CHECK_FALSE(read<gboolean>(harness, "eos"));
  gst_harness_teardown(harness);
}

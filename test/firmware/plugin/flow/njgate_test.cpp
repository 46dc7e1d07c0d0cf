#include <doctest/doctest.h>

#include "plugin/video.h"

namespace {

const GstVideoInfo kInfo = test::video_info(GST_VIDEO_FORMAT_I420, 16, 8);

// Pushes `count` pictures, `pause` µs apart, and returns how many came through.
guint passed(const char *element, guint count, gulong pause = 0) {
  GstHarness *harness = gst_harness_new_parse(element);
  gst_harness_set_src_caps(harness, gst_video_info_to_caps(&kInfo));
  for (guint i = 0; i < count; i++) {
    CHECK(gst_harness_push(harness, test::picture(kInfo, i)) == GST_FLOW_OK);
    if (pause > 0) g_usleep(pause);
  }
  const guint received = gst_harness_buffers_received(harness);
  gst_harness_teardown(harness);
  return received;
}

}  // namespace

TEST_CASE("an open njgate without a limit lets everything pass") { CHECK(passed("njgate", 20) == 20); }

TEST_CASE("a closed njgate lets nothing pass, and its source does not notice") {
  CHECK(passed("njgate open=false", 20) == 0);
}

TEST_CASE("njgate lets no more pass than its rate allows") { CHECK(passed("njgate max-rate=0.1", 20) == 1); }

TEST_CASE("njgate keeps to its rate on average, also when it does not divide that of the source") {
  // About 150 a second for 0.4 s through a gate of 100: about 40 of 60, and not every other one.
  const guint count = passed("njgate max-rate=100", 60, 6666);
  CHECK(count > 33);
  CHECK(count < 60);
}

TEST_CASE("njgate opens and closes while it plays") {
  GstHarness *harness = gst_harness_new_parse("njgate name=gate open=false");
  gst_harness_set_src_caps(harness, gst_video_info_to_caps(&kInfo));
  GstElement *gate = gst_bin_get_by_name(GST_BIN(harness->element), "gate");
  REQUIRE(gate != nullptr);
  gst_harness_push(harness, test::picture(kInfo, 0));
  g_object_set(gate, "open", TRUE, nullptr);
  gst_harness_push(harness, test::picture(kInfo, 1));
  g_object_set(gate, "open", FALSE, nullptr);
  gst_harness_push(harness, test::picture(kInfo, 2));
  CHECK(gst_harness_buffers_received(harness) == 1);
  gst_object_unref(gate);
  gst_harness_teardown(harness);
}

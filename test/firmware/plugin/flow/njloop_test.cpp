#include <doctest/doctest.h>

#include "plugin/video.h"

namespace {

constexpr GstClockTime kFrame = 40 * GST_MSECOND;
const GstVideoInfo kInfo = test::video_info(GST_VIDEO_FORMAT_I420, 16, 8);

// A source that plays `frames` pictures from `start` and then ends; seeks are answered by hand.
class Player {
 public:
  Player() : harness_(gst_harness_new("njloop")) { gst_harness_set_src_caps(harness_, gst_video_info_to_caps(&kInfo)); }
  ~Player() { gst_harness_teardown(harness_); }

  void play(guint frames, GstClockTime start = 0) {
    for (guint i = 0; i < frames; i++) gst_harness_push(harness_, test::picture(kInfo, start + i * kFrame));
    gst_harness_push_event(harness_, gst_event_new_eos());
  }

  // Waits for njloop to ask, and does as a demuxer does.
  void answer_seek() {
    GstEvent *event = gst_harness_pull_upstream_event(harness_);
    while (event != nullptr && GST_EVENT_TYPE(event) != GST_EVENT_SEEK) {
      gst_event_unref(event);
      event = gst_harness_pull_upstream_event(harness_);
    }
    REQUIRE(event != nullptr);
    gst_event_unref(event);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(harness_, gst_event_new_flush_start());
    gst_harness_push_event(harness_, gst_event_new_flush_stop(TRUE));
    gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  }

  void refuse_seeks() {
    gst_pad_set_event_function(
        harness_->srcpad, +[](GstPad *, GstObject *, GstEvent *event) -> gboolean {
          gst_event_unref(event);
          return FALSE;
        });
  }

  std::vector<GstClockTime> timestamps() {
    std::vector<GstClockTime> all;
    while (GstBuffer *buffer = gst_harness_try_pull(harness_)) {
      all.push_back(GST_BUFFER_PTS(buffer));
      gst_buffer_unref(buffer);
    }
    return all;
  }

  guint seen(GstEventType type) {
    guint count = 0;
    while (GstEvent *event = gst_harness_try_pull_event(harness_)) {
      if (GST_EVENT_TYPE(event) == type) count++;
      gst_event_unref(event);
    }
    return count;
  }

  bool ends_within(gint64 microseconds) {
    const gint64 deadline = g_get_monotonic_time() + microseconds;
    do {
      if (seen(GST_EVENT_EOS) > 0) return true;
      g_usleep(1000);
    } while (g_get_monotonic_time() < deadline);
    return false;
  }

  guint64 loops() {
    guint64 loops = 0;
    g_object_get(harness_->element, "loops", &loops, nullptr);
    return loops;
  }

 private:
  GstHarness *harness_;
};

}  // namespace

TEST_CASE("njloop plays its source again, with timestamps that go on rising") {
  Player player;
  player.play(3);
  player.answer_seek();
  player.play(3);
  player.answer_seek();
  CHECK(player.timestamps() == std::vector<GstClockTime>{0, kFrame, 2 * kFrame, 3 * kFrame, 4 * kFrame, 5 * kFrame});
  CHECK(player.loops() == 2);
}

TEST_CASE("njloop leaves no gap for a source that does not begin at zero") {
  Player player;
  player.play(2, GST_SECOND);
  player.answer_seek();
  player.play(1, GST_SECOND);
  CHECK(player.timestamps() == std::vector<GstClockTime>{GST_SECOND, GST_SECOND + kFrame, GST_SECOND + 2 * kFrame});
}

TEST_CASE("what is behind njloop sees neither the end nor the flush of a round") {
  Player player;
  player.play(2);
  player.answer_seek();
  player.play(2);
  CHECK(player.seen(GST_EVENT_FLUSH_START) == 0);
  CHECK_FALSE(player.ends_within(20 * G_TIME_SPAN_MILLISECOND));
}

TEST_CASE("njloop ends when its source cannot go back") {
  Player player;
  player.refuse_seeks();
  player.play(2);
  CHECK(player.ends_within(5 * G_TIME_SPAN_SECOND));
}

TEST_CASE("njloop ends with a source that has no frame, instead of going round for ever") {
  Player player;
  player.play(0);
  CHECK(player.ends_within(5 * G_TIME_SPAN_SECOND));
}

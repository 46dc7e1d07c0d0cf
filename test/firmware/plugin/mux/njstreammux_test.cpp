#include <malloc.h>

#include <atomic>
#include <memory>
#include <thread>

#include "metadata/main.h"
#include "plugin/source.h"

namespace {

using test::Source;

const GstVideoInfo kLarge = test::video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
const GstVideoInfo kSmall = test::video_info(GST_VIDEO_FORMAT_RGB, 16, 16);
constexpr GstClockTime kSecond = GST_SECOND;

class Mux {
 public:
  explicit Mux(const std::string &properties) {
    GstElement *element = gst_parse_launch(("njstreammux " + properties).c_str(), nullptr);
    harness_ = gst_harness_new_with_element(element, nullptr, "src");
    gst_object_unref(element);
    bus_ = gst_bus_new();
    gst_element_set_bus(harness_->element, bus_);
    gst_harness_play(harness_);
  }
  ~Mux() {
    gst_element_set_bus(harness_->element, nullptr);
    gst_harness_teardown(harness_);
    gst_object_unref(bus_);
  }

  GstElement *element() { return harness_->element; }
  GstHarness *harness() { return harness_; }
  GstBuffer *pull() {
    GstBuffer *batch = gst_harness_pull(harness_);
    REQUIRE(batch != nullptr);
    return batch;
  }
  std::vector<guint> pull_sources() {
    GstBuffer *batch = pull();
    std::vector<guint> sources;
    NjBatchMeta *meta = nj_buffer_get_batch_meta(batch);
    for (guint i = 0; NjFrameMeta *frame = nj_batch_nth_frame(meta, i); ++i) sources.push_back(frame->source_id);
    gst_buffer_unref(batch);
    return sources;
  }

  // The next event of this type (and name), or NULL after 5 s.
  GstEvent *wait_for_event(GstEventType type, const char *name = nullptr) {
    for (int i = 0; i < 5000; ++i) {
      while (GstEvent *event = gst_harness_try_pull_event(harness_)) {
        if (GST_EVENT_TYPE(event) == type && (!name || gst_event_has_name(event, name))) return event;
        gst_event_unref(event);
      }
      g_usleep(1000);
    }
    return nullptr;
  }
  GstBus *bus() { return bus_; }

 private:
  GstHarness *harness_;
  GstBus *bus_;
};

bool saw(Mux &mux, GstEventType type, const char *name = nullptr) {
  GstEvent *event = mux.wait_for_event(type, name);
  if (!event) return false;
  gst_event_unref(event);
  return true;
}

using Sources = std::vector<guint>;

}  // namespace

TEST_CASE("a batch refers to the frames of its sources and describes them") {
  Mux mux("batch-size=2 batched-push-timeout=-1");
  Source first(mux.element(), "sink_0", kLarge), second(mux.element(), "sink_5", kSmall);
  g_object_set(second.sink(), "sensor-id", "gate", nullptr);
  GstBuffer *picture = test::picture(kSmall, 2 * kSecond);
  first.push(3 * kSecond);
  second.push_buffer(gst_buffer_ref(picture));
  GstBuffer *batch = mux.pull();
  CHECK(gst_buffer_n_memory(batch) == 0);
  CHECK(GST_BUFFER_PTS(batch) == 2 * kSecond);
  NjBatchMeta *meta = nj_buffer_get_batch_meta(batch);
  REQUIRE(meta->num_frames_in_batch == 2);
  const NjFrameMeta *frame = nj_batch_nth_frame(meta, 1);
  CHECK(frame->buffer == picture);
  CHECK(frame->source_id == 5);
  CHECK(frame->pad_index == 5);
  CHECK(frame->batch_id == 1);
  CHECK(frame->frame_num == 0);
  CHECK(frame->buf_pts == 2 * kSecond);
  CHECK(frame->source_frame_width == 16);
  CHECK(GST_VIDEO_INFO_FORMAT(&frame->info) == GST_VIDEO_FORMAT_RGB);
  CHECK(frame->ntp_timestamp > 1600000000 * kSecond);
  CHECK(std::string(frame->sensor_id) == "gate");
  CHECK_FALSE(frame->bInferDone);
  gst_buffer_unref(batch);
  gst_buffer_unref(picture);
}

TEST_CASE("the caps announce nominal size, batch size and frame rate") {
  Mux mux("width=1280 height=720 batch-size=4 batched-push-timeout=1000");
  Source source(mux.element(), "sink_0", kLarge);
  source.push(0);
  gst_buffer_unref(mux.pull());
  GstPad *pad = gst_element_get_static_pad(mux.element(), "src");
  GstCaps *caps = gst_pad_get_current_caps(pad);
  GstCaps *expected =
      gst_caps_from_string("video/x-raw(memory:NjBatch), width=1280, height=720, batch-size=4, framerate=25/1");
  CHECK(gst_caps_is_equal(caps, expected));
  gst_caps_unref(expected);
  gst_caps_unref(caps);
  gst_object_unref(pad);
}

TEST_CASE("a source that stalls holds up the others no longer than the timeout") {
  Mux mux("batch-size=2 batched-push-timeout=20000");
  Source playing(mux.element(), "sink_0", kLarge), stalled(mux.element(), "sink_1", kLarge);
  const gint64 begin = g_get_monotonic_time();
  playing.push(0);
  CHECK(mux.pull_sources() == Sources{0});
  const gint64 waited = g_get_monotonic_time() - begin;
  CHECK(waited >= 19000);
  for (int i = 1; i < 10; ++i) {
    playing.push(i * 40 * GST_MSECOND);
    CHECK(mux.pull_sources() == Sources{0});
  }
  stalled.push(400 * GST_MSECOND);
  playing.push(400 * GST_MSECOND);
  const Sources together = mux.pull_sources();
  CHECK(together.size() >= 1);
}

TEST_CASE("a source that joins late is in the batches from then on, and timestamps do not go back") {
  Mux mux("batched-push-timeout=-1");
  Source first(mux.element(), "sink_0", kLarge);
  first.push(10 * kSecond);
  CHECK(mux.pull_sources() == Sources{0});
  Source late(mux.element(), "sink_%u", kSmall);
  CHECK(std::string(GST_PAD_NAME(late.sink())) == "sink_1");
  late.push(0);
  first.push(11 * kSecond);
  GstBuffer *batch = mux.pull();
  CHECK(nj_buffer_get_batch_meta(batch)->num_frames_in_batch == 2);
  CHECK(GST_BUFFER_PTS(batch) == 10 * kSecond);
  gst_buffer_unref(batch);
}

TEST_CASE("the end of a source is told, the others go on, and the stream ends with the last") {
  Mux mux("batched-push-timeout=-1");
  Source first(mux.element(), "sink_0", kLarge), second(mux.element(), "sink_1", kLarge);
  first.push(0);
  first.end();
  second.push(0);
  CHECK(mux.pull_sources() == Sources{0, 1});
  CHECK(saw(mux, GST_EVENT_CUSTOM_DOWNSTREAM, "nj-stream-eos"));
  GstMessage *message = gst_bus_timed_pop_filtered(mux.bus(), 5 * kSecond, GST_MESSAGE_ELEMENT);
  REQUIRE(message != nullptr);
  guint stream_id = 99;
  CHECK(gst_structure_get_uint(gst_message_get_structure(message), "stream-id", &stream_id));
  CHECK(stream_id == 0);
  gst_message_unref(message);
  second.push(40 * GST_MSECOND);
  CHECK(mux.pull_sources() == Sources{1});
  second.end();
  CHECK(saw(mux, GST_EVENT_EOS));
}

TEST_CASE("with drop-pipeline-eos sources may come after the last has ended") {
  Mux mux("drop-pipeline-eos=true frame-num-reset-on-eos=true");
  {
    Source source(mux.element(), "sink_0", kLarge);
    source.push(0);
    CHECK(mux.pull_sources() == Sources{0});
    source.end();
    CHECK(saw(mux, GST_EVENT_CUSTOM_DOWNSTREAM, "nj-stream-eos"));
  }
  Source next(mux.element(), "sink_1", kLarge);
  CHECK(next.push(kSecond) == GST_FLOW_OK);
  CHECK(mux.pull_sources() == Sources{1});
}

TEST_CASE("a source may change its size and format in mid-stream") {
  Mux mux("batch-size=1");
  Source source(mux.element(), "sink_0", kLarge);
  source.push(0);
  source.set_info(kSmall);
  source.push(40 * GST_MSECOND);
  GstBuffer *before = mux.pull(), *after = mux.pull();
  const NjFrameMeta *large = nj_batch_nth_frame(nj_buffer_get_batch_meta(before), 0);
  const NjFrameMeta *small = nj_batch_nth_frame(nj_buffer_get_batch_meta(after), 0);
  CHECK(large->source_frame_width == 64);
  CHECK(small->source_frame_width == 16);
  CHECK(GST_VIDEO_INFO_FORMAT(&small->info) == GST_VIDEO_FORMAT_RGB);
  CHECK(small->frame_num == 1);
  gst_buffer_unref(before);
  gst_buffer_unref(after);
}

TEST_CASE("frames are counted per source") {
  Mux mux("batched-push-timeout=-1");
  Source first(mux.element(), "sink_0", kLarge);
  first.push(0);
  gst_buffer_unref(mux.pull());
  Source second(mux.element(), "sink_1", kLarge);
  first.push(40 * GST_MSECOND);
  second.push(40 * GST_MSECOND);
  GstBuffer *batch = mux.pull();
  NjBatchMeta *meta = nj_buffer_get_batch_meta(batch);
  CHECK(nj_batch_nth_frame(meta, 0)->frame_num == 1);
  CHECK(nj_batch_nth_frame(meta, 1)->frame_num == 0);
  gst_buffer_unref(batch);
}

TEST_CASE("a source that is too fast waits, and goes on when its pad is released") {
  Mux mux("batched-push-timeout=-1 max-queued-frames=2");
  auto fast = std::make_unique<Source>(mux.element(), "sink_0", kLarge);
  Source slow(mux.element(), "sink_1", kLarge);
  fast->push(0);
  fast->push(1 * kSecond);
  std::atomic<int> result{1000};
  std::thread pusher([&] { result = fast->push(2 * kSecond); });
  g_usleep(20000);
  CHECK(result == 1000);
  SUBCASE("until there is room") {
    slow.push(0);
    CHECK(mux.pull_sources() == Sources{0, 1});
    pusher.join();
    CHECK(result == GST_FLOW_OK);
  }
  SUBCASE("until its pad is flushed") {
    fast->send(gst_event_new_flush_start());
    pusher.join();
    CHECK(result == GST_FLOW_FLUSHING);
  }
}

TEST_CASE("of a live source that is too fast the oldest frames are dropped and counted") {
  Mux mux("batched-push-timeout=-1 max-queued-frames=2 live-source=true");
  Source live(mux.element(), "sink_0", kLarge), slow(mux.element(), "sink_1", kLarge);
  for (guint i = 0; i < 5; ++i) CHECK(live.push(i * kSecond) == GST_FLOW_OK);
  guint64 dropped = 0;
  g_object_get(live.sink(), "dropped", &dropped, nullptr);
  CHECK(dropped == 3);
  slow.push(0);
  GstBuffer *batch = mux.pull();
  CHECK(nj_batch_nth_frame(nj_buffer_get_batch_meta(batch), 0)->buf_pts == 3 * kSecond);
  gst_buffer_unref(batch);
}

TEST_CASE("with a batch size of 1 sources take turns") {
  Mux mux("batch-size=1");
  Source first(mux.element(), "sink_0", kLarge), second(mux.element(), "sink_1", kLarge);
  for (guint i = 0; i < 3; ++i) {
    first.push(i * kSecond);
    second.push(i * kSecond);
  }
  guint counts[2] = {};
  for (int i = 0; i < 6; ++i) counts[mux.pull_sources().at(0)]++;
  CHECK(counts[0] == 3);
  CHECK(counts[1] == 3);
}

TEST_CASE("segments of the sources become running time, and are told downstream") {
  Mux mux("batch-size=1");
  Source source(mux.element(), "sink_0", kLarge);
  source.set_segment_start(100 * kSecond);
  source.push(101 * kSecond);
  GstBuffer *batch = mux.pull();
  CHECK(GST_BUFFER_PTS(batch) == 1 * kSecond);
  CHECK(nj_batch_nth_frame(nj_buffer_get_batch_meta(batch), 0)->buf_pts == 101 * kSecond);
  gst_buffer_unref(batch);
  CHECK(saw(mux, GST_EVENT_CUSTOM_DOWNSTREAM, "nj-stream-segment"));
  CHECK(source.push(50 * kSecond) == GST_FLOW_OK);  // before its segment: not part of the stream
  source.push(102 * kSecond);
  batch = mux.pull();
  CHECK(GST_BUFFER_PTS(batch) == 2 * kSecond);
  gst_buffer_unref(batch);
}

TEST_CASE("latency is that of the sources and the time a batch may wait") {
  Mux mux("batched-push-timeout=30000 live-source=true");
  GstQuery *query = gst_query_new_latency();
  REQUIRE(gst_element_query(mux.element(), query));
  gboolean live;
  GstClockTime min, max;
  gst_query_parse_latency(query, &live, &min, &max);
  CHECK(live);
  CHECK(min == 30 * GST_MSECOND);
  gst_query_unref(query);
}

TEST_CASE("a pad that is requested while playing takes frames at once") {
  Mux mux("");
  GstPad *pad = gst_element_request_pad_simple(mux.element(), "sink_%u");
  CHECK(gst_pad_is_active(pad));
  gst_element_release_request_pad(mux.element(), pad);
  gst_object_unref(pad);
}

TEST_CASE("what is linked behind the mux does not make the sources negotiate again") {
  Mux mux("");
  Source source(mux.element(), "sink_0", kLarge);
  gst_pad_check_reconfigure(source.pad());
  gst_harness_push_upstream_event(mux.harness(), gst_event_new_reconfigure());
  CHECK_FALSE(gst_pad_check_reconfigure(source.pad()));
}

TEST_CASE("a flush that was not ended does not outlive the state") {
  Mux mux("batch-size=1");
  Source source(mux.element(), "sink_0", kLarge);
  source.send(gst_event_new_flush_start());
  gst_element_set_state(mux.element(), GST_STATE_READY);
  gst_element_set_state(mux.element(), GST_STATE_PLAYING);
  gst_pad_set_active(source.pad(), FALSE);
  gst_pad_set_active(source.pad(), TRUE);
  gst_pad_push_event(source.pad(), gst_event_new_stream_start("again"));
  source.set_info(kLarge);
  source.set_segment_start(0);
  CHECK(source.push(0) == GST_FLOW_OK);
  gst_buffer_unref(mux.pull());
}

TEST_CASE("a pad with a wrong name is refused") {
  Mux mux("");
  CHECK(gst_element_request_pad_simple(mux.element(), "sink_x") == nullptr);
}

TEST_CASE("200 sources that come and go while playing leave memory level") {
  Mux mux("batched-push-timeout=1000");
  Source steady(mux.element(), "sink_0", kLarge);
  const auto cycle = [&](guint i) {
    Source visitor(mux.element(), "sink_%u", kSmall);
    visitor.push(i * GST_MSECOND);
    steady.push(i * GST_MSECOND);
    while (mux.pull_sources() == Sources{1}) {
    }
    if (i % 2) visitor.end();
    while (GstEvent *event = gst_harness_try_pull_event(mux.harness())) gst_event_unref(event);
    while (GstBuffer *batch = gst_harness_try_pull(mux.harness())) gst_buffer_unref(batch);
    while (GstMessage *message = gst_bus_pop(mux.bus())) gst_message_unref(message);
  };
  for (guint i = 0; i < 30; ++i) cycle(i);
  const size_t before = mallinfo2().uordblks;
  for (guint i = 30; i < 230; ++i) cycle(i);
  const size_t after = mallinfo2().uordblks;
  CHECK(after < before + 64 * 1024);
}

#include <memory>

#include "metadata/main.h"
#include "plugin/source.h"

namespace {

const GstVideoInfo kLarge = test::video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
const GstVideoInfo kSmall = test::video_info(GST_VIDEO_FORMAT_RGB, 16, 16);

// A mux and a demux with branches for the sources asked for.
class Pair {
 public:
  explicit Pair(const std::string &demux_properties = "") {
    GError *error = nullptr;
    bin_ = gst_parse_bin_from_description(
        ("njstreammux name=m batched-push-timeout=-1 ! njstreamdemux name=d " + demux_properties).c_str(), FALSE,
        &error);
    REQUIRE(error == nullptr);
    gst_object_ref_sink(bin_);
    mux_ = gst_bin_get_by_name(GST_BIN(bin_), "m");
    demux_ = gst_bin_get_by_name(GST_BIN(bin_), "d");
    gst_element_set_state(bin_, GST_STATE_PLAYING);
  }
  ~Pair() {
    gst_element_set_state(bin_, GST_STATE_NULL);
    gst_object_unref(mux_);
    gst_object_unref(demux_);
    gst_object_unref(bin_);
  }
  GstElement *mux() { return mux_; }
  GstElement *demux() { return demux_; }

 private:
  GstElement *bin_, *mux_, *demux_;
};

// What comes out of one source pad.
class Branch {
 public:
  Branch(GstElement *demux, const char *name) : demux_(demux) {
    source_ = gst_element_request_pad_simple(demux, name);
    REQUIRE(source_ != nullptr);
    harness_ = gst_harness_new_parse("identity");
    GstPad *sink = gst_element_get_static_pad(harness_->element, "sink");
    gst_pad_unlink(harness_->srcpad, sink);
    REQUIRE(gst_pad_link_full(source_, sink, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK);
    gst_object_unref(sink);
    gst_harness_play(harness_);
  }
  ~Branch() {
    GstPad *sink = gst_pad_get_peer(source_);
    gst_pad_unlink(source_, sink);
    gst_object_unref(sink);
    gst_element_release_request_pad(demux_, source_);
    gst_object_unref(source_);
    gst_harness_teardown(harness_);
  }
  GstBuffer *pull() {
    GstBuffer *buffer = gst_harness_pull(harness_);
    REQUIRE(buffer != nullptr);
    return buffer;
  }
  bool has_ended() {
    for (int i = 0; i < 2000; ++i) {
      GstEvent *event = gst_pad_get_sticky_event(source_, GST_EVENT_EOS, 0);
      if (event) {
        gst_event_unref(event);
        return true;
      }
      g_usleep(1000);
    }
    return false;
  }
  void take_video_meta() { gst_harness_add_propose_allocation_meta(harness_, GST_VIDEO_META_API_TYPE, nullptr); }
  GstPad *pad() { return source_; }
  guint buffers() { return gst_harness_buffers_received(harness_); }

 private:
  GstElement *demux_;
  GstPad *source_;
  GstHarness *harness_;
};

GstVideoInfo caps_of(GstPad *pad) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  GstVideoInfo info;
  REQUIRE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  return info;
}

GstSegment segment_of(GstPad *pad) {
  GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
  REQUIRE(event != nullptr);
  GstSegment segment;
  gst_event_copy_segment(event, &segment);
  gst_event_unref(event);
  return segment;
}

// Rows of 128 bytes, where the caps alone say 48. Each byte of a row is its number; what is between them is 255.
GstBuffer *padded_picture() {
  gint strides[GST_VIDEO_MAX_PLANES] = {128};
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0};
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 128 * 16, nullptr);
  gst_buffer_memset(buffer, 0, 255, 128 * 16);
  for (guint row = 0; row < 16; ++row) gst_buffer_memset(buffer, row * 128, static_cast<guint8>(row), 48);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, 16, 16, 1, offsets, strides);
  GST_BUFFER_PTS(buffer) = 7;
  return buffer;
}

}  // namespace

TEST_CASE("padded rows stay as they are for who can read them") {
  Pair pair;
  Branch branch(pair.demux(), "src_0");
  branch.take_video_meta();
  test::Source source(pair.mux(), "sink_0", kSmall);
  GstBuffer *picture = padded_picture();
  source.push_buffer(gst_buffer_ref(picture));
  GstBuffer *frame = branch.pull();
  CHECK(gst_buffer_peek_memory(frame, 0) == gst_buffer_peek_memory(picture, 0));
  REQUIRE(gst_buffer_get_video_meta(frame) != nullptr);
  CHECK(gst_buffer_get_video_meta(frame)->stride[0] == 128);
  gst_buffer_unref(frame);
  gst_buffer_unref(picture);
}

TEST_CASE("padded rows are packed for who knows the caps only") {
  Pair pair;
  Branch branch(pair.demux(), "src_0");
  test::Source source(pair.mux(), "sink_0", kSmall);
  source.push_buffer(padded_picture());
  GstBuffer *frame = branch.pull();
  CHECK(gst_buffer_get_video_meta(frame) == nullptr);
  CHECK(GST_BUFFER_PTS(frame) == 7);
  const auto bytes = test::bytes_of(frame);
  REQUIRE(bytes.size() == 48 * 16);
  for (guint i = 0; i < bytes.size(); ++i) REQUIRE(bytes[i] == i / 48);
  gst_buffer_unref(frame);
}

TEST_CASE("metadata that a frame had before the mux does not come out beside its own") {
  Pair pair;
  Branch branch(pair.demux(), "src_0");
  test::Source source(pair.mux(), "sink_0", kSmall);
  GstBuffer *picture = test::picture(kSmall, 0);
  test::add_object(test::add_frame(nj_buffer_add_batch_meta(picture, 1), kSmall, 9), {1, 1, 2, 2});
  source.push_buffer(picture);
  GstBuffer *frame = branch.pull();
  CHECK(gst_buffer_get_n_meta(frame, NJ_BATCH_META_API_TYPE) == 1);
  CHECK(nj_batch_nth_frame(nj_buffer_get_batch_meta(frame), 0)->source_id == 0);
  gst_buffer_unref(frame);
}

TEST_CASE("each frame comes out at its source's pad, uncopied, with the caps and time of the source") {
  Pair pair;
  Branch large(pair.demux(), "src_0"), small(pair.demux(), "src_7");
  test::Source first(pair.mux(), "sink_0", kLarge), second(pair.mux(), "sink_7", kSmall);
  second.set_segment_start(100 * GST_SECOND);
  GstBuffer *picture = test::picture(kSmall, 103 * GST_SECOND, 9);
  second.push_buffer(gst_buffer_ref(picture));
  first.push(0);
  gst_buffer_unref(large.pull());
  GstBuffer *frame = small.pull();
  CHECK(gst_buffer_peek_memory(frame, 0) == gst_buffer_peek_memory(picture, 0));
  CHECK(GST_BUFFER_PTS(frame) == 103 * GST_SECOND);
  CHECK(GST_BUFFER_DURATION(frame) == 40 * GST_MSECOND);
  const GstVideoInfo info = caps_of(small.pad());
  CHECK(gst_video_info_is_equal(&info, &kSmall));
  const GstSegment segment = segment_of(small.pad());
  CHECK(gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(frame)) == 3 * GST_SECOND);
  gst_buffer_unref(frame);
  gst_buffer_unref(picture);
}

TEST_CASE("each buffer has metadata of its own, for one frame, with its objects in order") {
  GstHarness *input = gst_harness_new_with_padnames("njstreamdemux", "sink", nullptr);
  gst_harness_set_src_caps_str(input, test::kBatchCaps);
  gst_harness_play(input);
  {
    Branch branch(input->element, "src_3");
    GstBuffer *batch = gst_buffer_new();
    NjBatchMeta *meta = nj_buffer_add_batch_meta(batch, 2);
    test::add_frame(meta, kLarge, 1, test::picture(kLarge, 0));
    NjFrameMeta *frame = test::add_frame(meta, kLarge, 3, test::picture(kLarge, 0));
    frame->frame_num = 55;
    for (int i = 0; i < 3; ++i) test::add_object(frame, {}, nullptr, i);
    REQUIRE(gst_harness_push(input, batch) == GST_FLOW_OK);
    GstBuffer *buffer = branch.pull();
    NjBatchMeta *own = nj_buffer_get_batch_meta(buffer);
    REQUIRE(own->num_frames_in_batch == 1);
    const NjFrameMeta *copy = nj_batch_nth_frame(own, 0);
    CHECK(copy->batch_id == 0);
    CHECK(copy->source_id == 3);
    CHECK(copy->frame_num == 55);
    CHECK(copy->buffer == nullptr);
    REQUIRE(copy->num_obj_meta == 3);
    CHECK(static_cast<NjObjectMeta *>(copy->obj_meta_list->data)->class_id == 2);
    gst_buffer_unref(buffer);
  }
  gst_harness_teardown(input);
}

TEST_CASE("a source that changes its size renegotiates its own pad") {
  Pair pair;
  Branch branch(pair.demux(), "src_0");
  test::Source source(pair.mux(), "sink_0", kLarge);
  source.push(0);
  gst_buffer_unref(branch.pull());
  source.set_info(kSmall);
  source.push(40 * GST_MSECOND);
  gst_buffer_unref(branch.pull());
  CHECK(GST_VIDEO_INFO_WIDTH(std::make_unique<GstVideoInfo>(caps_of(branch.pad())).get()) == 16);
}

TEST_CASE("frames of a source without a linked pad are skipped") {
  Pair pair;
  Branch branch(pair.demux(), "src_1");
  GstPad *unlinked = gst_element_request_pad_simple(pair.demux(), "src_0");
  test::Source first(pair.mux(), "sink_0", kLarge), second(pair.mux(), "sink_1", kLarge),
      third(pair.mux(), "sink_2", kLarge);
  for (guint i = 0; i < 3; ++i) {
    CHECK(first.push(i * GST_SECOND) == GST_FLOW_OK);
    CHECK(third.push(i * GST_SECOND) == GST_FLOW_OK);
    CHECK(second.push(i * GST_SECOND) == GST_FLOW_OK);
    gst_buffer_unref(branch.pull());
  }
  gst_element_release_request_pad(pair.demux(), unlinked);
  gst_object_unref(unlinked);
}

TEST_CASE("a pad ends with its source only if asked to, and always with the whole stream") {
  SUBCASE("per-stream-eos") {
    Pair pair("per-stream-eos=true");
    Branch first(pair.demux(), "src_0"), second(pair.demux(), "src_1");
    test::Source ending(pair.mux(), "sink_0", kLarge), going(pair.mux(), "sink_1", kLarge);
    ending.end();
    CHECK(first.has_ended());
    CHECK(gst_pad_get_sticky_event(second.pad(), GST_EVENT_EOS, 0) == nullptr);
  }
  SUBCASE("default") {
    Pair pair;
    Branch first(pair.demux(), "src_0"), second(pair.demux(), "src_1");
    test::Source ending(pair.mux(), "sink_0", kLarge), going(pair.mux(), "sink_1", kLarge);
    ending.end();
    going.push(0);
    gst_buffer_unref(second.pull());
    CHECK(gst_pad_get_sticky_event(first.pad(), GST_EVENT_EOS, 0) == nullptr);
    going.end();
    CHECK(first.has_ended());
    CHECK(second.has_ended());
  }
}

TEST_CASE("pads may come and go while frames flow") {
  Pair pair;
  test::Source source(pair.mux(), "sink_0", kLarge);
  for (guint i = 0; i < 50; ++i) {
    Branch branch(pair.demux(), "src_0");
    REQUIRE(source.push(i * GST_SECOND) == GST_FLOW_OK);
    gst_buffer_unref(branch.pull());
  }
}

TEST_CASE("a pad with a wrong name is refused") {
  Pair pair;
  CHECK(gst_element_request_pad_simple(pair.demux(), "src_x") == nullptr);
}

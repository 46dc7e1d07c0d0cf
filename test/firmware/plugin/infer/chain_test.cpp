// The elements of the portable pipeline behind one another: njstreammux ! njinfer ! njstreamdemux ! njosd.
#include "infer_harness.h"
#include "plugin/source.h"

gboolean nj_njstreammux_register(GstPlugin *plugin);
gboolean nj_njstreamdemux_register(GstPlugin *plugin);
gboolean nj_njosd_register(GstPlugin *plugin);

using namespace nj;
using namespace nj::test;

namespace {

const GstVideoInfo kFirstSize = ::test::video_info(GST_VIDEO_FORMAT_RGB, 128, 64);

class Chain {
 public:
  explicit Chain(Host &host) {
    static const bool registered = nj_njinfer_register(nullptr) && nj_njstreammux_register(nullptr) &&
                                   nj_njstreamdemux_register(nullptr) && nj_njosd_register(nullptr);
    REQUIRE(registered);
    set_engine_factory([&host](const EngineOptions &options) { return host.make(options); });
    pipeline_ = gst_pipeline_new(nullptr);
    bus_ = gst_element_get_bus(pipeline_);
    mux = add("njstreammux");
    GstElement *infer = add("njinfer"), *demux = add("njstreamdemux"), *osd = add("njosd");
    g_object_set(infer, "bundle", bundle_directory().c_str(), nullptr);
    REQUIRE(gst_element_link_many(mux, infer, demux, nullptr));
    REQUIRE(gst_element_link_pads(demux, "src_0", osd, "sink"));
    drawn_ = gst_harness_new_with_element(osd, nullptr, "src");
    play();
  }
  ~Chain() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_harness_teardown(drawn_);
    gst_object_unref(bus_);
    gst_object_unref(pipeline_);
    set_engine_factory(nullptr);
  }
  Chain(const Chain &) = delete;

  void play() { REQUIRE(gst_element_set_state(pipeline_, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE); }
  void stop() { REQUIRE(gst_element_set_state(pipeline_, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS); }

  GstBuffer *pull() {
    GstBuffer *buffer = gst_harness_pull(drawn_);
    REQUIRE(buffer);
    return buffer;
  }
  bool ends() {
    while (GstEvent *event = gst_harness_pull_event(drawn_)) {
      const bool eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
      gst_event_unref(event);
      if (eos) return true;
    }
    return false;
  }
  GstVideoInfo size() {
    GstCaps *caps = gst_pad_get_current_caps(drawn_->sinkpad);
    GstVideoInfo info;
    REQUIRE(gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    return info;
  }
  guint errors() {
    guint count = 0;
    for (; GstMessage *message = gst_bus_pop_filtered(bus_, GST_MESSAGE_ERROR); ++count) gst_message_unref(message);
    return count;
  }

  GstElement *mux;

 private:
  GstElement *add(const char *factory) {
    GstElement *element = gst_element_factory_make(factory, nullptr);
    REQUIRE(gst_bin_add(GST_BIN(pipeline_), element));
    return element;
  }

  GstElement *pipeline_;
  GstBus *bus_;
  GstHarness *drawn_;
};

}  // namespace

TEST_CASE("a source may change size and format in mid-stream, down to the drawn picture") {
  Host host;
  host.look = one_car;
  Chain chain(host);
  ::test::Source source(chain.mux, "sink_0", kFirstSize);
  const GstVideoInfo sizes[] = {kFirstSize, ::test::video_info(GST_VIDEO_FORMAT_NV12, 256, 128),
                                ::test::video_info(GST_VIDEO_FORMAT_I420, 127, 65), kFirstSize};
  GstClockTime time = 0;
  for (const GstVideoInfo &info : sizes) {
    CAPTURE(GST_VIDEO_INFO_WIDTH(&info));
    source.set_info(info);
    for (int i = 0; i < 2; i++, time += 40 * GST_MSECOND) {
      REQUIRE(source.push(time) == GST_FLOW_OK);
      GstBuffer *buffer = chain.pull();
      const GstVideoInfo shown = chain.size();
      CHECK(gst_video_info_is_equal(&shown, &info));
      const auto objects = objects_of(buffer);
      REQUIRE(objects.size() == 1);
      CHECK(objects[0].box.width == doctest::Approx(20 * GST_VIDEO_INFO_WIDTH(&info) / 64.0).epsilon(0.01));
      CHECK(::test::bytes_of(buffer) != std::vector<uint8_t>(GST_VIDEO_INFO_SIZE(&info), 0));
      gst_buffer_unref(buffer);
    }
  }
  CHECK(chain.errors() == 0);
}

TEST_CASE("the elements start again after the end of a stream and after an error") {
  Host host;
  host.look = one_car;
  Chain chain(host);
  for (int round = 0; round < 4; round++) {
    CAPTURE(round);
    {
      ::test::Source source(chain.mux, "sink_0", kFirstSize);
      REQUIRE(source.push(0) == GST_FLOW_OK);
      GstBuffer *buffer = chain.pull();
      CHECK(objects_of(buffer).size() == 1);
      gst_buffer_unref(buffer);
      if (round % 2) {
        GstBuffer *too_small = gst_buffer_new_allocate(nullptr, 16, nullptr);
        GST_BUFFER_PTS(too_small) = 40 * GST_MSECOND;
        source.push_buffer(too_small);
        for (int i = 0; i < 1000 && source.push(80 * GST_MSECOND) != GST_FLOW_ERROR; i++) g_usleep(1000);
      } else {
        source.end();
        CHECK(chain.ends());
      }
      chain.stop();
    }
    CHECK(chain.errors() == (round % 2 ? 1 : 0));
    chain.play();
  }
}

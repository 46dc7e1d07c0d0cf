// A GstHarness around an inference element whose engine is a TestEngine, and the buffers that go through it.
#pragma once

#include <doctest/doctest.h>
#include <gst/check/gstharness.h>

#include <string>
#include <vector>

#include "metadata/metadata_batch.h"
#include "metadata/nj_meta.h"
#include "plugin/infer/engine_factory.h"
#include "test_engine.h"

gboolean nj_njinfer_register(GstPlugin *plugin);
gboolean nj_njanalytics_register(GstPlugin *plugin);

namespace nj::test {

constexpr const char *kPlainCaps = "video/x-raw,format=RGB,width=128,height=64,framerate=30/1";
constexpr const char *kBatchCaps = "video/x-raw(memory:NjBatch),width=128,height=64,batch-size=4,framerate=30/1";

// A directory with a bundle.yaml, for the engine of a test does not read it.
inline std::string bundle_directory() {
  static const std::string path = [] {
    gchar *made = g_dir_make_tmp("nj-bundle-XXXXXX", nullptr);
    const std::string directory = made;
    g_free(made);
    g_file_set_contents((directory + "/bundle.yaml").c_str(), "name: test\n", -1, nullptr);
    return directory;
  }();
  return path;
}

inline GstBuffer *plain_frame(const char *caps_text, GstClockTime pts, uint8_t value = 0) {
  GstCaps *caps = gst_caps_from_string(caps_text);
  GstVideoInfo info;
  gst_video_info_from_caps(&info, caps);
  gst_caps_unref(caps);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  gst_buffer_memset(buffer, 0, value, info.size);
  GST_BUFFER_PTS(buffer) = pts;
  return buffer;
}

// One RGB frame of 128x64 for each source.
inline GstBuffer *batch_of(const std::vector<uint32_t> &sources, int frame_number) {
  GstBuffer *buffer = gst_buffer_new();
  GST_BUFFER_PTS(buffer) = frame_number * GST_SECOND / 30;
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, sources.size());
  for (uint32_t i = 0; i < sources.size(); i++) {
    NjFrameMeta *frame = nj_acquire_frame_meta(batch);
    frame->batch_id = i;
    frame->source_id = frame->pad_index = sources[i];
    frame->frame_num = frame_number;
    frame->source_frame_width = 128;
    frame->source_frame_height = 64;
    gst_video_info_set_format(&frame->info, GST_VIDEO_FORMAT_RGB, 128, 64);
    frame->buffer = gst_buffer_new_allocate(nullptr, frame->info.size, nullptr);
    gst_buffer_memset(frame->buffer, 0, 0, frame->info.size);
    nj_batch_add_frame(batch, frame);
  }
  return buffer;
}

class StageHarness {
 public:
  StageHarness(Host &host, const char *factory, const char *caps = kPlainCaps) : host(host) {
    static const bool registered = nj_njinfer_register(nullptr) && nj_njanalytics_register(nullptr);
    REQUIRE(registered);
    set_engine_factory([&host](const EngineOptions &options) { return host.make(options); });
    element = gst_element_factory_make(factory, nullptr);
    REQUIRE(element);
    bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    g_object_set(element, "bundle", bundle_directory().c_str(), nullptr);
    caps_ = caps;
  }
  ~StageHarness() {
    if (harness) gst_harness_teardown(harness);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, nullptr);
    gst_object_unref(bus);
    gst_object_unref(element);
    set_engine_factory(nullptr);
  }
  StageHarness(const StageHarness &) = delete;

  // To PLAYING; call after the properties are set.
  void play() {
    harness = gst_harness_new_with_element(element, "sink", "src");
    gst_harness_set_src_caps_str(harness, caps_);
  }
  GstFlowReturn push(GstBuffer *buffer) { return gst_harness_push(harness, buffer); }
  // Pushes and waits for the same buffer to come out.
  GstBuffer *through(GstBuffer *buffer) {
    REQUIRE(push(buffer) == GST_FLOW_OK);
    return pull();
  }
  GstBuffer *pull() {
    GstBuffer *out = gst_harness_pull(harness);
    REQUIRE(out);
    return out;
  }
  GstStructure *stats() {
    GstStructure *structure = nullptr;
    g_object_get(element, "stats", &structure, nullptr);
    return structure;
  }
  guint64 count(const char *name) {
    GstStructure *structure = stats();
    guint64 value = 0;
    gst_structure_get_uint64(structure, name, &value);
    gst_structure_free(structure);
    return value;
  }
  // The messages of a type so far, as text.
  std::vector<std::string> messages(GstMessageType type) {
    std::vector<std::string> texts;
    while (GstMessage *message = gst_bus_pop_filtered(bus, type)) {
      texts.push_back(text_of(message));
      gst_message_unref(message);
    }
    return texts;
  }

  Host &host;
  GstElement *element = nullptr;
  GstBus *bus = nullptr;
  GstHarness *harness = nullptr;

 private:
  const char *caps_;

  static std::string text_of(GstMessage *message) {
    GError *error = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) gst_message_parse_error(message, &error, nullptr);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) gst_message_parse_warning(message, &error, nullptr);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_INFO) gst_message_parse_info(message, &error, nullptr);
    std::string text;
    if (error) {
      text = std::string(g_quark_to_string(error->domain)) + "/" + std::to_string(error->code) + ": " + error->message;
      g_error_free(error);
    } else if (const GstStructure *structure = gst_message_get_structure(message)) {
      gchar *whole = gst_structure_to_string(structure);
      text = whole;
      g_free(whole);
    }
    return text;
  }
};

// The objects of a frame, oldest first.
inline std::vector<Object> objects_of(GstBuffer *buffer, uint32_t frame = 0) {
  std::string error;
  const auto metadata = metadata_of(buffer, nullptr, &error);
  REQUIRE_MESSAGE(metadata, error);
  return metadata->objects(frame);
}

inline bool inferred(GstBuffer *buffer, uint32_t frame = 0) {
  return nj_batch_nth_frame(nj_buffer_get_batch_meta(buffer), frame)->bInferDone;
}

}  // namespace nj::test

// The demo's detector on a demo clip, with NvDs metadata on its frames: real host, real model, NVIDIA's converter and
// ours behind one another on the same buffers. Skipped where the demo's bundle is not built.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <gst/gst.h>

#include <map>
#include <thread>

#include "nvds_frames.h"
#include "payloads.h"
#include "plugin/payloadsink/reader.h"

using namespace nj::test;
using namespace nvds_for_tests;

namespace {

constexpr int kSkipped = 77;  // for meson
constexpr int kFrames = 30;

std::string root() { return std::string(g_getenv("NJ_TEST_DATA")) + "/../.."; }

// What nvstreammux does: one batch of one frame.
GstPadProbeReturn attach_batch(GstPad *, GstPadProbeInfo *info, gpointer count) {
  GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  add_batch(buffer, {{0, (*static_cast<int *>(count))++, 1280, 720, 0, 0, GST_BUFFER_PTS(buffer)}});
  return GST_PAD_PROBE_OK;
}

// Waits for the end; empty, or the error.
std::string run(GstElement *pipeline) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(bus, 100 * GST_SECOND,
                                                   static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  std::string problem = message ? "" : "no end within 100 s";
  if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    problem = error->message;
    g_error_free(error);
  }
  gst_clear_message(&message);
  gst_object_unref(bus);
  return problem;
}

}  // namespace

TEST_CASE("what the demo's detector sees comes out of nvmsgconv, and of njmsgconv in the same bytes") {
  Pipe pipe;
  const auto converter = [](const char *factory, int id) {
    return std::string(factory) +
           " msg2p-newapi=true frame-interval=1 payload-type=PAYLOAD_DEEPSTREAM_MINIMAL comp-id=" + std::to_string(id) +
           " config=" + config_file() + " ! ";
  };
  const std::string text = "filesrc location=" + root() +
                           "/demo/clips/highway.mp4 ! decodebin ! videoconvert ! video/x-raw,format=I420 ! "
                           "identity name=muxer eos-after=" +
                           std::to_string(kFrames + 1) + " ! njinfer deadline=20000 bundle=" + root() +
                           "/build/bundles/street ! " + converter("nvmsgconv", 1) + converter("njmsgconv", 2) +
                           "njpayloadsink fd=" + std::to_string(pipe.writer());
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(text.c_str(), &error);
  REQUIRE_MESSAGE(!error, error->message);
  int count = 0;
  GstElement *muxer = gst_bin_get_by_name(GST_BIN(pipeline), "muxer");
  GstPad *pad = gst_element_get_static_pad(muxer, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, attach_batch, &count, nullptr);

  std::map<int64_t, std::vector<std::string>> payloads;  // by frame
  std::thread reader([&] {
    while (const auto record = read_record(pipe.reader(), 100000))
      payloads[record->header.frame_number].push_back(record->payload);
  });
  const std::string problem = run(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  pipe.close_writer();
  reader.join();
  CHECK_MESSAGE(problem.empty(), problem);
  CHECK(payloads.size() == static_cast<size_t>(count));
  CHECK(count >= kFrames);
  size_t with_objects = 0;
  for (auto &[frame, both] : payloads) {
    REQUIRE(both.size() == 2);
    both = without_ids(both, true);
    CHECK_MESSAGE(both[0] == both[1], "frame " << frame);
    with_objects += both[0].find("|car") != std::string::npos;
  }
  CHECK(with_objects > payloads.size() / 2);
  gst_object_unref(pad);
  gst_object_unref(muxer);
  gst_object_unref(pipeline);
}

int main(int argc, char **argv) {
  if (!g_file_test((root() + "/build/bundles/street/bundle.yaml").c_str(), G_FILE_TEST_EXISTS)) return kSkipped;
  g_setenv("NIGHTJAR_HOST", (root() + "/bin/nightjar-host").c_str(), FALSE);
  gst_init(&argc, &argv);
  doctest::Context context(argc, argv);
  return context.run();
}

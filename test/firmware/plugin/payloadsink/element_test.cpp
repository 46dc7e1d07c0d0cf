// njpayloadsink in a pipeline.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <gst/check/gstharness.h>

#include <cstring>

#include "metadata/nj_meta.h"
#include "plugin/payloadsink/reader.h"

using namespace nj;
using namespace nj::test;

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  return doctest::Context(argc, argv).run();
}

namespace {

void release(gpointer data, gpointer) {
  auto *payload = static_cast<NjPayload *>(static_cast<NjUserMeta *>(data)->user_meta_data);
  g_free(payload->payload);
  g_free(payload);
}

void add_payload(NjFrameMeta *frame, const char *text, guint kind, guint component_id) {
  auto *payload = g_new0(NjPayload, 1);
  payload->payload = g_memdup2(text, strlen(text));
  payload->payload_size = static_cast<guint>(strlen(text));
  payload->kind = kind;
  payload->component_id = component_id;
  NjUserMeta *user = nj_acquire_user_meta(frame->batch_meta);
  user->meta_type = NJ_PAYLOAD_META;
  user->release_func = release;
  user->user_meta_data = payload;
  nj_frame_add_user_meta(frame, user);
}

NjFrameMeta *add_frame(NjBatchMeta *batch, guint source, gint number) {
  NjFrameMeta *frame = nj_acquire_frame_meta(batch);
  frame->source_id = source;
  frame->frame_num = number;
  frame->buf_pts = 40000000;
  frame->ntp_timestamp = 1784535330123456789u;
  nj_batch_add_frame(batch, frame);
  return frame;
}

struct Sink {
  Sink(int fd, const std::string &properties = "")
      : harness(gst_harness_new_parse(("njpayloadsink fd=" + std::to_string(fd) + " " + properties).c_str())) {
    gst_harness_set_src_caps_str(harness, "application/x-test");
  }
  ~Sink() { gst_harness_teardown(harness); }
  void push(GstBuffer *buffer) { REQUIRE(gst_harness_push(harness, buffer) == GST_FLOW_OK); }
  GstHarness *harness;
};

GstBuffer *bytes(const std::string &text) { return gst_buffer_new_memdup(text.data(), text.size()); }

GstMessage *wait_message(GstElement *pipeline, GstMessageType type, GstClockTime timeout = 3 * GST_SECOND) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(bus, timeout, type);
  gst_object_unref(bus);
  return message;
}

}  // namespace

TEST_CASE("the payloads of all frames of a batch become records, in order") {
  Pipe pipe;
  Sink sink(pipe.writer());
  GstBuffer *buffer = gst_buffer_new();
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 2);
  add_payload(add_frame(batch, 0, 5), "first", NJ_PAYLOAD_OBJECTS, 0);
  NjFrameMeta *second = add_frame(batch, 3, 6);
  add_payload(second, "second", NJ_PAYLOAD_OBJECTS, 0);
  add_payload(second, "third", NJ_PAYLOAD_EVENT, 2);
  sink.push(buffer);
  const auto a = read_record(pipe.reader()), b = read_record(pipe.reader()), c = read_record(pipe.reader());
  REQUIRE((a && b && c));
  CHECK(a->payload == "first");
  CHECK(a->header.source_id == 0);
  CHECK(a->header.frame_number == 5);
  CHECK(a->header.pts == 40000000);
  CHECK(a->header.capture_ns == 1784535330123456789u);
  CHECK(a->header.emitted_ns > 1577836800000000000u);
  CHECK(b->header.source_id == 3);
  CHECK(c->header.kind == NJ_PAYLOAD_EVENT);
  CHECK(c->header.component_id == 2);
  CHECK(c->header.sequence == 3);
}

TEST_CASE("component-id keeps the payloads of one component") {
  Pipe pipe;
  Sink sink(pipe.writer(), "component-id=2");
  GstBuffer *buffer = gst_buffer_new();
  NjFrameMeta *frame = add_frame(nj_buffer_add_batch_meta(buffer, 1), 0, 0);
  add_payload(frame, "other", NJ_PAYLOAD_OBJECTS, 1);
  add_payload(frame, "mine", NJ_PAYLOAD_OBJECTS, 2);
  sink.push(buffer);
  CHECK(read_record(pipe.reader())->payload == "mine");
}

TEST_CASE("content=buffer hands over the bytes, with the frame's numbers when there are any") {
  Pipe pipe;
  Sink sink(pipe.writer(), "content=buffer source-id=8");
  GstBuffer *plain = bytes("jpeg");
  GST_BUFFER_PTS(plain) = 77;
  sink.push(plain);
  GstBuffer *known = bytes("more");
  add_frame(nj_buffer_add_batch_meta(known, 1), 4, 9);
  sink.push(known);
  const auto first = read_record(pipe.reader()), second = read_record(pipe.reader());
  REQUIRE((first && second));
  CHECK(first->payload == "jpeg");
  CHECK(first->header.kind == 3);
  CHECK(first->header.source_id == 8);
  CHECK(first->header.pts == 77);
  CHECK(first->header.frame_number == -1);
  CHECK(second->header.source_id == 4);
  CHECK(second->header.frame_number == 9);
}

TEST_CASE("a descriptor that is not open is refused with the property's name") {
  GstElement *pipeline = gst_parse_launch("fakesrc ! njpayloadsink fd=987", nullptr);
  CHECK(gst_element_set_state(pipeline, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
  GstMessage *message = wait_message(pipeline, GST_MESSAGE_ERROR);
  REQUIRE(message);
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  CHECK(std::string(error->message).find("Property fd") == 0);
  g_error_free(error);
  gst_message_unref(message);
  CHECK(wait_message(pipeline, GST_MESSAGE_ERROR, 0) == nullptr);  // GstBaseSink has nothing to add
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_CASE("end of stream waits for the reader to get everything") {
  Pipe pipe;
  const std::string launch =
      "fakesrc num-buffers=200 sizetype=fixed sizemax=2000 filltype=zero ! njpayloadsink content=buffer fd=" +
      std::to_string(pipe.writer());
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  int records = 0;
  while (records < 200 && read_record(pipe.reader())) records++;
  GstMessage *message = wait_message(pipeline, GST_MESSAGE_EOS);
  CHECK(message);
  if (message) gst_message_unref(message);
  CHECK(records == 200);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_CASE("a reader that sleeps delays end of stream by flush-timeout at most, and the loss is posted") {
  Pipe pipe;
  const std::string launch =
      "fakesrc num-buffers=50 sizetype=fixed sizemax=20000 ! njpayloadsink name=s content=buffer max-queue-records=4 "
      "flush-timeout=100 fd=" +
      std::to_string(pipe.writer());
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  const gint64 begin = g_get_monotonic_time();
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *eos = wait_message(pipeline, GST_MESSAGE_EOS);
  REQUIRE(eos);
  gst_message_unref(eos);
  CHECK(g_get_monotonic_time() - begin < 1500000);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
  guint64 dropped = 0;
  g_object_get(sink, "dropped", &dropped, nullptr);
  CHECK(dropped > 30);
  gst_object_unref(sink);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_CASE("drops are posted at most once a second") {
  Pipe pipe;
  Sink sink(pipe.writer(), "content=buffer max-queue-records=2");
  GstBus *bus = gst_bus_new();
  GstElement *element = gst_harness_find_element(sink.harness, "njpayloadsink");
  gst_element_set_bus(element, bus);
  const gint64 begin = g_get_monotonic_time();
  for (int i = 0; i < 100; i++) sink.push(bytes(std::string(20000, 'x')));
  const gint64 seconds = (g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
  int messages = 0;
  while (GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT)) {
    CHECK(gst_message_has_name(message, "njpayloadsink-dropped"));
    gst_message_unref(message);
    messages++;
  }
  CHECK(messages >= 1);
  CHECK(messages <= 1 + seconds);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(element);
  gst_object_unref(bus);
}

TEST_CASE("records of two sinks on one descriptor never mix") {
  Pipe pipe;
  const std::string fd = std::to_string(pipe.writer());
  const std::string launch =
      "fakesrc num-buffers=40 sizetype=fixed sizemax=30000 ! njpayloadsink content=buffer source-id=1 fd=" + fd +
      " fakesrc num-buffers=40 sizetype=fixed sizemax=30000 ! njpayloadsink content=buffer source-id=2 fd=" + fd;
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  int of_source[3] = {0, 0, 0};
  uint64_t last = 0;
  for (int i = 0; i < 80; i++) {
    const auto record = read_record(pipe.reader());
    REQUIRE(record);
    CHECK(record->header.sequence == ++last);
    of_source[record->header.source_id]++;
  }
  CHECK(of_source[1] == 40);
  CHECK(of_source[2] == 40);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_CASE("the descriptor may be set in READY, and counts from the next start") {
  Pipe pipe;
  GstElement *pipeline =
      gst_parse_launch("fakesrc num-buffers=1 sizetype=fixed sizemax=9 ! njpayloadsink name=s content=buffer", nullptr);
  CHECK(gst_element_set_state(pipeline, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
  g_object_set(sink, "fd", pipe.writer(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const auto record = read_record(pipe.reader());
  REQUIRE(record);
  CHECK(record->payload.size() == 9);
  gst_object_unref(sink);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_CASE("a pipeline that is stopped does not wait for the reader as the end of the stream does") {
  Pipe pipe;
  const std::string launch =
      "fakesrc num-buffers=3 sizetype=fixed sizemax=200000 ! njpayloadsink content=buffer flush-timeout=20000 fd=" +
      std::to_string(pipe.writer());
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  CHECK(wait_message(pipeline, GST_MESSAGE_EOS, 200 * GST_MSECOND) == nullptr);
  const gint64 begin = g_get_monotonic_time();
  gst_element_set_state(pipeline, GST_STATE_NULL);
  CHECK(g_get_monotonic_time() - begin < 2 * G_USEC_PER_SEC);
  gst_object_unref(pipeline);
}

TEST_CASE("a closed reader gives one warning and the stream goes on") {
  Pipe pipe;
  const std::string launch = "fakesrc num-buffers=300 sizetype=fixed sizemax=1000 ! njpayloadsink content=buffer fd=" +
                             std::to_string(pipe.writer());
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  pipe.close_reader();
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  int warnings = 0, ends = 0;
  const auto either = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  while (warnings == 0 || ends == 0) {
    GstMessage *message = wait_message(pipeline, either);
    REQUIRE(message);
    CHECK(GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR);
    (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING ? warnings : ends)++;
    gst_message_unref(message);
  }
  CHECK(wait_message(pipeline, GST_MESSAGE_WARNING, 0) == nullptr);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

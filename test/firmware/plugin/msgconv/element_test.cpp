// njmsgconv in a pipeline: properties, where payloads go, what happens with bad settings.
#define DOCTEST_CONFIG_IMPLEMENT
#include <dirent.h>
#include <doctest/doctest.h>
#include <gst/check/gstharness.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "metadata/nj_meta.h"

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  return doctest::Context(argc, argv).run();
}

namespace {

constexpr char kCaps[] = "video/x-raw,format=RGB,width=4,height=4,framerate=30/1";

GstBuffer *buffer_with_car(gint frame_number) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 4 * 4 * 3, nullptr);
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 1);
  NjFrameMeta *frame = nj_acquire_frame_meta(batch);
  frame->frame_num = frame_number;
  frame->ntp_timestamp = 1784535330123456789u;
  nj_batch_add_frame(batch, frame);
  NjObjectMeta *object = nj_acquire_object_meta(batch);
  object->object_id = 42;
  object->rect_params.width = object->rect_params.height = 2;
  strcpy(object->obj_label, "car");
  nj_frame_add_object(frame, object, nullptr);
  return buffer;
}

std::vector<std::string> payloads_of(GstBuffer *buffer, guint component_id = 0) {
  std::vector<std::string> texts;
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(buffer), 0);
  for (GList *u = frame->frame_user_meta_list; u; u = u->next) {
    const auto *user = static_cast<const NjUserMeta *>(u->data);
    if (user->meta_type != NJ_PAYLOAD_META) continue;
    const auto *payload = static_cast<const NjPayload *>(user->user_meta_data);
    CHECK(payload->component_id == component_id);
    texts.emplace_back(static_cast<const char *>(payload->payload), payload->payload_size);
  }
  return texts;
}

struct Harness {
  explicit Harness(const char *launch) : harness(gst_harness_new_parse(launch)) {
    gst_harness_set_src_caps_str(harness, kCaps);
  }
  ~Harness() { gst_harness_teardown(harness); }
  GstBuffer *through(GstBuffer *buffer) { return gst_harness_push_and_pull(harness, buffer); }
  GstHarness *harness;
};

// The error that keeps a pipeline from starting.
std::string start_error(const std::string &launch) {
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  REQUIRE(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PAUSED);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(bus, 2 * GST_SECOND, GST_MESSAGE_ERROR);
  std::string text;
  if (message) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    text = error->message;
    g_error_free(error);
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return text;
}

}  // namespace

TEST_CASE("payloads are attached to the frame, with the component id and without a final NUL") {
  Harness h("njmsgconv msg2p-newapi=true payload-type=1 frame-interval=1 comp-id=9");
  GstBuffer *out = h.through(buffer_with_car(3));
  const auto payloads = payloads_of(out, 9);
  REQUIRE(payloads.size() == 1);
  CHECK(payloads[0].front() == '{');
  CHECK(payloads[0].back() == '}');
  CHECK(payloads[0].find("\"42|0|0|2|2|car\"") != std::string::npos);
  gst_buffer_unref(out);
}

TEST_CASE("the properties default to nvmsgconv's values") {
  GstElement *element = gst_element_factory_make("njmsgconv", nullptr);
  REQUIRE(element);
  gboolean new_api = TRUE, multiple = TRUE, dummy = TRUE;
  guint interval = 0, component = 1;
  gint type = -1;
  g_object_get(element, "msg2p-newapi", &new_api, "multiple-payloads", &multiple, "dummy-payload", &dummy,
               "frame-interval", &interval, "comp-id", &component, "payload-type", &type, nullptr);
  CHECK_FALSE(new_api);
  CHECK_FALSE(multiple);
  CHECK_FALSE(dummy);
  CHECK(interval == 30);
  CHECK(component == 0);
  CHECK(type == 0);
  gst_object_unref(element);
}

TEST_CASE("payloads survive a copy of the buffer and die with it") {
  Harness h("njmsgconv msg2p-newapi=true payload-type=1 frame-interval=1");
  GstBuffer *out = h.through(buffer_with_car(0));
  GstBuffer *copy = gst_buffer_copy(out);
  const auto original = payloads_of(out);
  gst_buffer_unref(out);
  CHECK(payloads_of(copy) == original);
  gst_buffer_unref(copy);
}

TEST_CASE("a buffer that another branch holds keeps its metadata") {
  Harness h("njmsgconv msg2p-newapi=true payload-type=1 frame-interval=1");
  GstBuffer *shared = buffer_with_car(0);
  GstBuffer *out = h.through(gst_buffer_ref(shared));
  CHECK(payloads_of(shared).empty());
  CHECK(payloads_of(out).size() == 1);
  gst_buffer_unref(shared);
  gst_buffer_unref(out);
}

TEST_CASE("buffers without metadata pass") {
  Harness h("njmsgconv msg2p-newapi=true payload-type=1");
  GstBuffer *out = h.through(gst_buffer_new_allocate(nullptr, 48, nullptr));
  CHECK(nj_buffer_get_batch_meta(out) == nullptr);
  gst_buffer_unref(out);
}

TEST_CASE("any caps are accepted") {
  Harness h("njmsgconv msg2p-newapi=true payload-type=1 frame-interval=1");
  gst_harness_set_src_caps_str(h.harness, "video/x-raw(memory:NjBatch),width=4,height=4,batch-size=1,framerate=30/1");
  GstBuffer *out = h.through(buffer_with_car(0));
  CHECK(payloads_of(out).size() == 1);
  gst_buffer_unref(out);
}

TEST_CASE("the full schema without a config is refused with what to do") {
  const std::string error = start_error("fakesrc ! njmsgconv ! fakesink");
  CHECK(error.find("config") != std::string::npos);
  CHECK(error.find("PAYLOAD_DEEPSTREAM_MINIMAL") != std::string::npos);
}

TEST_CASE("a config that is not there, and a debug directory that is not there, are named") {
  CHECK(start_error("fakesrc ! njmsgconv config=/nowhere/site.txt ! fakesink").find("/nowhere/site.txt") !=
        std::string::npos);
  CHECK(start_error("fakesrc ! njmsgconv payload-type=1 debug-payload-dir=/nowhere ! fakesink")
            .find("debug-payload-dir") != std::string::npos);
}

TEST_CASE("debug-payload-dir gets a copy of each payload") {
  char directory[] = "/tmp/njmsgconv-debug-XXXXXX";
  REQUIRE(mkdtemp(directory));
  {
    Harness h(
        (std::string("njmsgconv msg2p-newapi=true payload-type=1 frame-interval=1 debug-payload-dir=") + directory)
            .c_str());
    gst_buffer_unref(h.through(buffer_with_car(0)));
  }
  int files = 0;
  DIR *dir = opendir(directory);
  for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = std::string(directory) + "/" + entry->d_name;
    std::string first;
    std::ifstream file(path);
    std::getline(file, first);
    CHECK(first == "{");
    remove(path.c_str());
    files++;
  }
  closedir(dir);
  rmdir(directory);
  CHECK(files == 1);
}

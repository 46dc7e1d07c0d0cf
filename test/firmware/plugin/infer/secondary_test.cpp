// njinfer looking closer at objects that another element found.
#include <cstring>

#include "stage_harness.h"

using namespace nj;
using namespace nj::test;

namespace {

// A frame with one object of class 1 found by element 15; `id` makes it a tracked one.
GstBuffer *frame_with_object(int number, Box box, uint64_t id = kUntrackedObject, int class_id = 1) {
  GstBuffer *buffer = batch_of({0}, number);
  std::string error;
  Object object;
  object.component_id = 15;
  object.class_id = class_id;
  object.object_id = id;
  object.box = object.detector_box = box;
  object.confidence = 0.9f;
  metadata_of(buffer, nullptr, &error)->add_object(0, object);
  return buffer;
}

Result red(const SeenPicture &) {
  Result result;
  link::ObjectRecord record = object_at(0, 0, 0, 0);
  const struct {
    uint32_t group, class_id;
    float confidence;
  } attribute{0, 2, 0.8f};
  record.aux_bytes = sizeof attribute;
  record.attributes = 1;
  result.aux.resize(sizeof attribute);
  std::memcpy(result.aux.data(), &attribute, sizeof attribute);
  result.objects = {record};
  return result;
}

struct SecondaryHarness : StageHarness {
  explicit SecondaryHarness(Host &host) : StageHarness(host, "njinfer", kBatchCaps) {
    gst_util_set_object_arg(G_OBJECT(element), "process-mode", "secondary");
    g_object_set(element, "unique-id", 2, "batch-size", 4, "classifier-type", "color", nullptr);
  }
};

}  // namespace

TEST_CASE("a secondary detector adds children in frame pixels") {
  Host host;
  host.look = [](const SeenPicture &) { return Result{{object_at(16, 16, 32, 32)}, {}, {}}; };
  SecondaryHarness h(host);
  h.play();
  // The crop is 32x32 at (64, 16): the network's 64 pixels are 32 of the frame.
  GstBuffer *out = h.through(frame_with_object(0, {64, 16, 32, 32}));
  const auto objects = objects_of(out);
  REQUIRE(objects.size() == 2);
  CHECK(objects[1].parent == 0);
  CHECK(objects[1].component_id == 2);
  CHECK(objects[1].box.left == 72);
  CHECK(objects[1].box.top == 24);
  CHECK(objects[1].box.width == 16);
  CHECK_FALSE(inferred(out));
  gst_buffer_unref(out);
}

TEST_CASE("a classifier's result becomes an attribute of the object") {
  Host host;
  host.look = red;
  host.labels = {"blue", "green", "red"};
  SecondaryHarness h(host);
  h.play();
  GstBuffer *out = h.through(frame_with_object(0, {64, 16, 32, 32}));
  const auto objects = objects_of(out);
  REQUIRE(objects.size() == 1);
  REQUIRE(objects[0].attributes.size() == 1);
  CHECK(objects[0].attributes[0].type == "color");
  CHECK(objects[0].attributes[0].label == "red");
  CHECK(objects[0].component_id == 15);
  gst_buffer_unref(out);
}

TEST_CASE("only objects of the chosen element, class and size are looked at") {
  Host host;
  SecondaryHarness h(host);
  g_object_set(h.element, "infer-on-gie-id", 15, "infer-on-class-ids", "1:2", "input-object-min-width", 20, nullptr);
  h.play();
  gst_buffer_unref(h.through(frame_with_object(0, {0, 0, 30, 30}, kUntrackedObject, 0)));
  gst_buffer_unref(h.through(frame_with_object(1, {0, 0, 10, 30}, kUntrackedObject, 1)));
  g_object_set(h.element, "infer-on-gie-id", 3, nullptr);
  gst_buffer_unref(h.through(frame_with_object(2, {0, 0, 30, 30}, kUntrackedObject, 1)));
  CHECK(host.batches.empty());
  g_object_set(h.element, "infer-on-gie-id", -1, nullptr);
  gst_buffer_unref(h.through(frame_with_object(3, {0, 0, 30, 30}, kUntrackedObject, 1)));
  CHECK(host.batches.size() == 1);
}

TEST_CASE("a tracked object is classified once and keeps its attribute") {
  Host host;
  host.look = red;
  host.labels = {"blue", "green", "red"};
  SecondaryHarness h(host);
  h.play();
  // In flight together: the later frames wait for the first result and do not ask again.
  for (int i = 0; i < 3; i++) h.push(frame_with_object(i, {64, 16, 32, 32}, 5));
  for (int i = 0; i < 3; i++) {
    GstBuffer *out = h.pull();
    CHECK(objects_of(out)[0].attributes.size() == 1);
    gst_buffer_unref(out);
  }
  CHECK(host.batches == std::vector<uint32_t>{1});
  gst_buffer_unref(h.through(frame_with_object(3, {64, 16, 34, 34}, 5)));
  CHECK(host.batches.size() == 1);
  gst_buffer_unref(h.through(frame_with_object(4, {64, 16, 36, 36}, 5)));
  CHECK(host.batches.size() == 2);  // grown by a quarter
}

TEST_CASE("a tracked object is classified again after the reinfer interval") {
  Host host;
  host.look = red;
  SecondaryHarness h(host);
  g_object_set(h.element, "secondary-reinfer-interval", 2, nullptr);
  h.play();
  for (int i = 0; i < 5; i++) gst_buffer_unref(h.through(frame_with_object(i, {64, 16, 32, 32}, 5)));
  CHECK(host.batches.size() == 3);
}

TEST_CASE("an object without an id is classified every time") {
  Host host;
  host.look = red;
  SecondaryHarness h(host);
  h.play();
  for (int i = 0; i < 3; i++) gst_buffer_unref(h.through(frame_with_object(i, {64, 16, 32, 32})));
  CHECK(host.batches.size() == 3);
}

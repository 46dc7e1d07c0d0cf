// njanalytics on a module of the test: objects in, objects, ids and events out.
#include <cmath>
#include <cstring>
#include <limits>

#include "../infer/main.h"
#include "../infer/stage_harness.h"
#include "plugin/analytics/object_records.h"
#include "plugin/infer/object_reader.h"

using namespace nj;
using namespace nj::test;

namespace {

Object found(Box box, int class_id = 2, const char *label = "bus") {
  Object object;
  object.component_id = 15;
  object.class_id = class_id;
  object.label = label;
  object.box = object.detector_box = box;
  object.confidence = 0.8f;
  return object;
}

GstBuffer *frame_with(const std::vector<Object> &objects, int number = 0, bool inferred = true) {
  GstBuffer *buffer = batch_of({0}, number);
  std::string error;
  const auto metadata = metadata_of(buffer, nullptr, &error);
  for (const Object &object : objects) metadata->add_object(0, object);
  if (inferred) metadata->set_inferred(0);
  return buffer;
}

link::ObjectRecord continues(const link::ObjectRecord &input, int index, uint64_t id) {
  link::ObjectRecord record = input;
  record.input = index;
  record.object_id = id;
  record.flags = link::kObjectTracked;
  return record;
}

// Gives id 100, 101, … to the objects in their order.
Result ids(const SeenPicture &picture) {
  Result result;
  for (size_t i = 0; i < picture.objects_in.size(); i++)
    result.objects.push_back(continues(picture.objects_in[i], i, 100 + i));
  return result;
}

// Of the events of the first frame, oldest first. Takes the buffer.
std::vector<std::string> event_labels(GstBuffer *buffer) {
  std::vector<std::string> labels;
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(buffer), 0);
  for (const GList *u = g_list_last(frame->frame_user_meta_list); u; u = u->prev) {
    const auto *user = static_cast<const NjUserMeta *>(u->data);
    if (user->meta_type == NJ_EVENT_META) labels.push_back(static_cast<const NjEvent *>(user->user_meta_data)->label);
  }
  gst_buffer_unref(buffer);
  return labels;
}

struct AnalyticsHarness : StageHarness {
  explicit AnalyticsHarness(Host &host) : StageHarness(host, "njanalytics", kBatchCaps) {}
};

}  // namespace

TEST_CASE("objects go in oldest first, in frame pixels, and get their ids") {
  Host host;
  host.look = ids;
  AnalyticsHarness h(host);
  h.play();
  GstBuffer *out = h.through(frame_with({found({10, 10, 20, 20}), found({50, 20, 30, 10}, 0, "car")}));
  const auto objects = objects_of(out);
  REQUIRE(objects.size() == 2);
  CHECK(objects[0].object_id == 100);
  CHECK(objects[0].label == "bus");
  CHECK(objects[0].track_state == TrackState::Active);
  CHECK(objects[1].object_id == 101);
  CHECK(objects[1].box.left == 50);
  CHECK(objects[1].component_id == 15);
  CHECK(objects[1].confidence == doctest::Approx(0.8));
  gst_buffer_unref(out);
}

TEST_CASE("the tracker's box is kept whole beside the clipped one") {
  Host host;
  host.look = [](const SeenPicture &picture) {
    link::ObjectRecord record = continues(picture.objects_in[0], 0, 7);
    record.left = -10;
    record.width = 40;
    record.age = 12;
    record.tracker_confidence = 0.5f;
    return Result{{record}, {}, {}};
  };
  AnalyticsHarness h(host);
  h.play();
  GstBuffer *out = h.through(frame_with({found({0, 10, 20, 20})}));
  const Object object = objects_of(out)[0];
  CHECK(object.tracker_box.left == -10);
  CHECK(object.tracker_box.width == 40);
  CHECK(object.box.left == 0);
  CHECK(object.box.width == 30);
  CHECK(object.detector_box.width == 20);
  CHECK(object.track_age == 12);
  CHECK(object.tracker_confidence == 0.5f);
  gst_buffer_unref(out);
}

TEST_CASE("an object of the tracker's own has the label of its class and the tracker's confidence") {
  Host host;
  host.look = [](const SeenPicture &picture) {
    if (!picture.objects_in.empty()) return ids(picture);
    link::ObjectRecord predicted = object_at(12, 10, 20, 20, 2);
    predicted.component_id = 15;
    predicted.object_id = 100;
    predicted.flags = link::kObjectTracked | link::kObjectPredicted;
    return Result{{predicted}, {}, {}};
  };
  AnalyticsHarness h(host);
  h.play();
  gst_buffer_unref(h.through(frame_with({found({10, 10, 20, 20})}, 0)));
  GstBuffer *out = h.through(frame_with({}, 1));
  const auto objects = objects_of(out);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0].object_id == 100);
  CHECK(objects[0].label == "bus");
  CHECK(objects[0].track_state == TrackState::Predicted);
  CHECK(objects[0].confidence == doctest::Approx(-0.1));
  gst_buffer_unref(out);
}

TEST_CASE("objects that are not continued stay, or go when asked") {
  Host host;
  host.look = [](const SeenPicture &picture) { return Result{{continues(picture.objects_in[1], 1, 5)}, {}, {}}; };
  AnalyticsHarness h(host);
  h.play();
  const std::vector<Object> two{found({10, 10, 20, 20}), found({50, 20, 30, 10})};
  GstBuffer *kept = h.through(frame_with(two, 0));
  REQUIRE(objects_of(kept).size() == 2);
  CHECK(objects_of(kept)[0].object_id == kUntrackedObject);
  gst_buffer_unref(kept);
  gst_util_set_object_arg(G_OBJECT(h.element), "untracked", "remove");
  GstBuffer *removed = h.through(frame_with(two, 1));
  REQUIRE(objects_of(removed).size() == 1);
  CHECK(objects_of(removed)[0].object_id == 5);
  gst_buffer_unref(removed);
}

TEST_CASE("a class that the module changes is written back with its label, and what the detector found stays") {
  Host host;
  host.look = [](const SeenPicture &picture) {
    Result result = ids(picture);
    if (picture.record.frame_number > 0) result.objects[0].class_id = 2;
    return result;
  };
  AnalyticsHarness h(host);
  h.play();
  gst_buffer_unref(h.through(frame_with({found({10, 10, 20, 20})}, 0)));
  Object truck = found({10, 10, 20, 20}, 1, "truck");
  truck.attributes = {{"color", "red", 1, 0.9f}};
  truck.mask = {0, 1, 1, 0};
  truck.mask_width = truck.mask_height = 2;
  GstBuffer *out = h.through(frame_with({truck}, 1));
  const Object object = objects_of(out)[0];
  CHECK(object.class_id == 2);
  CHECK(object.label == "bus");
  CHECK(object.attributes.size() == 1);
  CHECK(object.mask == truck.mask);
  CHECK(object.confidence == doctest::Approx(0.8));
  gst_buffer_unref(out);
}

TEST_CASE("user metadata of the module hangs on the frame and on its objects") {
  Host host;
  host.look = [](const SeenPicture &picture) {
    Result result = ids(picture);
    // Two keypoints' worth of bytes before the object's own, then the frame's.
    result.aux.assign(24, 0);
    for (const char c : std::string("mineframe")) result.aux.push_back(static_cast<uint8_t>(c));
    result.objects[0].aux = 0;
    result.objects[0].aux_bytes = 28;
    result.objects[0].keypoints = 2;
    result.objects[0].user_bytes = 4;
    result.user = 28;
    result.user_bytes = 5;
    return result;
  };
  AnalyticsHarness h(host);
  h.play();
  GstBuffer *out = h.through(frame_with({found({10, 10, 20, 20})}));
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(out), 0);
  const NjModuleMeta *of_frame = nj_find_module_meta(frame->frame_user_meta_list, nullptr);
  REQUIRE(of_frame);
  CHECK(std::string(reinterpret_cast<const char *>(of_frame->data)) == "frame");
  CHECK(of_frame->unique_id == 17);
  const auto *object = static_cast<const NjObjectMeta *>(frame->obj_meta_list->data);
  const NjModuleMeta *of_object = nj_find_module_meta(object->obj_user_meta_list, nullptr);
  REQUIRE(of_object);
  CHECK(std::string(reinterpret_cast<const char *>(of_object->data)) == "mine");
  gst_buffer_unref(out);
}

TEST_CASE("a second module sees and keeps what the tracker said of an object") {
  Host host;
  std::vector<uint32_t> flags;
  host.look = [&](const SeenPicture &picture) {
    Result result;
    for (size_t i = 0; i < picture.objects_in.size(); i++) {
      flags.push_back(picture.objects_in[i].flags);
      result.objects.push_back(picture.objects_in[i]);
      result.objects.back().input = static_cast<int32_t>(i);
    }
    return result;
  };
  AnalyticsHarness h(host);
  h.play();
  Object tracked = found({0, 10, 20, 20});
  tracked.object_id = 7;
  tracked.track_state = TrackState::Predicted;
  tracked.tracker_box = {-10, 10, 30, 20};
  GstBuffer *out = h.through(frame_with({tracked}));
  CHECK(flags == std::vector<uint32_t>{link::kObjectTracked | link::kObjectPredicted});
  const Object object = objects_of(out)[0];
  CHECK(object.track_state == TrackState::Predicted);
  CHECK(object.tracker_box.left == -10);
  gst_buffer_unref(out);
}

TEST_CASE("events are attached to their frame") {
  Host host;
  host.look = [](const SeenPicture &picture) {
    Result result = ids(picture);
    link::EventRecord event = {};
    std::strcpy(event.type, "line-crossing");
    std::strcpy(event.rule, "gate");
    std::memset(event.label, 'x', sizeof event.label);  // not terminated
    event.object = 0;
    event.object_id = 100;
    event.value = 3;
    result.events = {event};
    return result;
  };
  AnalyticsHarness h(host);
  h.play();
  GstBuffer *out = h.through(frame_with({found({10, 10, 20, 20})}));
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(out), 0);
  REQUIRE(frame->frame_user_meta_list);
  const auto *user = static_cast<const NjUserMeta *>(frame->frame_user_meta_list->data);
  REQUIRE(user->meta_type == NJ_EVENT_META);
  const auto *event = static_cast<const NjEvent *>(user->user_meta_data);
  CHECK(std::string(event->type) == "line-crossing");
  CHECK(std::string(event->rule) == "gate");
  CHECK(std::strlen(event->label) == 31);
  CHECK(event->value == 3);
  CHECK(event->confidence == doctest::Approx(0.8));
  gst_buffer_unref(out);
}

TEST_CASE("an event without a label gets the one of its object, or the last one of its class") {
  Host host;
  host.look = [](const SeenPicture &picture) {
    Result result = ids(picture);
    link::EventRecord event = {};
    std::strcpy(event.type, picture.objects_in.empty() ? "left" : "appeared");
    event.object = picture.objects_in.empty() ? -1 : 0;
    event.class_id = 2;
    event.object_id = 100;
    result.events = {event};
    event.object = -1;
    event.class_id = picture.objects_in.empty() ? 9 : -1;
    result.events.push_back(event);
    return result;
  };
  AnalyticsHarness h(host);
  h.play();
  CHECK(event_labels(h.through(frame_with({found({10, 10, 20, 20})}, 0))) == std::vector<std::string>{"bus", ""});
  CHECK(event_labels(h.through(frame_with({}, 1))) == std::vector<std::string>{"bus", "class_9"});
}

TEST_CASE("the module learns whether a frame was inferred and when a source restarts") {
  Host host;
  std::vector<uint32_t> flags;
  host.look = [&](const SeenPicture &picture) {
    flags.push_back(picture.record.flags);
    return Result{};
  };
  AnalyticsHarness h(host);
  h.play();
  gst_buffer_unref(h.through(frame_with({}, 5, true)));
  gst_buffer_unref(h.through(frame_with({}, 6, false)));
  gst_buffer_unref(h.through(frame_with({}, 0, true)));
  CHECK(flags == std::vector<uint32_t>{link::kFrameInferred | link::kFrameDiscontinuity, 0,
                                       link::kFrameInferred | link::kFrameDiscontinuity});
}

TEST_CASE("more objects than the module takes pass as they are") {
  Host host;
  host.look = ids;
  AnalyticsHarness h(host);
  gst_util_set_object_arg(G_OBJECT(h.element), "untracked", "remove");
  h.play();
  GstBuffer *out = h.through(frame_with(std::vector<Object>(11, found({10, 10, 20, 20}))));
  const auto objects = objects_of(out);
  REQUIRE(objects.size() == 11);
  CHECK(objects[7].object_id == 107);
  CHECK(objects[8].object_id == kUntrackedObject);
  gst_buffer_unref(out);
}

TEST_CASE("frames pass unchanged while the host is gone") {
  Host host;
  host.look = ids;
  AnalyticsHarness h(host);
  gst_util_set_object_arg(G_OBJECT(h.element), "untracked", "remove");
  h.play();
  host.set_gone(true);
  GstBuffer *out = h.through(frame_with({found({10, 10, 20, 20})}));
  REQUIRE(objects_of(out).size() == 1);
  CHECK(objects_of(out)[0].object_id == kUntrackedObject);
  gst_buffer_unref(out);
  CHECK(h.count("failed") == 1);
  CHECK(h.messages(GST_MESSAGE_WARNING).size() == 1);
}

TEST_CASE("parameters reach the module while playing, others are refused") {
  Host host;
  AnalyticsHarness h(host);
  h.play();
  g_object_set(h.element, "parameters", R"({"max-age": 30})", nullptr);
  g_object_set(h.element, "parameters", "max-age=30", nullptr);
  CHECK(host.parameters == std::vector<std::string>{R"({"max-age": 30})"});
  CHECK(h.messages(GST_MESSAGE_WARNING).size() == 1);
}

TEST_CASE("masks, keypoints and attributes of objects go in, masks only where the others leave room") {
  Object person = found({10, 10, 20, 20});
  person.mask = {0, 0.5f, 1, 0.25f, 0, 1};
  person.mask_width = 3;
  person.mask_height = 2;
  person.keypoints = {{11, 12, 0.9f}, {13, 14, 0.8f}};
  person.attributes = {{"color", "red", 4, 0.7f}, {"shape", "tall", 2, 0.6f}, {"color", "blue", 5, 0.2f}};
  const std::vector<Object> objects{person, found({50, 20, 30, 10}), person};
  constexpr uint32_t kMask = 24, kOthers = 24 + 36;
  std::vector<uint8_t> aux(2 * (kMask + kOthers));
  link::ObjectRecord records[3];
  uint32_t used = 0;

  SUBCASE("all of them") {
    REQUIRE(write_records(objects, records, 3, aux.data(), aux.size(), &used) == 3);
    CHECK(used == aux.size());
    CHECK(records[1].aux_bytes == 0);
    const RecordExtras extras = read_extras(records[2], aux.data(), used);
    CHECK(extras.mask == person.mask);
    REQUIRE(extras.keypoints.size() == 2);
    CHECK(extras.keypoints[1].y == 14);
    REQUIRE(extras.attributes.size() == 3);
    CHECK(extras.attributes[1].group == 1);
    CHECK(extras.attributes[2].group == 0);
    CHECK(extras.attributes[2].class_id == 5);
  }
  SUBCASE("one mask fewer") {
    write_records(objects, records, 3, aux.data(), 2 * kOthers + kMask, &used);
    CHECK(used == 2 * kOthers + kMask);
    CHECK(records[0].mask_width == 3);
    CHECK(records[2].mask_width == 0);
    CHECK(read_extras(records[2], aux.data(), used).keypoints.size() == 2);
  }
  SUBCASE("none without an arena") {
    write_records(objects, records, 3, nullptr, 0, &used);
    CHECK(used == 0);
    CHECK(records[0].keypoints == 0);
    CHECK(records[0].attributes == 0);
  }
}

TEST_CASE("an object whose numbers are none goes in as an empty box, and is left as it was") {
  Object broken = found({10, std::nanf(""), 20, 20});
  broken.confidence = std::numeric_limits<float>::infinity();
  link::ObjectRecord record;
  uint32_t used = 0;
  write_records({broken}, &record, 1, nullptr, 0, &used);
  CHECK(record.left == 10);
  CHECK(record.top == 0);
  CHECK(record.confidence == 0);
  CHECK(is_unchanged(broken, record));
}

// What every MetadataBatch does, whatever metadata lies below. Each implementation's test calls check_metadata_contract
// with a fixture that opens one and the same batch again and again.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "metadata/metadata_batch.h"

// A batch of two frames: source 0 (frame number 10, 1280x720) and source 3 (frame number 20, 640x480).
class MetadataFixture {
 public:
  virtual ~MetadataFixture() = default;
  virtual std::unique_ptr<nj::MetadataBatch> open() = 0;
};

namespace metadata_contract {

inline nj::Object car() {
  nj::Object object;
  object.component_id = 2;
  object.class_id = 4;
  object.box = {10, 20, 30, 40};
  object.detector_box = {-5, 20, 45, 40};
  object.angle_degrees = 30;
  object.confidence = 0.75f;
  object.label = "car";
  object.border = {0, 1, 0, 1};
  object.border_width = 5;
  object.mask = {0, 1, 2, 3, 4, 5};
  object.mask_width = 3;
  object.mask_height = 2;
  object.mask_threshold = 0.4f;
  object.keypoints = {{1, 2, 0.5f}, {3, 4, 0.6f}};
  object.attributes = {{"color", "red", 1, 0.9f}, {"make", "none", 7, 0.8f}};
  return object;
}

inline void check_box(const nj::Box &box, const nj::Box &expected) {
  CHECK(box.left == doctest::Approx(expected.left));
  CHECK(box.top == doctest::Approx(expected.top));
  CHECK(box.width == doctest::Approx(expected.width));
  CHECK(box.height == doctest::Approx(expected.height));
}

inline void frames_are_described(MetadataFixture &fixture) {
  const auto batch = fixture.open();
  REQUIRE(batch->frame_count() == 2);
  CHECK(batch->frame(0).source_id == 0);
  CHECK(batch->frame(0).frame_number == 10);
  CHECK(batch->frame(0).width == 1280);
  CHECK(batch->frame(1).source_id == 3);
  CHECK(batch->frame(1).batch_id == 1);
  CHECK(batch->frame(1).height == 480);
  CHECK_FALSE(batch->frame(1).inferred);
}

inline void objects_come_back_as_they_were_added(MetadataFixture &fixture) {
  fixture.open()->add_object(0, car());
  const std::vector<nj::Object> objects = fixture.open()->objects(0);
  REQUIRE(objects.size() == 1);
  const nj::Object &object = objects[0];
  CHECK(object.component_id == 2);
  CHECK(object.class_id == 4);
  CHECK(object.object_id == nj::kUntrackedObject);
  check_box(object.box, car().box);
  check_box(object.detector_box, car().detector_box);
  check_box(object.tracker_box, {});
  CHECK(object.angle_degrees == doctest::Approx(30));
  CHECK(object.confidence == doctest::Approx(0.75));
  CHECK(object.tracker_confidence == 0);
  CHECK(object.label == "car");
  CHECK(object.border.green == 1);
  CHECK(object.border_width == 5);
  CHECK(object.mask == car().mask);
  CHECK(object.mask_width == 3);
  CHECK(object.attributes.size() == 2);
  CHECK(object.attributes[0].type == "color");
  CHECK(object.attributes[1].label == "none");
  CHECK(object.parent == -1);
  CHECK(fixture.open()->objects(1).empty());
}

inline void objects_are_listed_oldest_first(MetadataFixture &fixture) {
  const auto batch = fixture.open();
  for (int class_id = 0; class_id < 5; ++class_id) {
    nj::Object object;
    object.class_id = class_id;
    object.parent = class_id == 4 ? 1 : -1;
    batch->add_object(1, object);
  }
  const std::vector<nj::Object> objects = batch->objects(1);
  REQUIRE(objects.size() == 5);
  for (int class_id = 0; class_id < 5; ++class_id) CHECK(objects[static_cast<size_t>(class_id)].class_id == class_id);
  CHECK(objects[4].parent == 1);
}

inline void a_tracker_may_change_objects(MetadataFixture &fixture) {
  const auto batch = fixture.open();
  batch->add_object(0, car());
  std::vector<void *> handles;
  nj::Object object = batch->objects(0, &handles)[0];
  object.object_id = 99;
  object.box = object.tracker_box = {11, 21, 31, 41};
  object.angle_degrees = 45;
  object.track_state = nj::TrackState::Active;
  object.tracker_confidence = 0.5f;
  object.class_id = 6;
  object.label = "van";
  object.attributes.push_back({"speed", "fast", 2, 1});
  batch->update_object(0, handles[0], object);
  const nj::Object changed = batch->objects(0)[0];
  CHECK(changed.object_id == 99);
  CHECK(changed.class_id == 6);
  CHECK(changed.label == "van");
  check_box(changed.box, {11, 21, 31, 41});
  check_box(changed.detector_box, car().detector_box);
  CHECK(changed.angle_degrees == doctest::Approx(45));
  CHECK(changed.attributes.size() == 3);
  CHECK(changed.mask == car().mask);
}

inline void objects_can_be_removed(MetadataFixture &fixture) {
  const auto batch = fixture.open();
  batch->add_object(0, car());
  nj::Object child;
  child.parent = 0;
  batch->add_object(0, child);
  std::vector<void *> handles;
  batch->objects(0, &handles);
  batch->remove_object(0, handles[0]);
  REQUIRE(batch->objects(0).size() == 1);
  CHECK(batch->objects(0)[0].parent == -1);
}

inline void inference_is_marked(MetadataFixture &fixture) {
  fixture.open()->set_inferred(1);
  CHECK(fixture.open()->frame(1).inferred);
  CHECK_FALSE(fixture.open()->frame(0).inferred);
}

inline void a_long_label_is_cut_at_a_character(MetadataFixture &fixture) {
  nj::Object object;
  object.label = std::string(126, 'a') + "\xC3\xA9";  // é would end behind the limit
  fixture.open()->add_object(0, object);
  CHECK(fixture.open()->objects(0)[0].label == std::string(126, 'a'));
}

}  // namespace metadata_contract

// `make` gives a fresh fixture.
template <class Make>
void check_metadata_contract(Make make) {
  using namespace metadata_contract;
  const auto run = [&](void (*check)(MetadataFixture &)) { check(*make()); };
  SUBCASE("frames are described") { run(frames_are_described); }
  SUBCASE("objects come back as they were added") { run(objects_come_back_as_they_were_added); }
  SUBCASE("objects are listed oldest first") { run(objects_are_listed_oldest_first); }
  SUBCASE("a tracker may change objects") { run(a_tracker_may_change_objects); }
  SUBCASE("objects can be removed") { run(objects_can_be_removed); }
  SUBCASE("inference is marked") { run(inference_is_marked); }
  SUBCASE("a long label is cut at a character") { run(a_long_label_is_cut_at_a_character); }
}

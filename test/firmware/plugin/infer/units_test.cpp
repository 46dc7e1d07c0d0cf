// The parts of njinfer that need no element.
#include <doctest/doctest.h>

#include <random>

#include "plugin/infer/object_reader.h"
#include "plugin/infer/selection.h"
#include "plugin/infer/settings.h"
#include "preprocess/preprocessor.h"
#include "test_engine.h"

using namespace nj;
using namespace nj::test;

TEST_CASE("class lists are read with any of the usual separators") {
  CHECK(*parse_class_list("0;2;3") == std::set<int>{0, 2, 3});
  CHECK(*parse_class_list("0:2:3") == std::set<int>{0, 2, 3});
  CHECK(parse_class_list("")->empty());
  for (const char *wrong : {"a", "1;x", "-1", "70000", "1.5"}) CHECK_FALSE(parse_class_list(wrong));
}

TEST_CASE("class thresholds are read and written back") {
  const auto thresholds = parse_class_thresholds("0:0.5; 3:0.6;");
  REQUIRE(thresholds);
  CHECK(format_class_thresholds(*thresholds) == "0:0.5;3:0.6");
  for (const char *wrong : {"0", "0:", "0:2", "x:0.5", "0:-1", "0:nan"}) CHECK_FALSE(parse_class_thresholds(wrong));
}

TEST_CASE("a clipped box shrinks and is never shifted") {
  const Box inside = clipped({-10, -5, 30, 20}, 100, 50);
  CHECK(inside.left == 0);
  CHECK(inside.top == 0);
  CHECK(inside.width == 20);
  CHECK(inside.height == 15);
  const Box corner = clipped({90, 40, 30, 30}, 100, 50);
  CHECK(corner.width == 10);
  CHECK(corner.height == 10);
  CHECK(clipped({100, 0, 5, 5}, 100, 50).width == 0);
  CHECK(clipped({-20, 0, 10, 5}, 100, 50).width == 0);
}

TEST_CASE("every clipped box is the intersection with the frame") {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> place(-150, 250), size(0.5f, 200);
  for (int i = 0; i < 2000; i++) {
    const Box box{place(random), place(random), size(random), size(random)};
    const Box part = clipped(box, 120, 90);
    if (part.width == 0) {
      CHECK((box.left >= 120 || box.top >= 90 || box.left + box.width <= 0 || box.top + box.height <= 0));
      continue;
    }
    CHECK(part.left == std::max(box.left, 0.f));
    CHECK(part.left + part.width == doctest::Approx(std::min(box.left + box.width, 120.f)));
    CHECK(part.top + part.height == doctest::Approx(std::min(box.top + box.height, 90.f)));
  }
}

TEST_CASE("boxes come back from the network to where they were in the frame") {
  std::mt19937 random(5);
  for (int i = 0; i < 500; i++) {
    const uint32_t width = 1 + random() % 4000, height = 1 + random() % 3000;
    TensorSpec spec;
    spec.width = 32 * (1 + random() % 40);
    spec.height = 32 * (1 + random() % 40);
    spec.letterbox = static_cast<Letterbox>(random() % 3);
    const Geometry g = letterbox(width, height, spec);
    const Box box{random() % width * 0.9f, random() % height * 0.9f, 1 + random() % width * 0.5f,
                  1 + random() % height * 0.5f};
    const Box network{box.left * g.scale_x + g.offset_x, box.top * g.scale_y + g.offset_y, box.width * g.scale_x,
                      box.height * g.scale_y};
    const Box back = to_frame(network, g);
    // Better than a thousandth of a network pixel, at any scale.
    CHECK(std::abs(back.left - box.left) * g.scale_x < 1e-3);
    CHECK(std::abs(back.top - box.top) * g.scale_y < 1e-3);
    CHECK(std::abs(back.width - box.width) * g.scale_x < 1e-3);
    CHECK(std::abs(back.height - box.height) * g.scale_y < 1e-3);
  }
}

namespace {

struct Reading {
  InferSettings settings;
  EngineInfo info;
  ReadContext context() {
    info.labels = {"car", "truck"};
    return {settings, info, 1, Geometry{0.5f, 0.5f, 0, 16, 64, 32}, 128, 64};
  }
  std::optional<Object> read(const link::ObjectRecord &record, const RecordExtras &extras = {}) {
    return read_object(record, extras, context());
  }
};

}  // namespace

TEST_CASE("a box on the padding only is no object of the frame") {
  Reading reading;
  CHECK_FALSE(reading.read(object_at(10, 2, 20, 12)));
  const auto half = reading.read(object_at(10, 6, 20, 20));
  REQUIRE(half);
  CHECK(half->box.top == 0);
  CHECK(half->box.height == 20);
  CHECK(half->detector_box.top == -20);
  CHECK(half->detector_box.height == 40);
}

TEST_CASE("impossible records are left out") {
  Reading reading;
  CHECK_FALSE(reading.read(object_at(NAN, 26, 5, 5)));
  CHECK_FALSE(reading.read(object_at(10, 26, INFINITY, 5)));
  CHECK_FALSE(reading.read(object_at(10, 26, -5, 5)));
  CHECK_FALSE(reading.read(object_at(10, 26, 5, 5, -1)));
  CHECK_FALSE(reading.read(object_at(10, 26, 5, 5, 65536)));
}

TEST_CASE("a class without a label is named by its number") {
  Reading reading;
  CHECK(reading.read(object_at(10, 26, 5, 5, 7))->label == "class_7");
}

TEST_CASE("a rotated box keeps its size at the edge and has its angle in degrees") {
  Reading reading;
  link::ObjectRecord record = object_at(-5, 26, 20, 10);
  record.angle = 0.5f;
  const auto object = reading.read(record);
  REQUIRE(object);
  CHECK(object->angle_degrees == doctest::Approx(28.6479).epsilon(1e-4));
  CHECK(object->box.left == -10);
  CHECK(object->box.width == 40);
}

TEST_CASE("a mask is cut where its box is cut") {
  Reading reading;
  link::ObjectRecord record = object_at(-10, 26, 20, 10);
  record.mask_width = 4;
  record.mask_height = 2;
  RecordExtras extras;
  extras.mask = {0, 1, 2, 3, 4, 5, 6, 7};
  const auto object = reading.read(record, extras);
  REQUIRE(object);
  CHECK(object->mask_width == 2);
  CHECK(object->mask == std::vector<float>{2, 3, 6, 7});
}

TEST_CASE("extras outside the arena are not followed") {
  std::vector<uint8_t> arena(64);
  link::ObjectRecord record = object_at(0, 0, 1, 1);
  record.keypoints = 2;
  record.aux_bytes = 24;
  CHECK(read_extras(record, arena.data(), arena.size()).keypoints.size() == 2);
  record.aux = 48;
  CHECK(read_extras(record, arena.data(), arena.size()).keypoints.empty());
  record.aux = 0;
  record.keypoints = 5;
  CHECK(read_extras(record, arena.data(), arena.size()).keypoints.empty());
  record.aux = 0xFFFFFFFC;
  record.aux_bytes = 0xFFFFFFFC;
  CHECK(read_extras(record, arena.data(), arena.size()).keypoints.empty());
}

TEST_CASE("an object that failed is tried again") {
  ObjectCache cache;
  Object object;
  object.object_id = 4;
  object.box = {0, 0, 10, 10};
  CHECK(cache.decide(0, object, 0, INT_MAX) == ObjectCache::Decision::Infer);
  CHECK(cache.decide(0, object, 1, INT_MAX) == ObjectCache::Decision::Reuse);
  cache.store(0, 4, {});
  CHECK(cache.decide(0, object, 2, INT_MAX) == ObjectCache::Decision::Infer);
  cache.store(0, 4, {{"color", "red", 2, 0.5f}});
  CHECK(cache.decide(0, object, 3, INT_MAX) == ObjectCache::Decision::Reuse);
  CHECK(cache.decide(1, object, 3, INT_MAX) == ObjectCache::Decision::Infer);  // the same id of another camera
}

// The letterbox, with the rounding of the training frameworks.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "preprocess/geometry.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace nj;

namespace {

TensorSpec network(uint32_t width, uint32_t height, Letterbox mode = Letterbox::Centre) {
  TensorSpec spec;
  spec.width = width;
  spec.height = height;
  spec.letterbox = mode;
  return spec;
}

}  // namespace

// Numbers that Ultralytics' LetterBox gives: (frame) -> inner size, left, top.
TEST_CASE("the letterbox is that of the training framework") {
  struct Row {
    uint32_t width, height, net_width, net_height, inner_width, inner_height, left, top;
  };
  const Row rows[] = {
      {1920, 1080, 640, 640, 640, 360, 0, 140}, {1280, 720, 640, 640, 640, 360, 0, 140},
      {1080, 1920, 640, 640, 360, 640, 140, 0}, {640, 480, 640, 640, 640, 480, 0, 80},
      {641, 481, 640, 640, 640, 480, 0, 80},    {1919, 1079, 640, 640, 640, 360, 0, 140},
      {500, 375, 640, 640, 640, 480, 0, 80},    {333, 500, 640, 640, 426, 640, 107, 0},
      {810, 1080, 640, 640, 480, 640, 80, 0},   {1000, 667, 640, 640, 640, 427, 0, 106},
      {320, 240, 640, 640, 640, 480, 0, 80},    {100, 3, 640, 640, 640, 19, 0, 310},
      {1280, 719, 640, 384, 640, 360, 0, 12},   {8, 8, 640, 384, 384, 384, 128, 0},
  };
  for (const Row &row : rows) {
    CAPTURE(row.width);
    CAPTURE(row.height);
    const Geometry g = letterbox(row.width, row.height, network(row.net_width, row.net_height));
    CHECK(g.inner_width == row.inner_width);
    CHECK(g.inner_height == row.inner_height);
    CHECK(g.offset_x == row.left);
    CHECK(g.offset_y == row.top);
  }
}

TEST_CASE("an odd remainder of the padding goes right and down") {
  const Geometry g = letterbox(640, 427, network(640, 640));
  CHECK(g.offset_y == 106);  // 213 rows: 106 above, 107 below
}

TEST_CASE("bottom-right padding begins at the corner") {
  const Geometry g = letterbox(1920, 1080, network(640, 640, Letterbox::BottomRight));
  CHECK(g.offset_x == 0);
  CHECK(g.offset_y == 0);
  CHECK(g.inner_height == 360);
}

TEST_CASE("stretching fills the network") {
  const Geometry g = letterbox(1920, 1080, network(640, 640, Letterbox::Stretch));
  CHECK(g.inner_width == 640);
  CHECK(g.inner_height == 640);
  CHECK(g.scale_x == doctest::Approx(1 / 3.0));
  CHECK(g.scale_y == doctest::Approx(640 / 1080.0));
}

TEST_CASE("the corners of any frame land on the corners of its picture, inside the network") {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; i++) {
    const uint32_t width = 1 + random() % 5000, height = 1 + random() % 5000;
    const TensorSpec spec = network(1 + random() % 1300, 1 + random() % 1300, static_cast<Letterbox>(random() % 3));
    CAPTURE(width);
    CAPTURE(height);
    const Geometry g = letterbox(width, height, spec);
    CHECK(g.inner_width >= 1);
    CHECK(g.inner_height >= 1);
    CHECK(width * g.scale_x == doctest::Approx(g.inner_width).epsilon(1e-5));
    CHECK(height * g.scale_y == doctest::Approx(g.inner_height).epsilon(1e-5));
    CHECK(g.offset_x >= 0);
    CHECK(g.offset_x + g.inner_width <= spec.width);
    CHECK(g.offset_y >= 0);
    CHECK(g.offset_y + g.inner_height <= spec.height);
    // One side fits exactly, or within rounding.
    if (spec.letterbox != Letterbox::Stretch) CHECK((g.inner_width == spec.width || g.inner_height == spec.height));
  }
}

TEST_CASE("a region maps frame coordinates, not its own") {
  const TensorSpec spec = network(64, 64, Letterbox::Stretch);
  const Geometry g = place({100, 50, 32, 16}, spec).geometry;
  CHECK(100 * g.scale_x + g.offset_x == doctest::Approx(0));
  CHECK(132 * g.scale_x + g.offset_x == doctest::Approx(64));
  CHECK(66 * g.scale_y + g.offset_y == doctest::Approx(64));
}

TEST_CASE("a region is cut to the frame and keeps a pixel at least") {
  const Region cut = region_within({-10, -10, 30, 30}, 100, 80);
  CHECK(cut.left == 0);
  CHECK(cut.width == 20);
  const Region outside = region_within({500, 500, 10, 10}, 100, 80);
  CHECK(outside.left == 99);
  CHECK(outside.width == 1);
  CHECK(outside.height == 1);
}

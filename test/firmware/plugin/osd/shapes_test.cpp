#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "plugin/osd/shapes.h"

#include <doctest/doctest.h>

using namespace nj::osd;

namespace {

uint8_t at(const Shape &shape, int x, int y) {
  uint8_t value;
  shape.cover(y, x, 1, &value);
  return value;
}

// Whether a shape says the truth about where it is: nothing outside of rows() and columns().
bool stays_within_its_spans(const Shape &shape) {
  for (int y = -20; y < 120; ++y)
    for (int x = -20; x < 120; ++x) {
      const Span rows = shape.rows(), columns = shape.columns(y, 1);
      const bool within = y >= rows.left && y < rows.right && x >= columns.left && x < columns.right;
      if (at(shape, x, y) && !within) return false;
    }
  return true;
}

}  // namespace

TEST_CASE("no shape covers pixels outside of its spans") {
  Strokes strokes;
  strokes.add({10, 10}, {90, 40}, 5);
  strokes.add({50, 90}, {50, 90}, 9);
  strokes.add({80, 0}, {80, 100}, 1);
  const TurnedBox box{20, 30, 50, 20, 40};
  const float value = 1;
  CHECK(stays_within_its_spans(strokes));
  CHECK(stays_within_its_spans(GridMask(box, &value, 1, 1, 0.5f)));
  CHECK(stays_within_its_spans(RoundedRect({10.5f, 20, 60, 40, 6})));
  CHECK(stays_within_its_spans(Rect({10, 10, 50, 40, 3})));
  CHECK(stays_within_its_spans(Rect({-5, -5, 50, 40, 0})));
}

TEST_CASE("a line is as thick as it says, with soft edges") {
  Strokes line;
  line.add({0, 50}, {100, 50}, 4);
  CHECK(at(line, 50, 50) == 255);
  CHECK(at(line, 50, 48) == 255);
  CHECK(at(line, 50, 47) == 0);
  Strokes slanted;
  slanted.add({0, 0}, {100, 37}, 3);
  int soft = 0;
  for (int y = 0; y < 40; ++y) soft += at(slanted, 50, y) > 0 && at(slanted, 50, y) < 255;
  CHECK(soft >= 2);
}

TEST_CASE("opacity runs along a line") {
  Strokes line;
  line.add({0, 50}, {100, 50}, 4, 0, 1);
  CHECK(at(line, 10, 50) < at(line, 50, 50));
  CHECK(at(line, 50, 50) < at(line, 90, 50));
}

TEST_CASE("turning a box moves its corners clockwise on screen") {
  const TurnedBox box{0, 0, 40, 20, 90};
  const std::vector<Point> corners = box.corners();
  CHECK(corners[0].x == doctest::Approx(30));  // left top is now right top
  CHECK(corners[0].y == doctest::Approx(-10));
  CHECK(corners[1].x == doctest::Approx(30));
  CHECK(corners[1].y == doctest::Approx(30));
}

TEST_CASE("a mask covers where its grid is above the threshold") {
  const float halves[] = {0, 1};
  const GridMask mask({10, 10, 80, 40, 0}, halves, 2, 1, 0.5f);
  CHECK(at(mask, 15, 30) == 0);
  CHECK(at(mask, 85, 30) == 255);
  CHECK(at(mask, 95, 30) == 0);
}

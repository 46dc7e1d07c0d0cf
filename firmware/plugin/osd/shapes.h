// Shapes as coverage: how much of each pixel of a row lies inside, 0..255. The canvas blends them in any pixel format.
//
// Coordinates are pixels of the frame, y down; the centre of the first pixel is (0.5, 0.5).
#pragma once

#include <cstdint>
#include <vector>

namespace nj::osd {

struct Point {
  float x = 0, y = 0;
};

struct Span {  // right is exclusive; empty when right <= left
  int left = 0, right = 0;
};

class Shape {
 public:
  virtual ~Shape() = default;
  virtual Span rows() const = 0;                    // as a span of y
  virtual Span columns(int y, int rows) const = 0;  // of the rows y .. y + rows - 1
  // Writes `count` values for the pixels x .. x + count - 1 of row y.
  virtual void cover(int y, int x, int count, uint8_t *coverage) const = 0;
};

// Whole pixels, no soft edges.
class FilledRect : public Shape {
 public:
  FilledRect(int left, int top, int right, int bottom) : left_(left), top_(top), right_(right), bottom_(bottom) {}
  Span rows() const override { return {top_, bottom_}; }
  Span columns(int, int) const override { return {left_, right_}; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;

 private:
  int left_, top_, right_, bottom_;
};

// The border of an axis-aligned rectangle, `thickness` pixels wide, inside it.
class RectBorder : public Shape {
 public:
  RectBorder(int left, int top, int right, int bottom, int thickness)
      : left_(left), top_(top), right_(right), bottom_(bottom), thickness_(thickness) {}
  Span rows() const override { return {top_, bottom_}; }
  Span columns(int, int) const override { return {left_, right_}; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;

 private:
  int left_, top_, right_, bottom_, thickness_;
};

class RoundedRect : public Shape {
 public:
  RoundedRect(float left, float top, float right, float bottom, float radius)
      : left_(left), top_(top), right_(right), bottom_(bottom), radius_(radius) {}
  Span rows() const override;
  Span columns(int, int) const override;
  void cover(int y, int x, int count, uint8_t *coverage) const override;

 private:
  float left_, top_, right_, bottom_, radius_;
};

// Lines with round ends, drawn as one: where they cross, the pixel is not blended twice. A line of no length is a disc.
class Strokes : public Shape {
 public:
  // opacity 0..1 at both ends
  void add(Point from, Point to, float thickness, float opacity_from = 1, float opacity_to = 1);
  void add_closed(const std::vector<Point> &corners, float thickness);
  bool empty() const { return lines_.empty(); }

  Span rows() const override { return rows_; }
  Span columns(int y, int rows) const override;
  void cover(int y, int x, int count, uint8_t *coverage) const override;

 private:
  struct Line {
    Point from, along;  // along: to - from
    float length_squared, radius;
    float opacity_from, opacity_to;
  };
  static Span columns_of(const Line &line, float top, float bottom);
  static float coverage_at(const Line &line, float x, float y);

  std::vector<Line> lines_;
  Span rows_{0, 0};
};

// A box that may be turned; degrees, clockwise on screen, about the centre.
struct TurnedBox {
  float left = 0, top = 0, width = 0, height = 0;
  float angle_degrees = 0;

  bool is_turned() const { return angle_degrees > 0.001f || angle_degrees < -0.001f; }
  Point centre() const { return {left + width / 2, top + height / 2}; }
  // left top, right top, right bottom, left bottom of the un-turned box; `inset` pixels inside it.
  std::vector<Point> corners(float inset = 0) const;
};

// A grid of values stretched over a box; inside is where the interpolated value is above the threshold.
class GridMask : public Shape {
 public:
  // `values`: `height` rows of `width`; borrowed.
  GridMask(const TurnedBox &box, const float *values, unsigned width, unsigned height, float threshold);
  Span rows() const override { return rows_; }
  Span columns(int, int) const override { return columns_; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;

 private:
  float value_at(float column, float row) const;

  TurnedBox box_;
  const float *values_;
  int width_, height_;
  float threshold_, sine_, cosine_;
  Span rows_, columns_;
};

// Ready-made coverage at a place.
class Stencil : public Shape {
 public:
  // `coverage`: `height` rows of `width`; borrowed.
  Stencil(const uint8_t *coverage, int width, int height, int left, int top)
      : coverage_(coverage), width_(width), height_(height), left_(left), top_(top) {}
  Span rows() const override { return {top_, top_ + height_}; }
  Span columns(int, int) const override { return {left_, left_ + width_}; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;

 private:
  const uint8_t *coverage_;
  int width_, height_, left_, top_;
};

}  // namespace nj::osd

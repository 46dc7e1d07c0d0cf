// Shapes as coverage: how much of each pixel of a row lies inside, 0..255. The canvas blends them in any pixel format.
// Coordinates as in coverage.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coverage.h"

namespace nj::osd {

struct Span {  // right is exclusive; empty when right <= left
  int left = 0, right = 0;
};

// A shape as plain data.
struct ShapeData {
  ShapeKind kind;
  ShapeGeometry geometry{};
  const void *items = nullptr;  // borrowed from the shape
  uint32_t count = 0;           // of items
  size_t bytes = 0;             // of all items
};

class Shape {
 public:
  virtual ~Shape() = default;
  virtual Span rows() const = 0;                    // as a span of y
  virtual Span columns(int y, int rows) const = 0;  // of the rows y .. y + rows - 1
  // Writes `count` values for the pixels x .. x + count - 1 of row y.
  virtual void cover(int y, int x, int count, uint8_t *coverage) const = 0;
  virtual ShapeData data() const = 0;
};

class Rect : public Shape {
 public:
  explicit Rect(const RectGeometry &rect) : rect_(rect) {}
  Span rows() const override { return {rect_.top, rect_.bottom}; }
  Span columns(int, int) const override { return {rect_.left, rect_.right}; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;
  ShapeData data() const override;

 private:
  RectGeometry rect_;
};

class RoundedRect : public Shape {
 public:
  explicit RoundedRect(const RoundedGeometry &rect) : rect_(rect) {}
  Span rows() const override;
  Span columns(int, int) const override;
  void cover(int y, int x, int count, uint8_t *coverage) const override;
  ShapeData data() const override;

 private:
  RoundedGeometry rect_;
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
  ShapeData data() const override;

 private:
  static Span columns_of(const LineGeometry &line, float top, float bottom);

  std::vector<LineGeometry> lines_;
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

class GridMask : public Shape {
 public:
  // `values`: `height` rows of `width`; borrowed.
  GridMask(const TurnedBox &box, const float *values, unsigned width, unsigned height, float threshold);
  Span rows() const override { return rows_; }
  Span columns(int, int) const override { return columns_; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;
  ShapeData data() const override;

 private:
  GridGeometry grid_;
  const float *values_;
  Span rows_, columns_;
};

class Stencil : public Shape {
 public:
  // `coverage` is borrowed.
  Stencil(const uint8_t *coverage, const StencilGeometry &stencil) : stencil_(stencil), coverage_(coverage) {}
  Span rows() const override { return {stencil_.top, stencil_.top + stencil_.height}; }
  Span columns(int, int) const override { return {stencil_.left, stencil_.left + stencil_.width}; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;
  ShapeData data() const override;

 private:
  StencilGeometry stencil_;
  const uint8_t *coverage_;
};

}  // namespace nj::osd

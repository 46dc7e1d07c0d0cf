#include "shapes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nj::osd {
namespace {

constexpr float kPi = 3.14159265358979f;

Span united(Span a, Span b) {
  if (a.right <= a.left) return b;
  if (b.right <= b.left) return a;
  return {std::min(a.left, b.left), std::max(a.right, b.right)};
}

// The whole pixels that touch low..high. Coordinates far outside any frame are cut, so that they fit an int.
Span touching(float low, float high) {
  constexpr float kFar = 1e6f;
  return {static_cast<int>(std::floor(std::clamp(low, -kFar, kFar))),
          static_cast<int>(std::ceil(std::clamp(high, -kFar, kFar)))};
}

}  // namespace

void Rect::cover(int y, int x, int count, uint8_t *coverage) const {
  for (int i = 0; i < count; ++i) coverage[i] = osd::cover(rect_, x + i, y);
}

ShapeData Rect::data() const {
  ShapeData data{ShapeKind::Rect};
  data.geometry.rect = rect_;
  return data;
}

Span RoundedRect::rows() const { return touching(rect_.top, rect_.bottom); }
Span RoundedRect::columns(int, int) const { return touching(rect_.left, rect_.right); }

void RoundedRect::cover(int y, int x, int count, uint8_t *coverage) const {
  for (int i = 0; i < count; ++i) coverage[i] = osd::cover(rect_, x + i, y);
}

ShapeData RoundedRect::data() const {
  ShapeData data{ShapeKind::Rounded};
  data.geometry.rounded = rect_;
  return data;
}

// ---- Strokes

void Strokes::add(Point from, Point to, float thickness, float opacity_from, float opacity_to) {
  if (!std::isfinite(from.x + from.y + to.x + to.y)) return;
  const Point along{to.x - from.x, to.y - from.y};
  const float radius = std::max(thickness / 2, 0.5f);
  lines_.push_back({from, along, along.x * along.x + along.y * along.y, radius, opacity_from, opacity_to});
  rows_ = united(rows_, touching(std::min(from.y, to.y) - radius - 0.5f, std::max(from.y, to.y) + radius + 0.5f));
}

void Strokes::add_closed(const std::vector<Point> &corners, float thickness) {
  for (size_t i = 0; i < corners.size(); ++i) add(corners[i], corners[(i + 1) % corners.size()], thickness);
}

// The columns of the part of a line between two heights.
Span Strokes::columns_of(const LineGeometry &line, float top, float bottom) {
  const float reach = line.radius + 0.5f;
  float begin = 0, end = 1;
  if (std::abs(line.along.y) > 1e-6f) {
    const float a = (top - reach - line.from.y) / line.along.y, b = (bottom + reach - line.from.y) / line.along.y;
    begin = clamp01(std::min(a, b));
    end = clamp01(std::max(a, b));
  }
  const float y0 = line.from.y + begin * line.along.y, y1 = line.from.y + end * line.along.y;
  if (std::max(y0, y1) < top - reach || std::min(y0, y1) > bottom + reach) return {0, 0};
  const float x0 = line.from.x + begin * line.along.x, x1 = line.from.x + end * line.along.x;
  return touching(std::min(x0, x1) - reach, std::max(x0, x1) + reach);
}

Span Strokes::columns(int y, int rows) const {
  Span all{0, 0};
  for (const LineGeometry &line : lines_) all = united(all, columns_of(line, y, y + rows));
  return all;
}

void Strokes::cover(int y, int x, int count, uint8_t *coverage) const {
  std::memset(coverage, 0, static_cast<size_t>(count));
  for (const LineGeometry &line : lines_) {
    const Span span = columns_of(line, y, y + 1);
    for (int column = std::max(span.left, x); column < std::min(span.right, x + count); ++column) {
      coverage[column - x] = std::max(coverage[column - x], osd::cover(line, column, y));
    }
  }
}

ShapeData Strokes::data() const {
  ShapeData data{ShapeKind::Strokes};
  data.items = lines_.data();
  data.count = static_cast<uint32_t>(lines_.size());
  data.bytes = lines_.size() * sizeof(LineGeometry);
  return data;
}

std::vector<Point> TurnedBox::corners(float inset) const {
  const float angle = angle_degrees * kPi / 180, sine = std::sin(angle), cosine = std::cos(angle);
  const float half_width = std::max(width / 2 - inset, 0.f), half_height = std::max(height / 2 - inset, 0.f);
  const Point middle = centre();
  std::vector<Point> corners;
  for (const Point &sign : {Point{-1, -1}, Point{1, -1}, Point{1, 1}, Point{-1, 1}}) {
    const float x = sign.x * half_width, y = sign.y * half_height;
    corners.push_back({middle.x + x * cosine - y * sine, middle.y + x * sine + y * cosine});
  }
  return corners;
}

// ---- Mask

GridMask::GridMask(const TurnedBox &box, const float *values, unsigned width, unsigned height, float threshold)
    : grid_{box.centre(),
            box.width,
            box.height,
            std::sin(box.angle_degrees * kPi / 180),
            std::cos(box.angle_degrees * kPi / 180),
            static_cast<int>(width),
            static_cast<int>(height),
            threshold},
      values_(values) {
  for (const Point &corner : box.corners()) {
    rows_ = united(rows_, touching(corner.y, corner.y + 1));
    columns_ = united(columns_, touching(corner.x, corner.x + 1));
  }
}

void GridMask::cover(int y, int x, int count, uint8_t *coverage) const {
  for (int i = 0; i < count; ++i) coverage[i] = osd::cover(grid_, values_, x + i, y);
}

ShapeData GridMask::data() const {
  ShapeData data{ShapeKind::Grid};
  data.geometry.grid = grid_;
  data.items = values_;
  data.count = static_cast<uint32_t>(grid_.columns) * static_cast<uint32_t>(grid_.rows);
  data.bytes = data.count * sizeof(float);
  return data;
}

void Stencil::cover(int y, int x, int count, uint8_t *coverage) const {
  for (int i = 0; i < count; ++i) coverage[i] = osd::cover(stencil_, coverage_, x + i, y);
}

ShapeData Stencil::data() const {
  ShapeData data{ShapeKind::Stencil};
  data.geometry.stencil = stencil_;
  data.items = coverage_;
  data.count = static_cast<uint32_t>(stencil_.width) * static_cast<uint32_t>(stencil_.height);
  data.bytes = data.count;
  return data;
}

}  // namespace nj::osd

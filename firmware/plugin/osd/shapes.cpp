#include "shapes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nj::osd {
namespace {

constexpr float kPi = 3.14159265358979f;

float clamp01(float value) { return std::min(1.f, std::max(0.f, value)); }
uint8_t to_byte(float coverage) { return static_cast<uint8_t>(clamp01(coverage) * 255 + 0.5f); }

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

void FilledRect::cover(int y, int x, int count, uint8_t *coverage) const {
  for (int i = 0; i < count; ++i) coverage[i] = y >= top_ && y < bottom_ && x + i >= left_ && x + i < right_ ? 255 : 0;
}

void RectBorder::cover(int y, int x, int count, uint8_t *coverage) const {
  std::memset(coverage, 0, static_cast<size_t>(count));
  if (y < top_ || y >= bottom_) return;
  const bool horizontal = y < top_ + thickness_ || y >= bottom_ - thickness_;
  for (int i = 0; i < count; ++i) {
    const int column = x + i;
    if (column < left_ || column >= right_) continue;
    if (horizontal || column < left_ + thickness_ || column >= right_ - thickness_) coverage[i] = 255;
  }
}

Span RoundedRect::rows() const { return touching(top_, bottom_); }
Span RoundedRect::columns(int, int) const { return touching(left_, right_); }

void RoundedRect::cover(int y, int x, int count, uint8_t *coverage) const {
  const float centre_x = (left_ + right_) / 2, centre_y = (top_ + bottom_) / 2;
  const float half_width = (right_ - left_) / 2 - radius_, half_height = (bottom_ - top_) / 2 - radius_;
  const float dy = std::max(std::abs(y + 0.5f - centre_y) - half_height, 0.f);
  for (int i = 0; i < count; ++i) {
    const float dx = std::max(std::abs(x + i + 0.5f - centre_x) - half_width, 0.f);
    coverage[i] = to_byte(radius_ + 0.5f - std::sqrt(dx * dx + dy * dy));
  }
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
Span Strokes::columns_of(const Line &line, float top, float bottom) {
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
  for (const Line &line : lines_) all = united(all, columns_of(line, y, y + rows));
  return all;
}

float Strokes::coverage_at(const Line &line, float x, float y) {
  const float dx = x - line.from.x, dy = y - line.from.y;
  const float t = line.length_squared > 0 ? clamp01((dx * line.along.x + dy * line.along.y) / line.length_squared) : 0;
  const float ex = dx - t * line.along.x, ey = dy - t * line.along.y;
  const float inside = clamp01(line.radius + 0.5f - std::sqrt(ex * ex + ey * ey));
  return inside * (line.opacity_from + t * (line.opacity_to - line.opacity_from));
}

void Strokes::cover(int y, int x, int count, uint8_t *coverage) const {
  std::memset(coverage, 0, static_cast<size_t>(count));
  for (const Line &line : lines_) {
    const Span span = columns_of(line, y, y + 1);
    for (int column = std::max(span.left, x); column < std::min(span.right, x + count); ++column) {
      const uint8_t value = to_byte(coverage_at(line, column + 0.5f, y + 0.5f));
      coverage[column - x] = std::max(coverage[column - x], value);
    }
  }
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
    : box_(box),
      values_(values),
      width_(static_cast<int>(width)),
      height_(static_cast<int>(height)),
      threshold_(threshold),
      sine_(std::sin(box.angle_degrees * kPi / 180)),
      cosine_(std::cos(box.angle_degrees * kPi / 180)) {
  for (const Point &corner : box.corners()) {
    rows_ = united(rows_, touching(corner.y, corner.y + 1));
    columns_ = united(columns_, touching(corner.x, corner.x + 1));
  }
}

float GridMask::value_at(float column, float row) const {
  const float x = std::clamp(column - 0.5f, 0.f, static_cast<float>(width_ - 1)),
              y = std::clamp(row - 0.5f, 0.f, static_cast<float>(height_ - 1));
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = std::min(x0 + 1, width_ - 1), y1 = std::min(y0 + 1, height_ - 1);
  const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
  const float *upper = values_ + static_cast<size_t>(y0) * width_, *lower = values_ + static_cast<size_t>(y1) * width_;
  return (upper[x0] * (1 - fx) + upper[x1] * fx) * (1 - fy) + (lower[x0] * (1 - fx) + lower[x1] * fx) * fy;
}

void GridMask::cover(int y, int x, int count, uint8_t *coverage) const {
  // A soft edge: the value crosses the threshold over about this much.
  constexpr float kSoftness = 0.06f;
  const Point centre = box_.centre();
  const float scale_x = static_cast<float>(width_) / box_.width, scale_y = static_cast<float>(height_) / box_.height;
  const float dy = y + 0.5f - centre.y;
  for (int i = 0; i < count; ++i) {
    const float dx = x + i + 0.5f - centre.x;
    const float column = (dx * cosine_ + dy * sine_ + box_.width / 2) * scale_x;
    const float row = (dy * cosine_ - dx * sine_ + box_.height / 2) * scale_y;
    const bool inside = column >= 0 && row >= 0 && column <= width_ && row <= height_;
    coverage[i] = inside ? to_byte((value_at(column, row) - threshold_) / kSoftness + 0.5f) : 0;
  }
}

void Stencil::cover(int y, int x, int count, uint8_t *coverage) const {
  const bool inside = y >= top_ && y < top_ + height_;
  for (int i = 0; i < count; ++i) {
    const int column = x + i - left_;
    coverage[i] = inside && column >= 0 && column < width_ ? coverage_[(y - top_) * width_ + column] : 0;
  }
}

}  // namespace nj::osd

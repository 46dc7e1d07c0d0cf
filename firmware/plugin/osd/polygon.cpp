#include "polygon.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nj::osd {
namespace {

// Adds the part of each pixel that lies between left and right.
void add_run(float left, float right, int x, int count, float weight, std::vector<float> *sums) {
  const float from = std::max(left, static_cast<float>(x)), to = std::min(right, static_cast<float>(x + count));
  for (int pixel = static_cast<int>(std::floor(from)); static_cast<float>(pixel) < to; ++pixel) {
    const float inside = std::min(to, static_cast<float>(pixel + 1)) - std::max(from, static_cast<float>(pixel));
    (*sums)[static_cast<size_t>(pixel - x)] += inside * weight;
  }
}

}  // namespace

Polygon::Polygon(std::vector<Point> corners) : corners_(std::move(corners)), rows_{0, 0}, columns_{0, 0} {
  if (corners_.size() < 3) return;
  const auto [left, right] =
      std::minmax_element(corners_.begin(), corners_.end(), [](Point a, Point b) { return a.x < b.x; });
  const auto [top, bottom] =
      std::minmax_element(corners_.begin(), corners_.end(), [](Point a, Point b) { return a.y < b.y; });
  columns_ = {static_cast<int>(std::floor(left->x)), static_cast<int>(std::ceil(right->x))};
  rows_ = {static_cast<int>(std::floor(top->y)), static_cast<int>(std::ceil(bottom->y))};
}

void Polygon::cover(int y, int x, int count, uint8_t *coverage) const {
  std::vector<float> sums(static_cast<size_t>(count), 0.f), xs;
  for (int sample = 0; sample < kPolygonSamples; ++sample) {
    crossings(static_cast<float>(y) + (static_cast<float>(sample) + 0.5f) / kPolygonSamples, &xs);
    for (size_t i = 0; i + 1 < xs.size(); i += 2) add_run(xs[i], xs[i + 1], x, count, 1.f / kPolygonSamples, &sums);
  }
  for (int i = 0; i < count; ++i)
    coverage[i] = static_cast<uint8_t>(std::lround(255 * std::min(1.f, sums[static_cast<size_t>(i)])));
}

ShapeData Polygon::data() const {
  ShapeData data{ShapeKind::Polygon};
  data.items = corners_.data();
  data.count = static_cast<uint32_t>(corners_.size());
  data.bytes = corners_.size() * sizeof(Point);
  return data;
}

// Where the sides cross a horizontal line, from left to right.
void Polygon::crossings(float y, std::vector<float> *xs) const {
  xs->clear();
  for (size_t i = 0; i < corners_.size(); ++i) {
    float x;
    if (crossing(corners_[i], corners_[(i + 1) % corners_.size()], y, &x)) xs->push_back(x);
  }
  std::sort(xs->begin(), xs->end());
}

}  // namespace nj::osd

// A filled polygon, whose sides may cross (even-odd rule).
#pragma once

#include <vector>

#include "shapes.h"

namespace nj::osd {

class Polygon : public Shape {
 public:
  // `corners`: 3 or more.
  explicit Polygon(std::vector<Point> corners);
  Span rows() const override { return rows_; }
  Span columns(int, int) const override { return columns_; }
  void cover(int y, int x, int count, uint8_t *coverage) const override;
  ShapeData data() const override;

 private:
  void crossings(float y, std::vector<float> *xs) const;

  std::vector<Point> corners_;
  Span rows_, columns_;
};

}  // namespace nj::osd

// Blends shapes into a mapped video frame, whatever its 8-bit format: planar or packed, subsampled or not.
#pragma once

#include <gst/video/video.h>

#include <array>
#include <cstdint>
#include <vector>

#include "shapes.h"

namespace nj::osd {

struct Ink {
  double red = 0, green = 0, blue = 0, alpha = 1;  // 0..1
};

class Canvas {
 public:
  // `frame`: mapped for reading and writing; borrowed.
  explicit Canvas(GstVideoFrame *frame);

  int width() const { return width_; }
  int height() const { return height_; }

  // Parts outside the frame are left out. Where chroma is subsampled, a chroma sample gets the mean of its pixels.
  void paint(const Shape &shape, const Ink &ink);

 private:
  using Components = std::array<uint8_t, 4>;

  Components components_of(const Ink &ink) const;
  void cover_row(const Shape &shape, const Ink &ink, int y, Span columns, uint8_t *row) const;
  void blend_rows(int y, Span columns, const Components &target);
  void blend_component(int component, int y, Span columns, uint8_t target);

  GstVideoFrame *frame_;
  int width_, height_;
  std::vector<uint8_t> rows_[2];  // coverage of the two rows at hand
};

}  // namespace nj::osd

// What a painter draws on. FrameCanvas: a mapped video frame, whatever its 8-bit format, planar or packed, subsampled
// or not; RecordingCanvas (recording_canvas.h): a list for a painter on the GPU.
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
  virtual ~Canvas() = default;
  int width() const { return width_; }
  int height() const { return height_; }

  // Parts outside the frame are left out. Where chroma is subsampled, a chroma sample gets the mean of its pixels.
  virtual void paint(const Shape &shape, const Ink &ink) = 0;

 protected:
  Canvas(int width, int height) : width_(width), height_(height) {}

 private:
  const int width_, height_;
};

// What an ink is in the components of a format, in their order; what is drawn is opaque.
using Components = std::array<uint8_t, 4>;
Components components_of(const Ink &ink, const GstVideoInfo &info);
// 0..255
unsigned opacity_of(const Ink &ink);

class FrameCanvas : public Canvas {
 public:
  // `frame`: mapped for reading and writing; borrowed.
  explicit FrameCanvas(GstVideoFrame *frame);
  void paint(const Shape &shape, const Ink &ink) override;

 private:
  void cover_row(const Shape &shape, const Ink &ink, int y, Span columns, uint8_t *row) const;
  void blend_rows(int y, Span columns, const Components &target);
  void blend_component(int component, int y, Span columns, uint8_t target);

  GstVideoFrame *frame_;
  std::vector<uint8_t> rows_[2];  // coverage of the two rows at hand
};

}  // namespace nj::osd

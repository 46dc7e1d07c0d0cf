// What is drawn into pictures, as data: the same shapes in the same order as FrameCanvas blends them, for a painter
// that works elsewhere. Pixels in pairs of rows and columns, as chroma has them: one worker (a thread of the GPU) does
// one such quad from the first command to the last.
#pragma once

#include "coverage.h"

namespace nj::osd {

// A shape in one colour.
struct DrawCommand {
  ShapeKind kind;
  int32_t left, top, right, bottom;  // pixels outside are not covered
  uint32_t opacity;                  // 0..255
  uint8_t target[4];                 // of each component
  // Lines, corners, values or coverage: how many, and where they begin in the bytes beside the list; multiples of 4.
  uint32_t count;
  uint64_t items;
  ShapeGeometry shape;
};

// One component (Y, U, R, …) of a picture, 8 bits each.
struct DrawComponent {
  uint8_t *data;
  int32_t stride, step;       // bytes from row to row, from sample to sample
  uint32_t shift_x, shift_y;  // 1 where it has half the samples
};

// One picture, and its part of the list.
struct DrawPicture {
  DrawComponent component[4];
  uint32_t components;
  int32_t width, height;
  uint32_t first, count;  // commands
};

// value + (target - value) * alpha / 255, rounded.
NJ_ANYWHERE inline uint8_t blended(uint8_t value, uint8_t target, unsigned alpha) {
  return static_cast<uint8_t>((value * (255 - alpha) + target * alpha + 127) / 255);
}

// Coverage in the opacity of the ink.
NJ_ANYWHERE inline uint8_t with_opacity(uint8_t coverage, unsigned opacity) {
  return static_cast<uint8_t>((coverage * opacity + 127) / 255);
}

NJ_ANYWHERE inline uint8_t cover(const DrawCommand &command, const uint8_t *items, int x, int y) {
  const uint8_t *own = items + command.items;
  switch (command.kind) {
    case ShapeKind::Rect:
      return cover(command.shape.rect, x, y);
    case ShapeKind::Rounded:
      return cover(command.shape.rounded, x, y);
    case ShapeKind::Strokes:
      return cover(reinterpret_cast<const LineGeometry *>(own), command.count, x, y);
    case ShapeKind::Grid:
      return cover(command.shape.grid, reinterpret_cast<const float *>(own), x, y);
    case ShapeKind::Stencil:
      return cover(command.shape.stencil, own, x, y);
    case ShapeKind::Polygon:
      return cover(reinterpret_cast<const Point *>(own), command.count, x, y);
  }
  return 0;
}

// The samples of two rows and two columns: [component][2 * row + column]; a halved component has its one in the first.
struct Quad {
  uint8_t value[4][4];
};

NJ_ANYWHERE inline bool has_sample(const DrawPicture &picture, const DrawComponent &c, int x, int y, int row,
                                   int column) {
  return (row == 0 || (c.shift_y == 0 && y + 1 < picture.height)) &&
         (column == 0 || (c.shift_x == 0 && x + 1 < picture.width));
}

NJ_ANYWHERE inline uint8_t *sample_at(const DrawComponent &c, int x, int y, int row, int column) {
  return c.data + static_cast<int64_t>((y >> c.shift_y) + row) * c.stride +
         static_cast<int64_t>((x >> c.shift_x) + column) * c.step;
}

// x and y are even.
NJ_ANYWHERE inline void load_quad(const DrawPicture &picture, int x, int y, Quad *quad) {
  for (uint32_t i = 0; i < 4; ++i)
    for (int at = 0; at < 4; ++at) {
      const DrawComponent &c = picture.component[i];
      const bool there = i < picture.components && has_sample(picture, c, x, y, at / 2, at % 2);
      quad->value[i][at] = there ? *sample_at(c, x, y, at / 2, at % 2) : 0;
    }
}

NJ_ANYWHERE inline void store_quad(const DrawPicture &picture, int x, int y, const Quad &quad) {
  for (uint32_t i = 0; i < 4; ++i)
    for (int at = 0; at < 4; ++at) {
      const DrawComponent &c = picture.component[i];
      if (i < picture.components && has_sample(picture, c, x, y, at / 2, at % 2))
        *sample_at(c, x, y, at / 2, at % 2) = quad.value[i][at];
    }
}

// What one sample is blended with: where it stands for several pixels, their mean.
NJ_ANYWHERE inline unsigned alpha_of(const DrawComponent &c, const uint8_t (&covered)[4], int at) {
  if (!c.shift_x && !c.shift_y) return covered[at];
  const int upper = c.shift_y ? 0 : at / 2 * 2, lower = c.shift_y ? 2 : upper;
  const int left = c.shift_x ? 0 : at % 2, right = c.shift_x ? 1 : left;
  return (covered[upper + left] + covered[upper + right] + covered[lower + left] + covered[lower + right] + 2u) / 4;
}

// true: something of the quad changed.
NJ_ANYWHERE inline bool draw_on_quad(const DrawPicture &picture, const DrawCommand &command, const uint8_t *items,
                                     int x, int y, Quad *quad) {
  uint8_t covered[4];
  unsigned any = 0;
  for (int at = 0; at < 4; ++at) {
    // The missing half of the last pair, where a side is odd, is as the other half.
    const int column = x + at % 2 < picture.width ? x + at % 2 : x, row = y + at / 2 < picture.height ? y + at / 2 : y;
    covered[at] = with_opacity(cover(command, items, column, row), command.opacity);
    any |= covered[at];
  }
  if (!any) return false;
  for (uint32_t i = 0; i < 4; ++i) {
    const DrawComponent &c = picture.component[i];
    for (int at = 0; at < 4; ++at) {
      const unsigned alpha = alpha_of(c, covered, at);
      if (alpha) quad->value[i][at] = blended(quad->value[i][at], command.target[i], alpha);
    }
  }
  return true;
}

}  // namespace nj::osd

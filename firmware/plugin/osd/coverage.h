// How much of a pixel lies inside of a shape, 0..255: the arithmetic that the painters on the processor (shapes.cpp)
// and on the GPU (draw_kernel.cu) share, so that both draw the same picture.
//
// Coordinates are pixels of the frame, y down; the centre of the first pixel is (0.5, 0.5).
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define NJ_ANYWHERE __host__ __device__
#else
#define NJ_ANYWHERE
#endif

namespace nj::osd {

struct Point {
  float x = 0, y = 0;
};

// Whole pixels, no soft edges. `thickness` of the border, inside; 0: filled.
struct RectGeometry {
  int left, top, right, bottom, thickness;
};

struct RoundedGeometry {
  float left, top, right, bottom, radius;
};

// A line with round ends; of no length it is a disc.
struct LineGeometry {
  Point from, along;  // along: to - from
  float length_squared, radius;
  float opacity_from, opacity_to;  // 0..1 at both ends
};

// A grid of values stretched over a box that may be turned; inside is where the interpolated value is above the
// threshold.
struct GridGeometry {
  Point centre;
  float width, height, sine, cosine;
  int columns, rows;
  float threshold;
};

// Ready-made coverage, `height` rows of `width`.
struct StencilGeometry {
  int left, top, width, height;
};

enum class ShapeKind : uint32_t { Rect, Rounded, Strokes, Grid, Stencil, Polygon };

// What a shape has beside its items (lines, values, coverage, corners).
union ShapeGeometry {
  RectGeometry rect;
  RoundedGeometry rounded;
  GridGeometry grid;
  StencilGeometry stencil;
};

NJ_ANYWHERE inline float clamp01(float value) { return fminf(1.f, fmaxf(0.f, value)); }
NJ_ANYWHERE inline uint8_t to_coverage(float share) { return static_cast<uint8_t>(clamp01(share) * 255 + 0.5f); }

NJ_ANYWHERE inline uint8_t cover(const RectGeometry &rect, int x, int y) {
  if (x < rect.left || x >= rect.right || y < rect.top || y >= rect.bottom) return 0;
  const int t = rect.thickness;
  const bool border = x < rect.left + t || x >= rect.right - t || y < rect.top + t || y >= rect.bottom - t;
  return border || t == 0 ? 255 : 0;
}

NJ_ANYWHERE inline uint8_t cover(const RoundedGeometry &rect, int x, int y) {
  const float half_width = (rect.right - rect.left) / 2 - rect.radius,
              half_height = (rect.bottom - rect.top) / 2 - rect.radius;
  const float dx = fmaxf(fabsf(x + 0.5f - (rect.left + rect.right) / 2) - half_width, 0.f);
  const float dy = fmaxf(fabsf(y + 0.5f - (rect.top + rect.bottom) / 2) - half_height, 0.f);
  return to_coverage(rect.radius + 0.5f - sqrtf(dx * dx + dy * dy));
}

NJ_ANYWHERE inline uint8_t cover(const LineGeometry &line, int x, int y) {
  const float dx = x + 0.5f - line.from.x, dy = y + 0.5f - line.from.y;
  const float t = line.length_squared > 0 ? clamp01((dx * line.along.x + dy * line.along.y) / line.length_squared) : 0;
  const float ex = dx - t * line.along.x, ey = dy - t * line.along.y;
  const float inside = clamp01(line.radius + 0.5f - sqrtf(ex * ex + ey * ey));
  return to_coverage(inside * (line.opacity_from + t * (line.opacity_to - line.opacity_from)));
}

// Lines drawn as one: where they cross, the pixel is not blended twice.
NJ_ANYWHERE inline uint8_t cover(const LineGeometry *lines, uint32_t count, int x, int y) {
  uint8_t most = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t own = cover(lines[i], x, y);
    most = own > most ? own : most;
  }
  return most;
}

NJ_ANYWHERE inline float value_of(const GridGeometry &grid, const float *values, float column, float row) {
  const float x = fminf(fmaxf(column - 0.5f, 0.f), static_cast<float>(grid.columns - 1)),
              y = fminf(fmaxf(row - 0.5f, 0.f), static_cast<float>(grid.rows - 1));
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = x0 + 1 < grid.columns ? x0 + 1 : x0, y1 = y0 + 1 < grid.rows ? y0 + 1 : y0;
  const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
  const float *upper = values + static_cast<int64_t>(y0) * grid.columns,
              *lower = values + static_cast<int64_t>(y1) * grid.columns;
  return (upper[x0] * (1 - fx) + upper[x1] * fx) * (1 - fy) + (lower[x0] * (1 - fx) + lower[x1] * fx) * fy;
}

NJ_ANYWHERE inline uint8_t cover(const GridGeometry &grid, const float *values, int x, int y) {
  constexpr float kSoftness = 0.06f;  // a soft edge: the value crosses the threshold over about this much
  const float dx = x + 0.5f - grid.centre.x, dy = y + 0.5f - grid.centre.y;
  const float column = (dx * grid.cosine + dy * grid.sine + grid.width / 2) * (grid.columns / grid.width);
  const float row = (dy * grid.cosine - dx * grid.sine + grid.height / 2) * (grid.rows / grid.height);
  const bool inside = column >= 0 && row >= 0 && column <= grid.columns && row <= grid.rows;
  return inside ? to_coverage((value_of(grid, values, column, row) - grid.threshold) / kSoftness + 0.5f) : 0;
}

NJ_ANYWHERE inline uint8_t cover(const StencilGeometry &stencil, const uint8_t *coverage, int x, int y) {
  const int column = x - stencil.left, row = y - stencil.top;
  if (column < 0 || column >= stencil.width || row < 0 || row >= stencil.height) return 0;
  return coverage[static_cast<int64_t>(row) * stencil.width + column];
}

// ---- Polygons: even-odd rule, exact along a line of samples, of which each row of pixels has some

constexpr int kPolygonSamples = 4;

// Where the side from a to b crosses a horizontal line; false: it does not.
NJ_ANYWHERE inline bool crossing(Point a, Point b, float y, float *x) {
  if ((a.y > y) == (b.y > y)) return false;
  *x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
  return true;
}

// The part of the stretch left..left + 1 of a horizontal line that lies inside.
NJ_ANYWHERE inline float polygon_share(const Point *corners, uint32_t count, float left, float y) {
  constexpr int kMost = 8;  // sides through one pixel; of more, the rest count as outside of it
  float within[kMost];
  int found = 0;
  bool inside = false;
  for (uint32_t i = 0; i < count; ++i) {
    float x;
    if (!crossing(corners[i], corners[i + 1 == count ? 0 : i + 1], y, &x)) continue;
    if (x <= left) {
      inside = !inside;
      continue;
    }
    if (x >= left + 1 || found == kMost) continue;
    int at = found++;
    for (; at > 0 && within[at - 1] > x; --at) within[at] = within[at - 1];
    within[at] = x;
  }
  float share = 0, from = left;
  for (int i = 0; i < found; ++i, inside = !inside) {
    if (inside) share += within[i] - from;
    from = within[i];
  }
  return inside ? share + left + 1 - from : share;
}

NJ_ANYWHERE inline uint8_t cover(const Point *corners, uint32_t count, int x, int y) {
  float sum = 0;
  for (int sample = 0; sample < kPolygonSamples; ++sample)
    sum += polygon_share(corners, count, static_cast<float>(x),
                         static_cast<float>(y) + (static_cast<float>(sample) + 0.5f) / kPolygonSamples);
  return to_coverage(sum / kPolygonSamples);
}

}  // namespace nj::osd

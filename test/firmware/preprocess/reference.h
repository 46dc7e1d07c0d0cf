// What a preprocessor should give, in double precision and in the plainest way: every output value by itself, no
// tables, nothing shared with the implementation but the geometry.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "preprocess/cpu_preprocessor.h"
#include "preprocess/geometry.h"

namespace nj::test {

inline Region whole(const FrameView &view) { return {0, 0, float(view.width), float(view.height)}; }

// Sample (x, y) of channel k (Y U V or R G B) in its own resolution.
inline double sample(const FrameView &v, int k, uint32_t x, uint32_t y) {
  const auto byte = [&](int plane, uint32_t offset) {
    return double(v.plane[plane][size_t{y} * v.stride[plane] + offset]);
  };
  const auto at = [&](uint32_t pixel_bytes, const int(&place)[3]) { return byte(0, pixel_bytes * x + place[k]); };
  switch (v.format) {
    case PixelFormat::Nv12:
      return k ? byte(1, 2 * x + k - 1) : byte(0, x);
    case PixelFormat::Nv21:
      return k ? byte(1, 2 * x + 2 - k) : byte(0, x);
    case PixelFormat::I420:
      return byte(k, x);
    case PixelFormat::Yv12:
      return byte(k ? 3 - k : 0, x);
    case PixelFormat::Rgb:
      return at(3, {0, 1, 2});
    case PixelFormat::Bgr:
      return at(3, {2, 1, 0});
    case PixelFormat::Rgba:
    case PixelFormat::Rgbx:
      return at(4, {0, 1, 2});
    case PixelFormat::Bgra:
    case PixelFormat::Bgrx:
      return at(4, {2, 1, 0});
    case PixelFormat::Argb:
    case PixelFormat::Xrgb:
      return at(4, {1, 2, 3});
    case PixelFormat::Abgr:
    case PixelFormat::Xbgr:
      return at(4, {3, 2, 1});
    case PixelFormat::Gray8:
      return byte(0, x);
    case PixelFormat::Yuy2:
      return k ? byte(0, 4 * x + 2 * k - 1) : byte(0, 2 * x);
    case PixelFormat::Uyvy:
      return k ? byte(0, 4 * x + 2 * k - 2) : byte(0, 2 * x + 1);
  }
  return 0;
}

inline bool is_rgb(PixelFormat format) { return format >= PixelFormat::Rgb && format <= PixelFormat::Xbgr; }

struct Weighted {
  uint32_t at;
  double weight;
};

// The samples under output `i` of `count`, which share [begin, begin + extent) of an axis with `size` samples.
inline std::vector<Weighted> under(double begin, double extent, uint32_t count, uint32_t i, uint32_t size) {
  const double ratio = extent / count;
  const long first = std::min<long>(std::floor(begin), size - 1);
  const long last = std::clamp<long>(std::lround(std::ceil(begin + extent - 1e-6)), first + 1, size) - 1;
  const auto inside = [&](long k) { return uint32_t(std::clamp(k, first, last)); };
  if (ratio <= 2) {
    const double centre = begin + (i + 0.5) * ratio - 0.5;
    const long below = std::floor(centre);
    return {{inside(below), 1 - (centre - below)}, {inside(below + 1), centre - below}};
  }
  std::vector<Weighted> result;
  const double left = begin + i * ratio, right = std::min(left + ratio, double(last + 1));
  for (long k = std::floor(left); k < right; k++)
    result.push_back({inside(k), (std::min(right, k + 1.0) - std::max(left, double(k))) / (right - left)});
  return result;
}

inline double resampled(const FrameView &v, int k, const Region &part, const Geometry &g, uint32_t x, uint32_t y) {
  const bool chroma = k > 0 && !is_rgb(v.format);
  const bool vertical = chroma && v.format != PixelFormat::Yuy2 && v.format != PixelFormat::Uyvy;
  const double unit_x = chroma ? 2 : 1, unit_y = vertical ? 2 : 1;
  const uint32_t width = chroma ? (v.width + 1) / 2 : v.width, height = vertical ? (v.height + 1) / 2 : v.height;
  double sum = 0;
  for (const Weighted &row : under(part.top / unit_y, part.height / unit_y, g.inner_height, y, height))
    for (const Weighted &column : under(part.left / unit_x, part.width / unit_x, g.inner_width, x, width))
      sum += row.weight * column.weight * sample(v, k, column.at, row.at);
  return sum;
}

inline void to_rgb(const FrameView &v, const double (&s)[3], double (&rgb)[3]) {
  if (is_rgb(v.format)) return void(std::copy(s, s + 3, rgb));
  const double luma = v.full_range ? s[0] : (s[0] - 16) * 255 / 219;
  if (v.format == PixelFormat::Gray8) return void(std::fill(rgb, rgb + 3, luma));
  const double kr = v.matrix == ColorMatrix::Bt601 ? 0.299 : v.matrix == ColorMatrix::Bt709 ? 0.2126 : 0.2627;
  const double kb = v.matrix == ColorMatrix::Bt601 ? 0.114 : v.matrix == ColorMatrix::Bt709 ? 0.0722 : 0.0593;
  const double chroma = v.full_range ? 1 : 255 / 224.0;
  const double cb = (s[1] - 128) * chroma, cr = (s[2] - 128) * chroma;
  rgb[0] = luma + 2 * (1 - kr) * cr;
  rgb[2] = luma + 2 * (1 - kb) * cb;
  rgb[1] = (luma - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);  // from Y = Kr R + Kg G + Kb B
}

// NCHW, RGB, float32; other layouts are compared with this one.
inline std::vector<double> reference(const FrameView &v, const Region &region, const TensorSpec &spec) {
  const Region part = region_within(region, v.width, v.height);
  const Placement placement = place(part, spec);
  const Geometry &g = placement.geometry;
  const size_t plane = size_t{spec.width} * spec.height;
  std::vector<double> tensor(3 * plane);
  for (uint32_t y = 0; y < spec.height; y++) {
    for (uint32_t x = 0; x < spec.width; x++) {
      double rgb[3] = {double(spec.fill), double(spec.fill), double(spec.fill)};
      const uint32_t px = x - placement.pad_left, py = y - placement.pad_top;
      if (px < g.inner_width && py < g.inner_height) {
        const int channels = v.format == PixelFormat::Gray8 ? 1 : 3;
        double s[3] = {};
        for (int k = 0; k < channels; k++) s[k] = resampled(v, k, part, g, px, py);
        to_rgb(v, s, rgb);
      }
      for (int c = 0; c < 3; c++)
        tensor[c * plane + size_t{y} * spec.width + x] =
            (std::clamp(rgb[c], 0.0, 255.0) - spec.mean[c]) * spec.scale[c];
    }
  }
  return tensor;
}

template <typename A, typename B>
double largest_difference(const std::vector<A> &a, const std::vector<B> &b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); i++) {
    const double difference = std::abs(double(a[i]) - double(b[i]));
    if (!(difference <= largest)) largest = std::isnan(difference) ? INFINITY : difference;
  }
  return largest;
}

inline float from_half(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const double mantissa = half & 1023;
  const double magnitude = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
  return half & 0x8000 ? -magnitude : magnitude;
}

}  // namespace nj::test

#include "plane_layout.h"

#include <algorithm>
#include <cmath>

namespace nj {

namespace {

FormatLayout semi_planar(int first, int second) {
  return {2, {{1, 0, 0, {0, -1, -1, -1}}, {2, 1, 1, {first, second, -1, -1}}, {}}, 3};
}

FormatLayout planar(int first, int second) {
  return {3, {{1, 0, 0, {0, -1, -1, -1}}, {1, 1, 1, {first, -1, -1, -1}}, {1, 1, 1, {second, -1, -1, -1}}}, 3};
}

FormatLayout packed(uint32_t bytes, int a, int b, int c, int d = -1) {
  return {1, {{bytes, 0, 0, {a, b, c, d}}, {}, {}}, 3};
}

bool is_packed_422(PixelFormat format) { return format == PixelFormat::Yuy2 || format == PixelFormat::Uyvy; }

FormatLayout packed_422(PixelFormat format) {
  const bool luma_first = format == PixelFormat::Yuy2;
  FormatLayout layout;
  layout.planes = 2;
  layout.plane[0] = luma_first ? PlaneLayout{2, 0, 0, {0, -1, -1, -1}} : PlaneLayout{2, 0, 0, {-1, 0, -1, -1}};
  layout.plane[1] = luma_first ? PlaneLayout{4, 1, 0, {-1, 1, -1, 2}} : PlaneLayout{4, 1, 0, {1, -1, 2, -1}};
  return layout;
}

}  // namespace

FormatLayout layout_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::Nv12:
      return semi_planar(1, 2);
    case PixelFormat::Nv21:
      return semi_planar(2, 1);
    case PixelFormat::I420:
      return planar(1, 2);
    case PixelFormat::Yv12:
      return planar(2, 1);
    case PixelFormat::Rgb:
      return packed(3, 0, 1, 2);
    case PixelFormat::Bgr:
      return packed(3, 2, 1, 0);
    case PixelFormat::Rgba:
    case PixelFormat::Rgbx:
      return packed(4, 0, 1, 2);
    case PixelFormat::Bgra:
    case PixelFormat::Bgrx:
      return packed(4, 2, 1, 0);
    case PixelFormat::Argb:
    case PixelFormat::Xrgb:
      return packed(4, -1, 0, 1, 2);
    case PixelFormat::Abgr:
    case PixelFormat::Xbgr:
      return packed(4, -1, 2, 1, 0);
    case PixelFormat::Gray8:
      return {1, {{1, 0, 0, {0, -1, -1, -1}}, {}, {}}, 1};
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      return packed_422(format);
  }
  return {};
}

uint32_t memory_plane(PixelFormat format, uint32_t index) { return is_packed_422(format) ? 0 : index; }

AxisSource axis_source(float begin, float extent, uint32_t frame_size, uint32_t shift, uint32_t outputs) {
  const double unit = 1 << shift;
  const uint32_t plane_size = (frame_size + (1u << shift) - 1) >> shift;
  AxisSource source;
  source.origin = begin / unit;
  source.ratio = extent / unit / outputs;
  source.first = std::min<uint32_t>(std::floor(source.origin), plane_size - 1);
  const double end = std::ceil((double(begin) + extent) / unit - 1e-6);
  source.last = std::clamp<uint32_t>(end, source.first + 1, plane_size) - 1;
  return source;
}

}  // namespace nj

// Letterbox arithmetic, with the rounding of the training frameworks.
#include "geometry.h"

#include <algorithm>
#include <cmath>

namespace nj {

namespace {

struct Fit {
  uint32_t inner_width, inner_height;
  uint32_t pad_left, pad_top;
};

// Python's round(): halves go to the even neighbour, which is nearbyint's default mode.
uint32_t rounded(double value, uint32_t limit) { return std::clamp<long>(std::lrint(value), 1, limit); }

uint32_t leading_padding(uint32_t outer, uint32_t inner) {
  return std::max<long>(0, std::lrint((outer - inner) / 2.0 - 0.1));
}

Fit fit(double width, double height, const TensorSpec &spec) {
  if (spec.letterbox == Letterbox::Stretch) return {spec.width, spec.height, 0, 0};
  const double ratio = std::min(spec.width / width, spec.height / height);
  Fit result{rounded(width * ratio, spec.width), rounded(height * ratio, spec.height), 0, 0};
  if (spec.letterbox == Letterbox::Centre) {
    result.pad_left = leading_padding(spec.width, result.inner_width);
    result.pad_top = leading_padding(spec.height, result.inner_height);
  }
  return result;
}

}  // namespace

Placement place(const Region &region, const TensorSpec &spec) {
  const Fit f = fit(region.width, region.height, spec);
  Placement result;
  result.pad_left = f.pad_left;
  result.pad_top = f.pad_top;
  Geometry &g = result.geometry;
  g.inner_width = f.inner_width;
  g.inner_height = f.inner_height;
  g.scale_x = f.inner_width / region.width;
  g.scale_y = f.inner_height / region.height;
  g.offset_x = f.pad_left - region.left * g.scale_x;
  g.offset_y = f.pad_top - region.top * g.scale_y;
  return result;
}

Geometry letterbox(uint32_t frame_width, uint32_t frame_height, const TensorSpec &spec) {
  const Region whole{0, 0, static_cast<float>(frame_width), static_cast<float>(frame_height)};
  return place(whole, spec).geometry;
}

Region region_within(const Region &region, uint32_t frame_width, uint32_t frame_height) {
  const float left = std::clamp(region.left, 0.f, frame_width - 1.f);
  const float top = std::clamp(region.top, 0.f, frame_height - 1.f);
  const float right = std::clamp(region.left + region.width, left + 1, static_cast<float>(frame_width));
  const float bottom = std::clamp(region.top + region.height, top + 1, static_cast<float>(frame_height));
  return {left, top, right - left, bottom - top};
}

}  // namespace nj

#include "color_transform.h"

#include <algorithm>

namespace nj {

namespace {

struct Affine {
  double matrix[3][3] = {};
  double bias[3] = {};
};

struct LumaWeights {
  double red, blue;
};

LumaWeights luma_weights(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::Bt709:
      return {0.2126, 0.0722};
    case ColorMatrix::Bt2020:
      return {0.2627, 0.0593};
    case ColorMatrix::Bt601:
      break;
  }
  return {0.299, 0.114};
}

Affine yuv_to_rgb(const FrameView &view) {
  const auto [kr, kb] = luma_weights(view.matrix);
  const double kg = 1 - kr - kb;
  const double luma = view.full_range ? 1 : 255.0 / 219;
  const double chroma = view.full_range ? 1 : 255.0 / 224;
  Affine result;
  const double rows[3][3] = {{luma, 0, chroma * 2 * (1 - kr)},
                             {luma, -chroma * 2 * kb * (1 - kb) / kg, -chroma * 2 * kr * (1 - kr) / kg},
                             {luma, chroma * 2 * (1 - kb), 0}};
  const double zero_luma = view.full_range ? 0 : 16;
  for (int c = 0; c < 3; c++) {
    std::copy(rows[c], rows[c] + 3, result.matrix[c]);
    result.bias[c] = -rows[c][0] * zero_luma - (rows[c][1] + rows[c][2]) * 128;
  }
  return result;
}

Affine grey_to_rgb(const FrameView &view) {
  Affine result;
  for (int c = 0; c < 3; c++) {
    result.matrix[c][0] = view.full_range ? 1 : 255.0 / 219;
    result.bias[c] = view.full_range ? 0 : -16 * 255.0 / 219;
  }
  return result;
}

Affine identity() {
  Affine result;
  for (int c = 0; c < 3; c++) result.matrix[c][c] = 1;
  return result;
}

Affine to_rgb(const FrameView &view) {
  switch (view.format) {
    case PixelFormat::Nv12:
    case PixelFormat::Nv21:
    case PixelFormat::I420:
    case PixelFormat::Yv12:
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      return yuv_to_rgb(view);
    case PixelFormat::Gray8:
      return grey_to_rgb(view);
    default:
      return identity();
  }
}

}  // namespace

ColorTransform color_transform(const FrameView &view, const TensorSpec &spec) {
  const Affine rgb = to_rgb(view);
  ColorTransform result;
  for (int plane = 0; plane < 3; plane++) {
    const int color = spec.bgr ? 2 - plane : plane;
    const double scale = spec.scale[color], mean = spec.mean[color];
    for (int k = 0; k < 3; k++) result.matrix[plane][k] = rgb.matrix[color][k] * scale;
    result.bias[plane] = (rgb.bias[color] - mean) * scale;
    const double black = (0 - mean) * scale, white = (255 - mean) * scale;
    result.low[plane] = std::min(black, white);
    result.high[plane] = std::max(black, white);
  }
  return result;
}

void fill_values(const TensorSpec &spec, float values[3]) {
  for (int plane = 0; plane < 3; plane++) {
    const int color = spec.bgr ? 2 - plane : plane;
    values[plane] = (spec.fill - spec.mean[color]) * spec.scale[color];
  }
}

}  // namespace nj

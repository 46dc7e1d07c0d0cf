// Samples of a frame to values of the tensor: colour matrix, range and normalisation folded into one affine map.
#pragma once

#include "preprocessor.h"

namespace nj {

// value[c] = clamp(sum over k of matrix[c][k] * sample[k] + bias[c], low[c], high[c]), c in the tensor's channel order,
// samples in 0..255. The clamp is that of an 8-bit picture: colours that RGB cannot show are cut.
struct ColorTransform {
  float matrix[3][3] = {};
  float bias[3] = {};
  float low[3] = {};
  float high[3] = {};
};

// Samples are Y, U, V for YUV formats, R, G, B for RGB formats and Y alone for grey ones.
ColorTransform color_transform(const FrameView &view, const TensorSpec &spec);

// Padding, in the tensor's channel order.
void fill_values(const TensorSpec &spec, float values[3]);

}  // namespace nj

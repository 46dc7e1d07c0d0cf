// How the samples of each pixel format lie in its planes, and which stretch of a plane's axis a region covers. What
// every preprocessor resamples by, so that all of them cut alike.
#pragma once

#include "preprocessor.h"
#include "resample_plan.h"

namespace nj {

// Samples of one plane.
struct PlaneLayout {
  uint32_t bytes_per_sample = 1;      // interleaved channels of a plane
  uint32_t shift_x = 0, shift_y = 0;  // subsampling
  // Channel (0..2: Y U V or R G B) of each interleaved sample, -1 for one that is not used.
  int channel[4] = {-1, -1, -1, -1};
};

// YUY2 and UYVY are read as two planes over the same bytes: luma every 2nd, chroma pairs every 4th byte.
struct FormatLayout {
  uint32_t planes = 1;
  PlaneLayout plane[3];
  uint32_t channels = 3;
};

FormatLayout layout_of(PixelFormat format);

// Plane of FrameView that plane `index` of the layout reads.
uint32_t memory_plane(PixelFormat format, uint32_t index);

// The stretch of a plane's axis that `begin`, `extent` (pixels of the frame) cover.
AxisSource axis_source(float begin, float extent, uint32_t frame_size, uint32_t shift, uint32_t outputs);

}  // namespace nj

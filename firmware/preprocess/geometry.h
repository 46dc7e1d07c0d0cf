// Where a part of a frame lands in the network's picture.
#pragma once

#include "preprocessor.h"

namespace nj {

struct Placement {
  Geometry geometry;
  uint32_t pad_left = 0, pad_top = 0;  // pixels of the network before the picture
};

// `region` must lie inside the frame and be at least 1x1. The geometry maps frame coordinates, not region coordinates.
Placement place(const Region &region, const TensorSpec &spec);

// `region` cut to the frame; at least one pixel remains, also of a region that lies outside.
Region region_within(const Region &region, uint32_t frame_width, uint32_t frame_height);

}  // namespace nj

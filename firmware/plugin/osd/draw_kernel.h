// The kernel of the painter on the GPU: all pictures of a batch in one launch.
#pragma once

#include <cuda_runtime_api.h>

#include "draw_list.h"

namespace nj::osd {

// A DrawList in device memory.
struct DeviceDrawList {
  const DrawPicture *pictures;
  const DrawCommand *commands;
  const uint8_t *items;
  uint32_t picture_count;
  int32_t width, height;  // of the largest picture
};

cudaError_t launch_draw(const DeviceDrawList &list, cudaStream_t stream);

}  // namespace nj::osd

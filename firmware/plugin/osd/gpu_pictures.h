// Pictures in GPU memory that are drawn into where they are: what is drawn is collected for all pictures of a buffer,
// and done by one kernel.
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <string>

#include "canvas.h"

namespace nj::osd {

class GpuPictures {
 public:
  virtual ~GpuPictures() = default;
  // Maps a picture for writing; memory that is shared gets a copy on the GPU. The canvas lives until the next call.
  // nullptr: *error says why the picture cannot be drawn into.
  virtual Canvas *add(GstBuffer *pixels, const GstVideoInfo &info, std::string *error) = 0;
  // Draws what was painted since the last call, waits for it and gives the pictures back, also when it fails.
  virtual bool finish(std::string *error) = 0;
};

// A build without CUDA gives nullptr.
std::unique_ptr<GpuPictures> make_gpu_pictures(int gpu);

}  // namespace nj::osd

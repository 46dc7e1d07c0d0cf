// FrameMapper: gives the pixels of the frames of a buffer, wherever they lie, for as long as it lives.
// Implementations: system memory (system_frame_mapper.cpp); with their libraries CUDA memory and NVMM.
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <string>

namespace nj {

enum class MemoryKind { System, Cuda };

enum class PixelFormat {
  Nv12,
  Nv21,
  I420,
  Yv12,
  Rgb,
  Bgr,
  Rgba,
  Bgra,
  Rgbx,
  Bgrx,
  Argb,
  Abgr,
  Xrgb,
  Xbgr,
  Gray8,
  Yuy2,
  Uyvy
};

enum class ColorMatrix { Bt601, Bt709, Bt2020 };

// One frame, planes where they lie. Strides in bytes. A box inside the frame is cut by moving planes and sizes.
struct FrameView {
  MemoryKind memory = MemoryKind::System;
  PixelFormat format = PixelFormat::Nv12;
  ColorMatrix matrix = ColorMatrix::Bt601;
  bool full_range = false;         // false: 16..235
  uint32_t width = 0, height = 0;  // pixels
  uint32_t planes = 0;
  const uint8_t *plane[4] = {};
  uint32_t stride[4] = {};
};

class FrameMapper {
 public:
  virtual ~FrameMapper() = default;
  virtual uint32_t frame_count() const = 0;
  virtual const FrameView &frame(uint32_t index) const = 0;
};

// Maps the frames of `buffer` for reading: all of a batch, or the one of a plain buffer described by `info` (may be
// null for a batch). Returns nullptr and sets *error when a format or memory is not handled.
std::unique_ptr<FrameMapper> map_frames(GstBuffer *buffer, const GstVideoInfo *info, std::string *error);

// The formats above as a caps string list: "{ NV12, … }".
const char *supported_formats();

// Caps of single frames that map_frames takes: in the formats above, of any size and rate, in every memory that this
// build reads where it is. The caller owns them.
GstCaps *frame_caps();

// Whether a frame lies in GPU memory (GstCudaMemory), in every build.
bool is_on_gpu(GstBuffer *buffer);

// Maps such a frame where it is: GST_MAP_CUDA of gst/cuda/gstcudamemory.h, which builds without CUDA do not have.
constexpr auto kMapOnGpu = static_cast<GstMapFlags>(GST_MAP_FLAG_LAST << 1);

// The caps of a frame, with the feature of its memory. The caller owns them; nullptr when `info` cannot be expressed.
GstCaps *caps_of_frame(GstBuffer *buffer, const GstVideoInfo &info);

}  // namespace nj

// Preprocessor: frames of any size and format to one normalised planar tensor, letterboxed, in one fused pass.
// Implementations: CPU (cpu_preprocessor.cpp), CUDA. Both pass test/firmware/preprocess/contract.h.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../frames/frame_mapper.h"

namespace nj {

enum class Letterbox { Stretch, Centre, BottomRight };

// What the network wants. value = (pixel * scale) - mean * scale, i.e. nvinfer's net-scale-factor * (pixel - offset).
struct TensorSpec {
  uint32_t width = 0, height = 0;
  bool bgr = false;            // channel order; default RGB
  bool channels_last = false;  // NHWC; default NCHW
  bool half = false;           // float16 out; default float32
  float scale[3] = {1 / 255.f, 1 / 255.f, 1 / 255.f};
  float mean[3] = {0, 0, 0};  // in pixel units 0..255
  Letterbox letterbox = Letterbox::Centre;
  uint8_t fill = 114;  // padding, before normalisation
};

// network = frame * scale + offset, per axis.
struct Geometry {
  float scale_x = 1, scale_y = 1, offset_x = 0, offset_y = 0;
  uint32_t inner_width = 0, inner_height = 0;  // pixels of the network that the frame covers
};

// As Ultralytics' LetterBox: r = min(W/w, H/h); inner = round(w*r), round(h*r); centred padding (W - inner) / 2 with
// the left/top part round(d - 0.1). Source: ultralytics/data/augment.py.
Geometry letterbox(uint32_t frame_width, uint32_t frame_height, const TensorSpec &spec);

struct Region {  // the part of a frame that is the network's picture; pixels
  float left = 0, top = 0, width = 0, height = 0;
};

// A frame, or a region of it, that becomes one picture of a batch.
struct Picture {
  const FrameView *frame = nullptr;
  const Region *region = nullptr;  // null: all of it
};

class Preprocessor {
 public:
  virtual ~Preprocessor() = default;
  // Writes frame `view` (or `region` of it) to `tensor`: 3 planes of height rows of width, the padding too. Returns the
  // geometry used. Bilinear with half-pixel centres when it grows or shrinks up to 2x, area averaging beyond.
  virtual Geometry run(const FrameView &view, const Region *region, const TensorSpec &spec, void *tensor) = 0;
};

std::unique_ptr<Preprocessor> make_cpu_preprocessor();

// On a GPU, for frames there or in system memory and tensors there or in system memory; run() waits for the result and
// throws std::runtime_error when the GPU fails. nullptr: *error says why there is none (no GPU, a build without CUDA).
std::unique_ptr<Preprocessor> make_cuda_preprocessor(int device, std::string *error);

}  // namespace nj

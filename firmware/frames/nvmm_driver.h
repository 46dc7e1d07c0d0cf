// What NVMM surfaces are opened with: NVIDIA's library, found at run time, and CUDA where the build has it. Tests put a
// driver of their own here. Only for the nvmm_*.cpp files and their tests.
#pragma once

#include <nvbufsurface.h>

#include <memory>
#include <string>

#include "frame_mapper.h"

namespace nj {

// A surface that CUDA reads through an EGL image. Closing it gives the image's memory back.
class CudaImage {
 public:
  virtual ~CudaImage() = default;
  // Fills planes and strides of `view`, of what is in the surface now. May copy: surfaces of hardware decoders are
  // stored in blocks. false: *error.
  virtual bool read(FrameView *view, std::string *error) = 0;
};

struct NvmmDriver {
  decltype(&NvBufSurfaceGetDeviceInfo) device_info = nullptr;
  decltype(&NvBufSurfaceMap) map = nullptr;
  decltype(&NvBufSurfaceUnMap) unmap = nullptr;
  decltype(&NvBufSurfaceSyncForCpu) sync_for_cpu = nullptr;
  decltype(&NvBufSurfaceMapEglImage) map_egl = nullptr;
  decltype(&NvBufSurfaceUnMapEglImage) unmap_egl = nullptr;
  // Opens an EGL image of a surface for GPU `device`; nullptr: *error. Not set in builds without CUDA.
  std::unique_ptr<CudaImage> (*open_image)(void *egl_image, const NvBufSurfaceParams &surface, int device,
                                           std::string *error) = nullptr;
};

// nullptr with *error where the library is missing.
const NvmmDriver *nvmm_driver(std::string *error);
// nullptr: the real one again.
void set_nvmm_driver(const NvmmDriver *driver);

// nvmm_cuda_image.cpp
std::unique_ptr<CudaImage> open_cuda_image(void *egl_image, const NvBufSurfaceParams &surface, int device,
                                           std::string *error);

}  // namespace nj

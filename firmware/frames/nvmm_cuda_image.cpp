// CUDA's view of an EGL image: the way to a Jetson's video memory under the nvgpu driver.
#include <cuda_egl_interop.h>
#include <cuda_runtime_api.h>

#include "../cuda/resources.h"
#include "nvmm_driver.h"

namespace nj {

namespace {

size_t aligned(size_t bytes) { return (bytes + 255) & ~size_t{255}; }

class EglCudaImage final : public CudaImage {
 public:
  explicit EglCudaImage(int device) : device_(device) {}
  ~EglCudaImage() override {
    if (!resource_) return;
    cudaSetDevice(device_);
    cudaGraphicsUnregisterResource(resource_);
  }

  bool open(void *egl_image, std::string *error) {
    return cuda::ok(cudaSetDevice(device_), "cannot use the GPU", error) && stream_.create(error) &&
           cuda::ok(cudaGraphicsEGLRegisterImage(&resource_, egl_image, cudaGraphicsRegisterFlagsReadOnly),
                    "cannot open a video surface for CUDA", error) &&
           cuda::ok(cudaGraphicsResourceGetMappedEglFrame(&frame_, resource_, 0, 0),
                    "cannot read a video surface with CUDA", error);
  }

  bool read(FrameView *view, std::string *error) override {
    view->memory = MemoryKind::Cuda;
    view->planes = frame_.planeCount;
    if (frame_.frameType == cudaEglFrameTypeArray) return copy_blocks(view, error);
    for (unsigned i = 0; i < frame_.planeCount; i++) {
      view->plane[i] = static_cast<const uint8_t *>(frame_.frame.pPitch[i].ptr);
      view->stride[i] = static_cast<uint32_t>(frame_.frame.pPitch[i].pitch);
    }
    return true;
  }

 private:
  static size_t row_bytes(const cudaEglPlaneDesc &plane) {
    return size_t{plane.width} * plane.numChannels * (plane.channelDesc.x / 8);
  }

  // Surfaces in blocks have no rows to point at: they are copied out on the GPU, at the speed of its memory.
  bool copy_blocks(FrameView *view, std::string *error) {
    size_t total = 0;
    for (unsigned i = 0; i < frame_.planeCount; i++)
      total += aligned(row_bytes(frame_.planeDesc[i])) * frame_.planeDesc[i].height;
    if (!rows_.reserve(total, "cannot make room for a video surface on the GPU", error)) return false;
    uint8_t *place = rows_.data();
    for (unsigned i = 0; i < frame_.planeCount; i++) {
      const cudaEglPlaneDesc &plane = frame_.planeDesc[i];
      const size_t stride = aligned(row_bytes(plane));
      if (!cuda::ok(cudaMemcpy2DFromArrayAsync(place, stride, frame_.frame.pArray[i], 0, 0, row_bytes(plane),
                                               plane.height, cudaMemcpyDeviceToDevice, stream_.get()),
                    "cannot copy a video surface on the GPU", error))
        return false;
      view->plane[i] = place;
      view->stride[i] = static_cast<uint32_t>(stride);
      place += stride * plane.height;
    }
    return cuda::ok(cudaStreamSynchronize(stream_.get()), "cannot copy a video surface on the GPU", error);
  }

  int device_;
  cuda::Stream stream_;
  cuda::DeviceMemory rows_;
  cudaGraphicsResource_t resource_ = nullptr;
  cudaEglFrame frame_ = {};
};

}  // namespace

std::unique_ptr<CudaImage> open_cuda_image(void *egl_image, const NvBufSurfaceParams &, int device,
                                           std::string *error) {
  auto image = std::make_unique<EglCudaImage>(device);
  if (!image->open(egl_image, error)) return nullptr;
  return image;
}

}  // namespace nj

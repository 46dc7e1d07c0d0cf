// Frames in NvBufSurfaces, read where they lie.
//
//   memory             who made it                                 the GPU reads          the CPU reads
//   CUDA_DEVICE        dGPU, and Jetsons with the OpenRM driver    as it is               not at all
//   SURFACE_ARRAY      Jetsons with the nvgpu driver               through an EGL image   a mapping of it
//   CUDA_PINNED        on request                                  as it is               as it is
//   CUDA_UNIFIED       on request                                  as it is               as it is
//   SYSTEM             on request                                  (a copy of it)         as it is
//
// "DEFAULT" stands for one of the first two: the driver decides, not the board.
#include <nvbufsurface.h>

#include <optional>
#include <vector>

#include "nvmm.h"
#include "nvmm_driver.h"
#include "nvmm_images.h"

namespace nj {

namespace {

struct SurfaceFormat {
  NvBufSurfaceColorFormat surface;
  PixelFormat ours;
  ColorMatrix matrix;
  bool full_range;
};

// RGB formats have no matrix: the first stands there for nothing.
constexpr SurfaceFormat kFormats[] = {
    {NVBUF_COLOR_FORMAT_NV12, PixelFormat::Nv12, ColorMatrix::Bt601, false},
    {NVBUF_COLOR_FORMAT_NV12_ER, PixelFormat::Nv12, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_NV12_709, PixelFormat::Nv12, ColorMatrix::Bt709, false},
    {NVBUF_COLOR_FORMAT_NV12_709_ER, PixelFormat::Nv12, ColorMatrix::Bt709, true},
    {NVBUF_COLOR_FORMAT_NV12_2020, PixelFormat::Nv12, ColorMatrix::Bt2020, false},
    {NVBUF_COLOR_FORMAT_NV21, PixelFormat::Nv21, ColorMatrix::Bt601, false},
    {NVBUF_COLOR_FORMAT_NV21_ER, PixelFormat::Nv21, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_YUV420, PixelFormat::I420, ColorMatrix::Bt601, false},
    {NVBUF_COLOR_FORMAT_YUV420_ER, PixelFormat::I420, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_YUV420_709, PixelFormat::I420, ColorMatrix::Bt709, false},
    {NVBUF_COLOR_FORMAT_YUV420_709_ER, PixelFormat::I420, ColorMatrix::Bt709, true},
    {NVBUF_COLOR_FORMAT_YUV420_2020, PixelFormat::I420, ColorMatrix::Bt2020, false},
    {NVBUF_COLOR_FORMAT_YVU420, PixelFormat::Yv12, ColorMatrix::Bt601, false},
    {NVBUF_COLOR_FORMAT_YVU420_ER, PixelFormat::Yv12, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_RGBA, PixelFormat::Rgba, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_BGRA, PixelFormat::Bgra, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_RGBx, PixelFormat::Rgbx, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_BGRx, PixelFormat::Bgrx, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_RGB, PixelFormat::Rgb, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_BGR, PixelFormat::Bgr, ColorMatrix::Bt601, true},
    {NVBUF_COLOR_FORMAT_GRAY8, PixelFormat::Gray8, ColorMatrix::Bt601, false},
};

const SurfaceFormat *format_of(NvBufSurfaceColorFormat format) {
  for (const SurfaceFormat &entry : kFormats)
    if (entry.surface == format) return &entry;
  return nullptr;
}

// Never destroyed: at the end of the process CUDA may be gone before it.
NvmmImages &images() {
  static auto *all = new NvmmImages;
  return *all;
}

// What "default" memory is on this machine.
std::optional<NvBufSurfaceMemType> memory_type(const NvBufSurface &surface, const NvmmDriver &driver,
                                               std::string *error) {
  if (surface.memType != NVBUF_MEM_DEFAULT) return surface.memType;
  NvBufSurfaceDeviceInfo info = {};
  if (driver.device_info(&info) != 0 || info.driverType == NVBUF_DRIVER_TYPE_UNKNOWN) {
    *error = "NvBufSurfaceGetDeviceInfo does not know this machine's GPU driver; expected nvgpu or OpenRM";
    return std::nullopt;
  }
  return info.driverType == NVBUF_DRIVER_TYPE_NVGPU ? NVBUF_MEM_SURFACE_ARRAY : NVBUF_MEM_CUDA_DEVICE;
}

class NvmmFrameMapper final : public FrameMapper {
 public:
  NvmmFrameMapper(GstBuffer *buffer, const NvmmDriver &driver) : buffer_(buffer), driver_(driver) {}
  ~NvmmFrameMapper() override {
    for (uint32_t index : mapped_) driver_.unmap(surface_, static_cast<int>(index), -1);
    if (surface_) gst_buffer_unmap(buffer_, &map_);
  }
  NvmmFrameMapper(const NvmmFrameMapper &) = delete;
  NvmmFrameMapper &operator=(const NvmmFrameMapper &) = delete;

  bool open(Reader reader, std::string *error) {
    if (!gst_buffer_map(buffer_, &map_, GST_MAP_READ)) {
      *error = "cannot map an NVMM buffer";
      return false;
    }
    surface_ = reinterpret_cast<NvBufSurface *>(map_.data);
    if (map_.size < sizeof(NvBufSurface)) {
      *error = "the buffer says it is NVMM and holds " + std::to_string(map_.size) +
               " bytes; expected an NvBufSurface of " + std::to_string(sizeof(NvBufSurface));
      return false;
    }
    const auto type = memory_type(*surface_, driver_, error);
    if (!type) return false;
    for (uint32_t i = 0; i < surface_->numFilled; i++)
      if (!add(i, *type, reader, error)) return false;
    return true;
  }

  uint32_t frame_count() const override { return static_cast<uint32_t>(views_.size()); }
  const FrameView &frame(uint32_t index) const override { return views_.at(index); }

 private:
  bool add(uint32_t index, NvBufSurfaceMemType type, Reader reader, std::string *error) {
    const NvBufSurfaceParams &params = surface_->surfaceList[index];
    const SurfaceFormat *format = format_of(params.colorFormat);
    if (!format) {
      *error = "surface " + std::to_string(index) + " has the colour format " + std::to_string(params.colorFormat) +
               " of nvbufsurface.h, which is not handled; put nvvideoconvert before nvstreammux to get NV12 or RGBA";
      return false;
    }
    FrameView view;
    view.format = format->ours;
    view.matrix = format->matrix;
    view.full_range = format->full_range;
    view.width = params.width;
    view.height = params.height;
    if (!place(index, type, reader, &view, error)) return false;
    views_.push_back(view);
    return true;
  }

  bool place(uint32_t index, NvBufSurfaceMemType type, Reader reader, FrameView *view, std::string *error) {
    const NvBufSurfaceParams &params = surface_->surfaceList[index];
    const bool gpu = reader == Reader::Gpu;
    switch (type) {
      case NVBUF_MEM_SYSTEM:
        return planes_at(params, params.dataPtr, MemoryKind::System, view, error);
      case NVBUF_MEM_CUDA_PINNED:
      case NVBUF_MEM_CUDA_UNIFIED:
        return planes_at(params, params.dataPtr, gpu ? MemoryKind::Cuda : MemoryKind::System, view, error);
      case NVBUF_MEM_CUDA_DEVICE:
        if (gpu) return planes_at(params, params.dataPtr, MemoryKind::Cuda, view, error);
        *error =
            "the frames are in GPU memory, which this plugin was built without CUDA to read; build it with "
            "-Dcuda=enabled "
            "(docs/jetson.md), or set nvbuf-memory-type=nvbuf-mem-cuda-unified at nvstreammux";
        return false;
      case NVBUF_MEM_SURFACE_ARRAY:
        return gpu ? through_egl(index, view, error) : through_mapping(index, view, error);
      default:
        *error = "NVMM memory of type " + std::to_string(type) +
                 " (NvBufSurfaceMemType) is not handled; set nvbuf-memory-type of nvstreammux to its default";
        return false;
    }
  }

  static bool planes_at(const NvBufSurfaceParams &params, const void *base, MemoryKind memory, FrameView *view,
                        std::string *error) {
    const NvBufSurfacePlaneParams &planes = params.planeParams;
    if (!base || planes.num_planes == 0 || planes.num_planes > std::size(view->plane)) {
      *error = "a surface has no data, or " + std::to_string(planes.num_planes) + " planes";
      return false;
    }
    view->memory = memory;
    view->planes = planes.num_planes;
    for (uint32_t i = 0; i < view->planes; i++) {
      view->plane[i] = static_cast<const uint8_t *>(base) + planes.offset[i];
      view->stride[i] = planes.pitch[i];
    }
    return true;
  }

  bool through_egl(uint32_t index, FrameView *view, std::string *error) {
    if (!driver_.open_image) {
      *error =
          "this plugin was built without CUDA and cannot read a Jetson's surfaces on the GPU; build it with "
          "-Dcuda=enabled (docs/jetson.md)";
      return false;
    }
    const auto surface = images().find(driver_, surface_, index, error);
    if (!surface || !surface->image().read(view, error)) return false;
    open_.push_back(surface);
    return true;
  }

  bool through_mapping(uint32_t index, FrameView *view, std::string *error) {
    const NvBufSurfaceParams &params = surface_->surfaceList[index];
    if (params.layout != NVBUF_LAYOUT_PITCH) {
      *error =
          "the frames are stored in blocks, which only the GPU reads; build the plugin with -Dcuda=enabled "
          "(docs/jetson.md), or put nvvideoconvert bl-output=false before nvstreammux";
      return false;
    }
    const int number = static_cast<int>(index);
    if (driver_.map(surface_, number, -1, NVBUF_MAP_READ) != 0) {
      *error = "NvBufSurfaceMap failed for surface " + std::to_string(index);
      return false;
    }
    mapped_.push_back(index);
    if (driver_.sync_for_cpu(surface_, number, -1) != 0) {
      *error = "NvBufSurfaceSyncForCpu failed for surface " + std::to_string(index);
      return false;
    }
    view->memory = MemoryKind::System;
    view->planes = params.planeParams.num_planes;
    for (uint32_t i = 0; i < view->planes && i < std::size(view->plane); i++) {
      view->plane[i] = static_cast<const uint8_t *>(params.mappedAddr.addr[i]);
      view->stride[i] = params.planeParams.pitch[i];
    }
    return true;
  }

  GstBuffer *buffer_;
  const NvmmDriver &driver_;
  GstMapInfo map_ = {};
  NvBufSurface *surface_ = nullptr;
  std::vector<FrameView> views_;
  std::vector<uint32_t> mapped_;                    // for the CPU
  std::vector<std::shared_ptr<OpenSurface>> open_;  // for the GPU
};

}  // namespace

// What a build takes does not depend on the machine: the buffer's own format counts.
const char *nvmm_formats() { return "{ NV12, RGBA, I420, RGBx, BGRx, BGRA, RGB, BGR, NV21, YV12, GRAY8 }"; }

std::unique_ptr<FrameMapper> map_nvmm_frames(GstBuffer *buffer, std::string *error, Reader reader) {
  const NvmmDriver *driver = nvmm_driver(error);
  if (!driver) return nullptr;
  auto mapper = std::make_unique<NvmmFrameMapper>(buffer, *driver);
  return mapper->open(reader, error) ? std::move(mapper) : nullptr;
}

}  // namespace nj

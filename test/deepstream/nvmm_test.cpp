// Frames in NVMM, with surfaces in ordinary memory and a driver of the test's own below: what is opened, how often, and
// where planes are looked for.
#include "frames/nvmm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <deque>
#include <vector>

#include "frames/nvmm_driver.h"
#include "frames/nvmm_images.h"
#include "metadata/main.h"

namespace {

constexpr uint32_t kWidth = 64, kHeight = 32, kStride = 256;

// What the fake driver was asked.
struct Calls {
  int mapped = 0, unmapped = 0, synced = 0, opened = 0, closed = 0, images = 0;
  NvBufSurfaceDriverType driver = NVBUF_DRIVER_TYPE_RM;
} calls;

int device_info(NvBufSurfaceDeviceInfo *info) {
  info->driverType = calls.driver;
  return 0;
}
int map_for_cpu(NvBufSurface *surface, int index, int, NvBufSurfaceMemMapFlags) {
  NvBufSurfaceParams &params = surface->surfaceList[index];
  for (uint32_t i = 0; i < params.planeParams.num_planes; i++)
    params.mappedAddr.addr[i] = static_cast<uint8_t *>(params.dataPtr) + params.planeParams.offset[i];
  calls.mapped++;
  return 0;
}
int unmap_for_cpu(NvBufSurface *, int, int) { return calls.unmapped++, 0; }
int sync_for_cpu(NvBufSurface *, int, int) { return calls.synced++, 0; }
int map_egl(NvBufSurface *surface, int index) {
  surface->surfaceList[index].mappedAddr.eglImage = surface->surfaceList[index].dataPtr;
  return calls.opened++, 0;
}
int unmap_egl(NvBufSurface *surface, int index) {
  CHECK(surface->surfaceList[index].mappedAddr.eglImage != nullptr);
  return calls.closed++, 0;
}

class TestImage : public nj::CudaImage {
 public:
  TestImage(void *image, const NvBufSurfaceParams &surface) : image_(image), surface_(surface) { calls.images++; }
  ~TestImage() override { calls.images--; }
  bool read(nj::FrameView *view, std::string *) override {
    view->memory = nj::MemoryKind::Cuda;
    view->planes = surface_.planeParams.num_planes;
    for (uint32_t i = 0; i < view->planes; i++) {
      view->plane[i] = static_cast<const uint8_t *>(image_) + surface_.planeParams.offset[i];
      view->stride[i] = surface_.planeParams.pitch[i];
    }
    return true;
  }

 private:
  void *image_;
  NvBufSurfaceParams surface_;
};

std::unique_ptr<nj::CudaImage> open_image(void *image, const NvBufSurfaceParams &surface, int, std::string *) {
  return std::make_unique<TestImage>(image, surface);
}

class Driver {
 public:
  Driver() {
    calls = {};
    driver = {device_info, map_for_cpu, unmap_for_cpu, sync_for_cpu, map_egl, unmap_egl, open_image};
    nj::set_nvmm_driver(&driver);
  }
  ~Driver() { nj::set_nvmm_driver(nullptr); }
  nj::NvmmDriver driver;
};

// NV12 surfaces, each with a dma-buf's stand-in of its own; surface i is filled with i + 1.
class Surfaces {
 public:
  Surfaces(uint32_t count, NvBufSurfaceMemType type) {
    for (uint32_t i = 0; i < count; i++) {
      std::vector<uint8_t> &bytes = bytes_.emplace_back(kStride * kHeight * 3 / 2, static_cast<uint8_t>(i + 1));
      NvBufSurfaceParams &params = params_.emplace_back();
      params.width = kWidth;
      params.height = kHeight;
      params.pitch = kStride;
      params.colorFormat = NVBUF_COLOR_FORMAT_NV12_709_ER;
      params.layout = NVBUF_LAYOUT_PITCH;
      params.bufferDesc = static_cast<uint64_t>(memfd_create("surface", 0));
      params.dataPtr = bytes.data();
      params.planeParams.num_planes = 2;
      params.planeParams.offset[1] = kStride * kHeight;
      params.planeParams.pitch[0] = params.planeParams.pitch[1] = kStride;
    }
    surface.batchSize = surface.numFilled = count;
    surface.memType = type;
    surface.surfaceList = params_.data();
  }
  ~Surfaces() {
    for (const NvBufSurfaceParams &params : params_) close(static_cast<int>(params.bufferDesc));
  }
  Surfaces(const Surfaces &) = delete;

  // As nvstreammux: the memory of the buffer is the description.
  GstBuffer *buffer() {
    return gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, &surface, sizeof surface, 0, sizeof surface, nullptr,
                                       nullptr);
  }
  NvBufSurfaceParams &params(uint32_t i) { return params_[i]; }

  NvBufSurface surface = {};

 private:
  std::deque<std::vector<uint8_t>> bytes_;
  std::vector<NvBufSurfaceParams> params_;
};

std::unique_ptr<nj::FrameMapper> mapped(GstBuffer *buffer, nj::Reader reader) {
  std::string error;
  auto mapper = nj::map_nvmm_frames(buffer, &error, reader);
  REQUIRE_MESSAGE(mapper, error);
  return mapper;
}

std::string refusal(Surfaces &surfaces, nj::Reader reader) {
  GstBuffer *buffer = surfaces.buffer();
  std::string error;
  CHECK(nj::map_nvmm_frames(buffer, &error, reader) == nullptr);
  gst_buffer_unref(buffer);
  return error;
}

}  // namespace

TEST_CASE("device memory is read where it is, with the planes' own offsets and strides") {
  Driver driver;
  Surfaces surfaces(2, NVBUF_MEM_CUDA_DEVICE);
  GstBuffer *buffer = surfaces.buffer();
  const auto frames = mapped(buffer, nj::Reader::Gpu);
  REQUIRE(frames->frame_count() == 2);
  const nj::FrameView &view = frames->frame(1);
  CHECK(view.memory == nj::MemoryKind::Cuda);
  CHECK(view.format == nj::PixelFormat::Nv12);
  CHECK(view.matrix == nj::ColorMatrix::Bt709);
  CHECK(view.full_range);
  CHECK(view.width == kWidth);
  CHECK(view.height == kHeight);
  CHECK(view.planes == 2);
  CHECK(view.plane[0] == surfaces.params(1).dataPtr);
  CHECK(view.plane[1] - view.plane[0] == kStride * kHeight);
  CHECK(view.stride[1] == kStride);
  CHECK(calls.opened == 0);
  gst_buffer_unref(buffer);
}

TEST_CASE("only the frames that are filled are there") {
  Driver driver;
  Surfaces surfaces(3, NVBUF_MEM_SYSTEM);
  surfaces.surface.numFilled = 2;
  GstBuffer *buffer = surfaces.buffer();
  CHECK(mapped(buffer, nj::Reader::Cpu)->frame_count() == 2);
  gst_buffer_unref(buffer);
}

TEST_CASE("memory that both sides see goes to the one that reads") {
  Driver driver;
  for (const auto type : {NVBUF_MEM_CUDA_PINNED, NVBUF_MEM_CUDA_UNIFIED}) {
    Surfaces surfaces(1, type);
    GstBuffer *buffer = surfaces.buffer();
    CHECK(mapped(buffer, nj::Reader::Cpu)->frame(0).memory == nj::MemoryKind::System);
    CHECK(mapped(buffer, nj::Reader::Gpu)->frame(0).memory == nj::MemoryKind::Cuda);
    gst_buffer_unref(buffer);
  }
}

TEST_CASE("default memory is what the driver makes of it, not the board") {
  Driver driver;
  Surfaces surfaces(1, NVBUF_MEM_DEFAULT);
  GstBuffer *buffer = surfaces.buffer();
  calls.driver = NVBUF_DRIVER_TYPE_RM;
  mapped(buffer, nj::Reader::Gpu);
  CHECK(calls.opened == 0);
  calls.driver = NVBUF_DRIVER_TYPE_NVGPU;
  mapped(buffer, nj::Reader::Gpu);
  CHECK(calls.opened == 1);
  calls.driver = NVBUF_DRIVER_TYPE_UNKNOWN;
  CHECK(refusal(surfaces, nj::Reader::Gpu).find("nvgpu or OpenRM") != std::string::npos);
  gst_buffer_unref(buffer);
}

TEST_CASE("each surface of a pool is opened once, however often its buffer comes by") {
  Driver driver;
  Surfaces first(2, NVBUF_MEM_SURFACE_ARRAY), second(2, NVBUF_MEM_SURFACE_ARRAY);
  for (int round = 0; round < 5; round++) {
    for (Surfaces *surfaces : {&first, &second}) {
      GstBuffer *buffer = surfaces->buffer();
      CHECK(mapped(buffer, nj::Reader::Gpu)->frame(1).plane[0][5] == 2);
      gst_buffer_unref(buffer);
    }
  }
  CHECK(calls.opened == 4);
  CHECK(calls.closed == 0);
}

TEST_CASE("a muxer's copy of a surface's description is the same surface") {
  Driver driver;
  Surfaces surfaces(1, NVBUF_MEM_SURFACE_ARRAY);
  NvBufSurfaceParams copy = surfaces.params(0);
  copy.bufferDesc = static_cast<uint64_t>(dup(static_cast<int>(copy.bufferDesc)));
  NvBufSurface other = surfaces.surface;
  other.surfaceList = &copy;
  std::string error;
  nj::NvmmImages images;
  const auto one = images.find(driver.driver, &surfaces.surface, 0, &error);
  CHECK(images.find(driver.driver, &other, 0, &error) == one);
  CHECK(copy.mappedAddr.eglImage == nullptr);
  close(static_cast<int>(copy.bufferDesc));
}

TEST_CASE("a descriptor that was given out again is another surface") {
  Driver driver;
  nj::NvmmImages images;
  std::string error;
  std::shared_ptr<nj::OpenSurface> one;
  uint64_t descriptor;
  {
    Surfaces surfaces(1, NVBUF_MEM_SURFACE_ARRAY);
    descriptor = surfaces.params(0).bufferDesc;
    one = images.find(driver.driver, &surfaces.surface, 0, &error);
  }
  Surfaces surfaces(1, NVBUF_MEM_SURFACE_ARRAY);
  REQUIRE(surfaces.params(0).bufferDesc == descriptor);
  CHECK(images.find(driver.driver, &surfaces.surface, 0, &error) != one);
}

TEST_CASE("surfaces of a pool that is gone are closed, those that a frame holds not before it lets go") {
  Driver driver;
  Surfaces gone(2, NVBUF_MEM_SURFACE_ARRAY), used(1, NVBUF_MEM_SURFACE_ARRAY);
  nj::NvmmImages images;
  std::string error;
  const auto start = nj::NvmmImages::Clock::now();
  auto held = images.find(driver.driver, &gone.surface, 0, &error, start);
  images.find(driver.driver, &gone.surface, 1, &error, start);
  for (int second = 1; second < 8; second++)
    images.find(driver.driver, &used.surface, 0, &error, start + std::chrono::seconds(second));
  CHECK(images.size() == 1);
  CHECK(calls.closed == 1);
  CHECK(calls.images == 2);
  held.reset();
  CHECK(calls.closed == 2);
}

TEST_CASE("the CPU reads a Jetson's surface through a mapping, which ends with the frames") {
  Driver driver;
  Surfaces surfaces(2, NVBUF_MEM_SURFACE_ARRAY);
  GstBuffer *buffer = surfaces.buffer();
  {
    const auto frames = mapped(buffer, nj::Reader::Cpu);
    CHECK(frames->frame(0).memory == nj::MemoryKind::System);
    CHECK(frames->frame(1).plane[1][0] == 2);
    CHECK(calls.synced == 2);
  }
  CHECK(calls.mapped == 2);
  CHECK(calls.unmapped == 2);
  gst_buffer_unref(buffer);
}

TEST_CASE("what cannot be read is refused with what to do") {
  Driver driver;
  Surfaces device(1, NVBUF_MEM_CUDA_DEVICE);
  CHECK(refusal(device, nj::Reader::Cpu).find("-Dcuda=enabled") != std::string::npos);
  Surfaces blocks(1, NVBUF_MEM_SURFACE_ARRAY);
  blocks.params(0).layout = NVBUF_LAYOUT_BLOCK_LINEAR;
  CHECK(refusal(blocks, nj::Reader::Cpu).find("bl-output=false") != std::string::npos);
  Surfaces handle(1, NVBUF_MEM_HANDLE);
  CHECK(refusal(handle, nj::Reader::Gpu).find("nvbuf-memory-type") != std::string::npos);
  Surfaces format(1, NVBUF_MEM_SYSTEM);
  format.params(0).colorFormat = NVBUF_COLOR_FORMAT_UYVP;
  CHECK(refusal(format, nj::Reader::Cpu).find("nvvideoconvert") != std::string::npos);
  driver.driver.open_image = nullptr;
  Surfaces array(1, NVBUF_MEM_SURFACE_ARRAY);
  CHECK(refusal(array, nj::Reader::Gpu).find("without CUDA") != std::string::npos);
}

TEST_CASE("a buffer that is no surface is refused, not read") {
  Driver driver;
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 16, nullptr);
  std::string error;
  CHECK(nj::map_nvmm_frames(buffer, &error, nj::Reader::Cpu) == nullptr);
  CHECK(error.find("16 bytes") != std::string::npos);
  gst_buffer_unref(buffer);
}

TEST_CASE("caps say what is NVMM") {
  const auto check = [](const char *text) {
    GstCaps *caps = gst_caps_from_string(text);
    const bool is = nj::is_nvmm(caps);
    gst_caps_unref(caps);
    return is;
  };
  CHECK(check("video/x-raw(memory:NVMM),format=NV12"));
  CHECK_FALSE(check("video/x-raw,format=NV12"));
  CHECK_FALSE(check("ANY"));
}

// The CUDA preprocessor against the CPU's scalar kernels, whose integer arithmetic it repeats, on pictures of every
// format. Needs a GPU; without one each test says so and passes.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "preprocess/cuda_preprocessor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "frame_in_memory.h"
#include "reference.h"

using namespace nj;
using namespace nj::test;

namespace {

constexpr PixelFormat kFormats[] = {
    PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420,  PixelFormat::Yv12, PixelFormat::Rgb,  PixelFormat::Bgr,
    PixelFormat::Rgba, PixelFormat::Bgra, PixelFormat::Rgbx,  PixelFormat::Bgrx, PixelFormat::Argb, PixelFormat::Abgr,
    PixelFormat::Xrgb, PixelFormat::Xbgr, PixelFormat::Gray8, PixelFormat::Yuy2, PixelFormat::Uyvy};

// In levels of an 8-bit picture: what fused multiply-adds may differ by.
constexpr double kAgainstScalar = 1e-3;
constexpr double kAgainstReference = 0.06;  // as the CPU's

bool has_gpu() {
  int count = 0;
  const bool found = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  if (!found) MESSAGE("no GPU here: nothing was tested");
  return found;
}

TensorSpec network(uint32_t width, uint32_t height) {
  TensorSpec spec;
  spec.width = width;
  spec.height = height;
  return spec;
}

std::vector<float> on_cpu(const FrameView &view, const TensorSpec &spec, const Region *region = nullptr) {
  uint32_t count = 0;
  const CpuKernels *const *kernels = available_cpu_kernels(&count);
  std::vector<float> tensor(size_t{3} * spec.width * spec.height, NAN);
  make_cpu_preprocessor(*kernels[count - 1])->run(view, region, spec, tensor.data());
  return tensor;
}

template <typename Value = float>
std::vector<Value> on_gpu(const FrameView &view, const TensorSpec &spec, const Region *region = nullptr) {
  std::string error;
  static const auto preprocessor = make_cuda_preprocessor(0, &error);
  REQUIRE_MESSAGE(preprocessor, error);
  std::vector<Value> tensor(size_t{3} * spec.width * spec.height, Value(77));
  preprocessor->run(view, region, spec, tensor.data());
  return tensor;
}

// A batch with frames in GPU memory, rows aligned as a decoder's are.
struct DeviceFrame {
  explicit DeviceFrame(const FrameView &host) : view(host) {
    view.memory = MemoryKind::Cuda;
    const auto sizes = plane_sizes(host.format, host.width, host.height);
    for (size_t p = 0; p < sizes.size(); p++) {
      size_t stride;
      void *plane;
      REQUIRE(cudaMallocPitch(&plane, &stride, sizes[p].row_bytes, sizes[p].rows) == cudaSuccess);
      REQUIRE(cudaMemcpy2D(plane, stride, host.plane[p], host.stride[p], sizes[p].row_bytes, sizes[p].rows,
                           cudaMemcpyHostToDevice) == cudaSuccess);
      view.plane[p] = static_cast<uint8_t *>(plane);
      view.stride[p] = stride;
    }
  }
  ~DeviceFrame() {
    for (uint32_t p = 0; p < view.planes; p++) cudaFree(const_cast<uint8_t *>(view.plane[p]));
  }
  DeviceFrame(const DeviceFrame &) = delete;
  FrameView view;
};

}  // namespace

TEST_CASE("every format agrees with the CPU and with the reference, growing and shrinking") {
  if (!has_gpu()) return;
  const struct {
    uint32_t width, height, net_width, net_height;
  } sizes[] = {{37, 23, 64, 64},  {127, 93, 64, 48}, {200, 131, 41, 57},    {64, 64, 64, 64},
               {33, 250, 32, 32}, {1, 1, 8, 8},      {1920, 1080, 640, 640}};
  for (const PixelFormat format : kFormats) {
    for (const auto &size : sizes) {
      CAPTURE(static_cast<int>(format));
      CAPTURE(size.width);
      const FrameInMemory frame(format, size.width, size.height);
      const TensorSpec spec = network(size.net_width, size.net_height);
      const auto got = on_gpu(frame.view, spec);
      CHECK(largest_difference(got, on_cpu(frame.view, spec)) * 255 < kAgainstScalar);
      if (size.width < 1000)
        CHECK(largest_difference(got, reference(frame.view, whole(frame.view), spec)) * 255 < kAgainstReference);
      const DeviceFrame there(frame.view);
      CHECK(on_gpu(there.view, spec) == got);
    }
  }
}

// One picture by a table of its own.
std::vector<float> by_table(PictureTable &table, const FrameView &view, const TensorSpec &spec) {
  std::string error;
  std::vector<Geometry> geometries;
  cuda::Stream stream;
  cuda::DeviceMemory device;
  REQUIRE((stream.create(&error) && device.reserve(picture_bytes(spec), "tensor", &error)));
  REQUIRE_MESSAGE(table.describe({{&view, nullptr}}, spec, device.data(), stream.get(), &geometries, &error), error);
  REQUIRE(launch_preprocess(table.job(), stream.get()) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
  std::vector<float> tensor(picture_bytes(spec) / sizeof(float));
  cudaMemcpy(tensor.data(), device.data(), picture_bytes(spec), cudaMemcpyDeviceToHost);
  return tensor;
}

TEST_CASE("what cameras give has a kernel of its own, which agrees as well") {
  if (!has_gpu()) return;
  const struct {
    uint32_t width, height, net_width, net_height;
  } sizes[] = {{1920, 1080, 640, 640}, {1280, 720, 640, 640}, {640, 360, 512, 288}, {98, 64, 64, 40}};
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::Nv21})
    for (const auto &size : sizes) {
      CAPTURE(size.width);
      const FrameInMemory frame(format, size.width, size.height), other(PixelFormat::Rgba, 64, 64);
      const DeviceFrame there(frame.view);
      const TensorSpec spec = network(size.net_width, size.net_height);
      PictureTable table;
      const auto got = by_table(table, there.view, spec);
      CHECK(table.job().usual);
      CHECK(largest_difference(got, on_cpu(frame.view, spec)) * 255 < kAgainstScalar);
      // A table that has had another picture keeps to the kernel for all, and says that captures must follow.
      const uint64_t generation = table.generation();
      by_table(table, other.view, spec);
      CHECK_FALSE(table.job().usual);
      CHECK(table.generation() > generation);
      CHECK(by_table(table, there.view, spec) == got);
      CHECK_FALSE(table.job().usual);
    }
}

TEST_CASE("frames that shrink so much that a tile's row does not fit into shared memory") {
  if (!has_gpu()) return;
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::Rgba}) {
    const FrameInMemory frame(format, 16000, 16);
    for (const TensorSpec &spec : {network(160, 160), network(1000, 20), network(33, 20)})
      CHECK(largest_difference(on_gpu(frame.view, spec), on_cpu(frame.view, spec)) * 255 < kAgainstScalar);
  }
}

TEST_CASE("matrix, range, mean, scale, letterbox and fill are as on the CPU") {
  if (!has_gpu()) return;
  for (const ColorMatrix matrix : {ColorMatrix::Bt601, ColorMatrix::Bt709, ColorMatrix::Bt2020})
    for (const bool full_range : {false, true})
      for (const Letterbox letterbox : {Letterbox::Centre, Letterbox::BottomRight, Letterbox::Stretch}) {
        FrameInMemory frame(PixelFormat::Nv12, 640, 358);
        frame.view.matrix = matrix;
        frame.view.full_range = full_range;
        TensorSpec spec = network(224, 320);
        spec.letterbox = letterbox;
        spec.fill = 7;
        spec.bgr = full_range;
        const float mean[3] = {123.675f, 116.28f, 103.53f}, scale[3] = {0.0171f, 0.0175f, 0.0174f};
        std::copy(mean, mean + 3, spec.mean);
        std::copy(scale, scale + 3, spec.scale);
        CHECK(largest_difference(on_gpu(frame.view, spec), on_cpu(frame.view, spec)) < 1e-5);
      }
}

TEST_CASE("interleaved channels and half precision are layouts of the same numbers") {
  if (!has_gpu()) return;
  for (const uint32_t width : {40u, 41u}) {
    const FrameInMemory frame(PixelFormat::Nv12, 90, 50);
    TensorSpec spec = network(width, 40);
    const uint32_t pixels = width * 40;
    const auto plain = on_gpu(frame.view, spec);
    spec.half = true;
    const auto half = on_gpu<uint16_t>(frame.view, spec);
    spec.channels_last = true;
    const auto interleaved = on_gpu<uint16_t>(frame.view, spec);
    for (uint32_t i = 0; i < pixels; i++)
      for (uint32_t c = 0; c < 3; c++) {
        const uint16_t value = half[c * pixels + i];
        CHECK(interleaved[3 * i + c] == value);
        CHECK(std::abs(from_half(value) - plain[c * pixels + i]) <= 0.0005f);
      }
  }
}

TEST_CASE("a region is cut out at fractions of a pixel") {
  if (!has_gpu()) return;
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Uyvy, PixelFormat::I420}) {
    const FrameInMemory frame(format, 151, 97);
    const TensorSpec spec = network(48, 40);
    for (const Region region : {Region{10.5f, 7.25f, 60, 40}, Region{0, 0, 13.3f, 90}, Region{100, 50, 51, 47},
                                Region{149.5f, 96, 1.2f, 1}, Region{-20, -20, 400, 400}})
      CHECK(largest_difference(on_gpu(frame.view, spec, &region), on_cpu(frame.view, spec, &region)) * 255 <
            kAgainstScalar);
  }
}

TEST_CASE("a batch holds frames of different sizes, formats and memories") {
  if (!has_gpu()) return;
  const TensorSpec spec = network(320, 192);
  std::vector<std::unique_ptr<FrameInMemory>> frames;
  std::vector<std::unique_ptr<DeviceFrame>> there;
  std::vector<Picture> pictures;
  const Region crop{30.5f, 12, 77, 51};
  for (uint32_t i = 0; i < 17; i++) {
    frames.push_back(std::make_unique<FrameInMemory>(kFormats[i], 100 + 61 * i, 700 - 31 * i));
    if (i % 3) there.push_back(std::make_unique<DeviceFrame>(frames.back()->view));
    pictures.push_back({i % 3 ? &there.back()->view : &frames.back()->view, i % 4 == 1 ? &crop : nullptr});
  }
  cuda::Stream stream;
  cuda::DeviceMemory tensor;
  PictureTable table;
  std::vector<Geometry> geometries;
  std::string error;
  REQUIRE(stream.create(&error));
  REQUIRE(tensor.reserve(17 * picture_bytes(spec), "tensor", &error));
  for (int round = 0; round < 3; round++) {
    REQUIRE(cudaMemsetAsync(tensor.data(), 0xFF, tensor.bytes(), stream.get()) == cudaSuccess);
    REQUIRE_MESSAGE(table.describe(pictures, spec, tensor.data(), stream.get(), &geometries, &error), error);
    REQUIRE(launch_preprocess(table.job(), stream.get()) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
    for (uint32_t i = 0; i < 17; i++) {
      CAPTURE(i);
      std::vector<float> got(picture_bytes(spec) / 4);
      REQUIRE(cudaMemcpy(got.data(), tensor.data() + i * picture_bytes(spec), picture_bytes(spec), cudaMemcpyDefault) ==
              cudaSuccess);
      CHECK(largest_difference(got, on_cpu(frames[i]->view, spec, pictures[i].region)) * 255 < kAgainstScalar);
    }
    std::rotate(pictures.begin(), pictures.begin() + 1, pictures.end());
    std::rotate(frames.begin(), frames.begin() + 1, frames.end());
  }
}

TEST_CASE("sizes may change from batch to batch, also many at a time, and memory stays what it was") {
  if (!has_gpu()) return;
  const TensorSpec spec = network(64, 64);
  cuda::Stream stream;
  cuda::DeviceMemory tensor;
  PictureTable table;
  std::vector<Geometry> geometries;
  std::string error;
  REQUIRE(stream.create(&error));
  REQUIRE(tensor.reserve(256 * picture_bytes(spec), "tensor", &error));
  const FrameInMemory frame(PixelFormat::Nv12, 512, 384);
  const DeviceFrame there(frame.view);
  size_t before = 0, after = 0, total;
  const bool is_long = std::getenv("NIGHTJAR_LONG") != nullptr;
  const uint32_t rounds = is_long ? 10000 : 60, count = is_long ? 32 : 256;
  for (uint32_t round = 0; round < rounds; round++) {
    std::vector<Region> regions(count);
    std::vector<Picture> pictures;
    for (uint32_t i = 0; i < count; i++) {
      regions[i] = {float(i % 50), float(round % 40), 20.f + i, 30.f + round % 300 + i % 7};
      pictures.push_back({&there.view, &regions[i]});
    }
    REQUIRE_MESSAGE(table.describe(pictures, spec, tensor.data(), stream.get(), &geometries, &error), error);
    REQUIRE(launch_preprocess(table.job(), stream.get()) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
    if (round == 10) cudaMemGetInfo(&before, &total);
    if (round % (rounds / 3)) continue;
    for (const uint32_t i : {0u, count / 3, count - 1}) {
      std::vector<float> got(picture_bytes(spec) / 4);
      cudaMemcpy(got.data(), tensor.data() + i * picture_bytes(spec), picture_bytes(spec), cudaMemcpyDefault);
      CHECK(largest_difference(got, on_cpu(frame.view, spec, &regions[i])) * 255 < kAgainstScalar);
    }
  }
  cudaMemGetInfo(&after, &total);
  CHECK(after == before);
}

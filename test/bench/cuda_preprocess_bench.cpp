// A batch of 1080p NV12 frames in GPU memory to the network's input in fp16: the CUDA preprocessor against what the
// memory of this GPU allows.
//
// In the clock: the kernel alone, by CUDA events around one launch. Frames and tensors rotate among sets that together
// are several times the second-level cache. Bandwidth: a device-to-device copy of 2 GiB, bytes read and written, in the
// same run. Bytes that must move: every byte of the frames once, every value of the tensor once, padding too. Medians.
//
// usage: cuda-preprocess-bench [--batch N] [--rounds N]      prints JSON: [{name, value, unit, bound, holds}]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "preprocess/cuda_preprocessor.h"

namespace {

constexpr uint32_t kWidth = 1920, kHeight = 1080, kNetwork = 640, kStride = 2048;
constexpr size_t kFrameBytes = size_t{kStride} * kHeight * 3 / 2, kCopyBytes = size_t{2} << 30;
constexpr int kSets = 3, kWarmUp = 20;
constexpr double kLeastShare = 0.6;

void check(cudaError_t result, const char *what) {
  if (result == cudaSuccess) return;
  std::fprintf(stderr, "cuda-preprocess-bench: %s: %s\n", what, cudaGetErrorString(result));
  std::exit(69);
}

double median(std::vector<float> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

class Clock {
 public:
  Clock() {
    check(cudaEventCreate(&begin_), "event");
    check(cudaEventCreate(&end_), "event");
  }
  ~Clock() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  template <class Work>
  float milliseconds(cudaStream_t stream, Work work) {
    check(cudaEventRecord(begin_, stream), "event");
    work();
    check(cudaEventRecord(end_, stream), "event");
    check(cudaEventSynchronize(end_), "synchronize");
    float result;
    check(cudaEventElapsedTime(&result, begin_, end_), "elapsed");
    return result;
  }

 private:
  cudaEvent_t begin_, end_;
};

double copy_bandwidth(cudaStream_t stream) {  // bytes per ms
  nj::cuda::DeviceMemory from, to;
  std::string error;
  if (!from.reserve(kCopyBytes, "copy", &error) || !to.reserve(kCopyBytes, "copy", &error)) return 0;
  check(cudaMemset(from.data(), 0x5A, kCopyBytes), "memset");
  Clock clock;
  std::vector<float> times;
  for (int i = 0; i < 20; i++)
    times.push_back(clock.milliseconds(stream, [&] {
      check(cudaMemcpyAsync(to.data(), from.data(), kCopyBytes, cudaMemcpyDeviceToDevice, stream), "copy");
    }));
  return 2.0 * kCopyBytes / median(times);
}

struct Set {
  nj::cuda::DeviceMemory frames, tensor;
  std::vector<nj::FrameView> views;
  nj::PictureTable table;
};

void fill_set(Set &set, uint32_t batch, const nj::TensorSpec &spec, cudaStream_t stream) {
  std::string error;
  std::vector<nj::Geometry> geometries;
  std::mt19937 random(7);
  std::vector<uint32_t> noise(kFrameBytes / 4);
  for (uint32_t &word : noise) word = random();
  if (!set.frames.reserve(batch * kFrameBytes, "frames", &error) ||
      !set.tensor.reserve(batch * nj::picture_bytes(spec), "tensor", &error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::exit(69);
  }
  for (uint32_t i = 0; i < batch; i++) {
    uint8_t *frame = set.frames.data() + i * kFrameBytes;
    check(cudaMemcpy(frame, noise.data(), kFrameBytes, cudaMemcpyHostToDevice), "copy");
    nj::FrameView view;
    view.memory = nj::MemoryKind::Cuda;
    view.format = nj::PixelFormat::Nv12;
    view.matrix = nj::ColorMatrix::Bt709;
    view.width = kWidth;
    view.height = kHeight;
    view.planes = 2;
    view.plane[0] = frame;
    view.plane[1] = frame + size_t{kStride} * kHeight;
    view.stride[0] = view.stride[1] = kStride;
    set.views.push_back(view);
  }
  std::vector<nj::Picture> pictures;
  for (const nj::FrameView &view : set.views) pictures.push_back({&view, nullptr});
  if (!set.table.describe(pictures, spec, set.tensor.data(), stream, &geometries, &error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::exit(69);
  }
}

}  // namespace

int main(int argc, char **argv) {
  uint32_t batch = 32;
  int rounds = 300;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--batch")) batch = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--rounds")) rounds = std::atoi(argv[i + 1]);
  }
  nj::TensorSpec spec;
  spec.width = spec.height = kNetwork;
  spec.half = true;
  nj::cuda::Stream stream;
  std::string error;
  if (!stream.create(&error)) {
    std::fprintf(stderr, "cuda-preprocess-bench: %s\n", error.c_str());
    return 69;
  }
  const double bandwidth = copy_bandwidth(stream.get());
  std::vector<std::unique_ptr<Set>> sets;
  for (int i = 0; i < kSets; i++) {
    sets.push_back(std::make_unique<Set>());
    fill_set(*sets.back(), batch, spec, stream.get());
  }
  Clock clock;
  std::vector<float> times;
  for (int i = 0; i < kWarmUp + rounds; i++) {
    const nj::BatchJob job = sets[i % kSets]->table.job();
    const float time =
        clock.milliseconds(stream.get(), [&] { check(nj::launch_preprocess(job, stream.get()), "kernel"); });
    if (i >= kWarmUp) times.push_back(time);
  }
  const double time = median(times);
  const double bytes = batch * (kWidth * kHeight * 1.5 + nj::picture_bytes(spec));
  const double share = bytes / time / bandwidth;
  std::printf(
      "[{\"name\": \"preprocess of %u 1080p NV12 frames to 640x640 fp16 on the GPU\", \"value\": %.4f, \"unit\": "
      "\"ms\"},\n"
      " {\"name\": \"copy bandwidth of the GPU\", \"value\": %.0f, \"unit\": \"GB/s\"},\n"
      " {\"name\": \"share of the copy bandwidth that preprocessing uses\", \"value\": %.3f, \"unit\": \"\", "
      "\"bound\": %.2f, "
      "\"holds\": %s}]\n",
      batch, time, bandwidth / 1e6, share, kLeastShare, share >= kLeastShare ? "true" : "false");
  return 0;
}

// Candidates of an output, gathered on the GPU, against the same done here. Needs a GPU; without one each test says so
// and passes.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "engines/candidate_gather.h"

using namespace nj;

namespace {

bool has_gpu() {
  int count = 0;
  const bool found = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  if (!found) MESSAGE("no GPU here: nothing was tested");
  return found;
}

using Tensor = std::vector<float>;  // frames of [fields][anchors]

Tensor random_tensor(uint32_t frames, const CandidateShape &shape, float share) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> value(0, 1);
  Tensor tensor(size_t{frames} * shape.fields * shape.anchors);
  for (float &v : tensor) v = value(random) * shape.threshold * 0.99f;
  for (uint32_t f = 0; f < frames; f++)
    for (uint32_t a = 0; a < shape.anchors; a++)
      if (value(random) < share) {
        const uint32_t field = shape.first_score + random() % shape.scores;
        tensor[(size_t{f} * shape.fields + field) * shape.anchors + a] = shape.threshold;  // reaches it exactly
      }
  return tensor;
}

Tensor expected(const Tensor &tensor, uint32_t frames, const CandidateShape &shape, std::vector<uint32_t> *counts) {
  Tensor result(size_t{frames} * shape.fields * shape.keep, 0.f);
  counts->assign(frames, 0);
  for (uint32_t f = 0; f < frames; f++)
    for (uint32_t a = 0; a < shape.anchors; a++) {
      const auto at = [&](uint32_t field) { return tensor[(size_t{f} * shape.fields + field) * shape.anchors + a]; };
      bool hit = false;
      for (uint32_t s = 0; s < shape.scores; s++) hit |= at(shape.first_score + s) >= shape.threshold;
      if (!hit) continue;
      const uint32_t place = (*counts)[f]++;
      for (uint32_t field = 0; place < shape.keep && field < shape.fields; field++)
        result[(size_t{f} * shape.fields + field) * shape.keep + place] = at(field);
    }
  return result;
}

// On the stream that reads it: a plain copy may be under way still when it returns.
void upload(cuda::DeviceMemory &to, const Tensor &tensor, cuda::Stream &stream) {
  cudaMemcpyAsync(to.data(), tensor.data(), tensor.size() * sizeof(float), cudaMemcpyHostToDevice, stream.get());
  REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
}

void compare(const CandidateShape &shape, uint32_t frames, float share) {
  CAPTURE(shape.anchors);
  CAPTURE(share);
  const Tensor tensor = random_tensor(frames, shape, share);
  std::string error;
  cuda::Stream stream;
  cuda::DeviceMemory device;
  CandidateGather gather(shape);
  REQUIRE(stream.create(&error));
  REQUIRE(device.reserve(tensor.size() * sizeof(float), "tensor", &error));
  REQUIRE_MESSAGE(gather.create(frames, &error), error);
  upload(device, tensor, stream);
  REQUIRE(gather.enqueue(device.data(), 0, frames, stream.get()) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
  std::vector<uint32_t> counts;
  const Tensor wanted = expected(tensor, frames, shape, &counts);
  Tensor got(wanted.size(), 77.f);
  cudaMemcpy(got.data(), gather.gathered(0), got.size() * sizeof(float), cudaMemcpyDeviceToHost);
  CHECK(got == wanted);
  bool fits = true;
  for (const uint32_t count : counts) fits &= count <= shape.keep;
  CHECK(gather.fits(frames, &error) == fits);
}

}  // namespace

TEST_CASE("the candidates are those that reach the threshold, in their order") {
  if (!has_gpu()) return;
  const CandidateShape yolo{"output0", 84, 8400, 1024, 4, 80, 0.25f, false};
  for (const float share : {0.f, 0.01f, 0.1f, 0.5f, 1.f}) compare(yolo, 5, share);
  compare({"output0", 9, 3024, 64, 4, 5, 0.3f, false}, 32, 0.01f);
  compare({"output0", 20, 33, 33, 5, 1, 0.5f, false}, 3, 0.5f);  // fields behind the scores
  compare({"output0", 5, 1, 1, 4, 1, 0.5f, false}, 1, 1.f);
  compare({"output0", 6, 40000, 8192, 4, 2, 0.1f, false}, 2, 0.1f);
}

TEST_CASE("more candidates than there is room for are said, with the frame and both numbers") {
  if (!has_gpu()) return;
  const CandidateShape shape{"output0", 6, 1000, 10, 4, 2, 0.5f, false};
  const Tensor tensor = random_tensor(2, shape, 1.f);
  cuda::Stream stream;
  cuda::DeviceMemory device;
  CandidateGather gather(shape);
  std::string error;
  REQUIRE((stream.create(&error) && device.reserve(tensor.size() * 4, "tensor", &error) && gather.create(2, &error)));
  upload(device, tensor, stream);
  REQUIRE(gather.enqueue(device.data(), 0, 2, stream.get()) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
  CHECK_FALSE(gather.fits(2, &error));
  CHECK(error.find("frame 0 of the batch has 1000 candidates") == 0);
  CHECK(error.find("candidates.keep of bundle.yaml has room for 10") != std::string::npos);
}

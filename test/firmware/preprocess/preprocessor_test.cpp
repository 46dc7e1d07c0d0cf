// The CPU preprocessor against a plain reference in double precision, for every instruction set of this machine.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "frame_in_memory.h"
#include "reference.h"

using namespace nj;
using namespace nj::test;

namespace {

std::vector<const CpuKernels *> all_kernels() {
  uint32_t count = 0;
  const CpuKernels *const *kernels = available_cpu_kernels(&count);
  return {kernels, kernels + count};
}

constexpr PixelFormat kFormats[] = {
    PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420,  PixelFormat::Yv12, PixelFormat::Rgb,  PixelFormat::Bgr,
    PixelFormat::Rgba, PixelFormat::Bgra, PixelFormat::Rgbx,  PixelFormat::Bgrx, PixelFormat::Argb, PixelFormat::Abgr,
    PixelFormat::Xrgb, PixelFormat::Xbgr, PixelFormat::Gray8, PixelFormat::Yuy2, PixelFormat::Uyvy};

TensorSpec network(uint32_t width, uint32_t height) {
  TensorSpec spec;
  spec.width = width;
  spec.height = height;
  return spec;
}

std::vector<float> run(const CpuKernels &kernels, const FrameView &view, const TensorSpec &spec,
                       const Region *region = nullptr) {
  std::vector<float> tensor(size_t{3} * spec.width * spec.height, NAN);
  make_cpu_preprocessor(kernels)->run(view, region, spec, tensor.data());
  return tensor;
}

// In levels of an 8-bit picture. The fixed point has 7 bits after the first step and 14-bit weights.
constexpr double kAgainstReference = 0.06;
constexpr double kAgainstScalar = 1e-3;

}  // namespace

TEST_CASE("every format agrees with the reference, at odd sizes, growing and shrinking") {
  const struct {
    uint32_t width, height, net_width, net_height;
  } sizes[] = {{37, 23, 64, 64}, {127, 93, 64, 48}, {200, 131, 40, 56},
               {64, 64, 64, 64}, {33, 250, 32, 32}, {1, 1, 8, 8}};
  for (const PixelFormat format : kFormats) {
    for (const auto &size : sizes) {
      CAPTURE(static_cast<int>(format));
      CAPTURE(size.width);
      const FrameInMemory frame(format, size.width, size.height);
      const TensorSpec spec = network(size.net_width, size.net_height);
      const auto expected = reference(frame.view, whole(frame.view), spec);
      for (const CpuKernels *kernels : all_kernels()) {
        CAPTURE(kernels->name);
        CHECK(largest_difference(run(*kernels, frame.view, spec), expected) * 255 < kAgainstReference);
      }
    }
  }
}

TEST_CASE("all instruction sets give what the scalar code gives") {
  const FrameInMemory frame(PixelFormat::Nv12, 1917, 1079);
  const TensorSpec spec = network(640, 640);
  const auto kernels = all_kernels();
  const auto scalar = run(*kernels.back(), frame.view, spec);
  for (const CpuKernels *one : kernels) {
    CAPTURE(one->name);
    CHECK(largest_difference(run(*one, frame.view, spec), scalar) * 255 < kAgainstScalar);
  }
}

TEST_CASE("every instruction set blends rows to the very numbers of the scalar code, whatever the weights") {
  constexpr uint32_t kBytes = 197, kMostTaps = 8;
  std::mt19937 random(1);
  std::vector<std::vector<uint8_t>> rows(kMostTaps, std::vector<uint8_t>(kBytes));
  std::vector<const uint8_t *> pointers;
  for (std::vector<uint8_t> &row : rows) {
    for (uint8_t &byte : row) byte = random() % 3 ? random() : random() % 2 * 255;  // extremes often
    pointers.push_back(row.data());
  }
  std::fill(rows[0].begin(), rows[0].begin() + 80, 255);
  std::fill(rows[1].begin(), rows[1].begin() + 80, 255);
  const auto kernels = all_kernels();
  std::vector<int16_t> expected(kBytes), got(kBytes);
  const auto compare = [&](const std::vector<int16_t> &weights) {
    kernels.back()->blend_rows(pointers.data(), weights.data(), weights.size(), kBytes, expected.data());
    for (const CpuKernels *one : kernels) {
      CAPTURE(one->name);
      CAPTURE(weights[0]);
      one->blend_rows(pointers.data(), weights.data(), weights.size(), kBytes, got.data());
      CHECK(got == expected);
    }
  };
  for (int16_t first = 0; first <= 16384 - 37; first += 37) compare({first, static_cast<int16_t>(16384 - first)});
  for (int i = 0; i < 2000; i++) {
    std::vector<int16_t> weights(2 + random() % 4 * 2);
    int left = 16384;
    for (size_t t = 0; t + 1 < weights.size(); t++) left -= weights[t] = random() % (left + 1);
    weights.back() = left;
    if (i % 2 && weights.size() == 4) weights = {5461, 5462, 5461, 0};
    std::shuffle(weights.begin(), weights.end(), random);
    compare(weights);
  }
  compare({16384, 0});
  compare({0, 16384});
  compare({64, 16320});  // halves of a byte's range: the pair that does not fit
  compare({16256 + 64, 64});
}

TEST_CASE("matrix and range come from the caps") {
  for (const ColorMatrix matrix : {ColorMatrix::Bt601, ColorMatrix::Bt709, ColorMatrix::Bt2020}) {
    for (const bool full_range : {false, true}) {
      FrameInMemory frame(PixelFormat::I420, 48, 32);
      frame.view.matrix = matrix;
      frame.view.full_range = full_range;
      const TensorSpec spec = network(48, 32);
      CHECK(
          largest_difference(run(*all_kernels()[0], frame.view, spec), reference(frame.view, whole(frame.view), spec)) *
              255 <
          kAgainstReference);
    }
  }
}

// Fixed points of ITU-R BT.601 and BT.709 in 8-bit limited range, from the recommendations' own numbers.
TEST_CASE("known colours come out as known colours") {
  const struct {
    ColorMatrix matrix;
    uint8_t y, u, v;
    double red, green, blue;
  } colours[] = {
      {ColorMatrix::Bt601, 16, 128, 128, 0, 0, 0},   {ColorMatrix::Bt601, 235, 128, 128, 255, 255, 255},
      {ColorMatrix::Bt601, 81, 90, 240, 255, 0, 0},  {ColorMatrix::Bt601, 145, 54, 34, 0, 255, 0},
      {ColorMatrix::Bt601, 41, 240, 110, 0, 0, 255}, {ColorMatrix::Bt709, 63, 102, 240, 255, 0, 0},
      {ColorMatrix::Bt709, 173, 42, 26, 0, 255, 0},  {ColorMatrix::Bt709, 32, 240, 118, 0, 0, 255},
  };
  for (const auto &colour : colours) {
    CAPTURE(static_cast<int>(colour.y));
    FrameInMemory frame(PixelFormat::Nv12, 32, 32);
    frame.paint_yuv(colour.y, colour.u, colour.v);
    frame.view.matrix = colour.matrix;
    const auto tensor = run(*all_kernels()[0], frame.view, network(32, 32));
    // The codes are rounded to whole numbers, which is worth up to 1.6 levels of RGB.
    CHECK(std::abs(tensor[500] * 255 - colour.red) < 1.6);
    CHECK(std::abs(tensor[1024 + 500] * 255 - colour.green) < 1.6);
    CHECK(std::abs(tensor[2048 + 500] * 255 - colour.blue) < 1.6);
  }
}

TEST_CASE("the padding has the fill value, normalised per channel") {
  const FrameInMemory frame(PixelFormat::Rgb, 64, 32);
  TensorSpec spec = network(32, 32);
  const float mean[3] = {123.675f, 116.28f, 103.53f}, scale[3] = {0.0171f, 0.0175f, 0.0174f};
  for (int c = 0; c < 3; c++) {
    spec.mean[c] = mean[c];
    spec.scale[c] = scale[c];
  }
  for (const CpuKernels *kernels : all_kernels()) {
    const auto tensor = run(*kernels, frame.view, spec);
    for (int c = 0; c < 3; c++) {
      CHECK(tensor[c * 1024] == doctest::Approx((114 - mean[c]) * scale[c]));
      CHECK(tensor[c * 1024 + 1023] == doctest::Approx((114 - mean[c]) * scale[c]));
    }
    CHECK(largest_difference(tensor, reference(frame.view, whole(frame.view), spec)) < 0.001);
  }
}

TEST_CASE("channel order, interleaved channels and half precision are layouts of the same numbers") {
  const FrameInMemory frame(PixelFormat::Nv12, 90, 50);
  const uint32_t pixels = 40 * 40;
  TensorSpec spec = network(40, 40);
  spec.mean[0] = 10;
  spec.scale[2] = 0.5f;
  for (const CpuKernels *kernels : all_kernels()) {
    CAPTURE(kernels->name);
    const auto plain = run(*kernels, frame.view, spec);
    TensorSpec other = spec;
    other.bgr = true;
    const auto bgr = run(*kernels, frame.view, other);
    other.channels_last = true;
    const auto interleaved = run(*kernels, frame.view, other);
    other.half = true;
    std::vector<uint16_t> half(3 * pixels);
    make_cpu_preprocessor(*kernels)->run(frame.view, nullptr, other, half.data());
    double largest = 0;
    for (uint32_t i = 0; i < pixels; i++) {
      for (uint32_t c = 0; c < 3; c++) {
        CHECK(bgr[c * pixels + i] == plain[(2 - c) * pixels + i]);
        CHECK(interleaved[3 * i + c] == bgr[c * pixels + i]);
        largest = std::max(largest, std::abs(double(from_half(half[3 * i + c])) - interleaved[3 * i + c]) /
                                        (1 + std::abs(interleaved[3 * i + c])));
      }
    }
    CHECK(largest < 0.0005);
  }
}

TEST_CASE("every kernel rounds to half precision alike") {
  std::vector<float> values{0.f,      -0.f,    1.f,   65504.f, 65519.f, 65520.f, 1e9f,   -1e9f, 6e-8f,
                            2.98e-8f, 2.9e-8f, 1e-9f, 6.1e-5f, 0.1f,    1 / 3.f, 2049.f, 2051.f};
  while (values.size() < 37) values.push_back(-values[values.size() - 17] * 0.37f);
  const auto kernels = all_kernels();
  std::vector<uint16_t> expected(values.size()), got(values.size());
  kernels.back()->to_half(values.data(), values.size(), expected.data());
  CHECK(expected[2] == 0x3C00);
  CHECK(expected[3] == 0x7BFF);
  CHECK(expected[5] == 0x7C00);
  for (const CpuKernels *one : kernels) {
    one->to_half(values.data(), values.size(), got.data());
    CHECK(got == expected);
  }
}

TEST_CASE("a region is cut out at fractions of a pixel") {
  for (const PixelFormat format : {PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Uyvy}) {
    const FrameInMemory frame(format, 151, 97);
    const TensorSpec spec = network(48, 40);
    for (const Region region : {Region{10.5f, 7.25f, 60, 40}, Region{0, 0, 13.3f, 90}, Region{100, 50, 51, 47},
                                Region{149.5f, 96, 1.2f, 1}}) {
      CAPTURE(region.left);
      const auto expected = reference(frame.view, region, spec);
      for (const CpuKernels *kernels : all_kernels())
        CHECK(largest_difference(run(*kernels, frame.view, spec, &region), expected) * 255 < kAgainstReference);
    }
  }
}

TEST_CASE("no byte outside the planes is read") {
  // Each plane ends where its mapping ends: a read beyond it ends the test.
  for (const PixelFormat format : kFormats) {
    const GuardedFrame frame(format, 131, 67);
    for (const CpuKernels *kernels : all_kernels()) {
      run(*kernels, frame.view, network(64, 64));
      run(*kernels, frame.view, network(320, 320));
    }
  }
}

TEST_CASE("sizes may change from frame to frame") {
  auto preprocessor = make_cpu_preprocessor();
  const TensorSpec spec = network(32, 32);
  std::vector<float> tensor(3 * 32 * 32);
  for (uint32_t size = 1; size < 80; size++) {
    const FrameInMemory frame(size % 2 ? PixelFormat::Nv12 : PixelFormat::Rgb, size, 81 - size);
    preprocessor->run(frame.view, nullptr, spec, tensor.data());
    CHECK(largest_difference(tensor, reference(frame.view, whole(frame.view), spec)) * 255 < kAgainstReference);
  }
}

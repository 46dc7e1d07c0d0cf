// Which source samples make an output sample along one axis, and with what weight.
#pragma once

#include <cstdint>
#include <vector>

namespace nj {

constexpr int kWeightBits = 14;      // the weights of one output add up to 1 << kWeightBits exactly
constexpr uint32_t kPlanAlign = 16;  // outputs are padded to a multiple of this, with weight 0

// A stretch of one plane's axis. Sample k covers [k, k + 1).
struct AxisSource {
  double origin = 0;             // where output 0 begins, in samples
  double ratio = 1;              // samples per output
  uint32_t first = 0, last = 0;  // samples that may be used, both included; beyond them the edge repeats

  bool operator==(const AxisSource &other) const {
    return origin == other.origin && ratio == other.ratio && first == other.first && last == other.last;
  }
};

// Output i = sum over t of weight(i, t) * sample[first + start[i] + t].
struct AxisPlan {
  uint32_t outputs = 0;
  uint32_t padded = 0;         // outputs rounded up to kPlanAlign
  uint32_t taps = 0;           // even; weights beyond an output's own are 0
  std::vector<int32_t> start;  // [padded], from AxisSource::first
  // Pair-major, as the kernels read them: [taps / 2][padded][2].
  std::vector<int16_t> weights;

  // The most samples that `block` outputs span, counted from multiples of it.
  uint32_t widest(uint32_t block) const;

  int16_t weight(uint32_t output, uint32_t tap) const { return weights[((tap / 2) * padded + output) * 2 + tap % 2]; }
};

// Bilinear with half-pixel centres up to a ratio of 2, area averaging beyond.
AxisPlan make_axis_plan(const AxisSource &source, uint32_t outputs);

}  // namespace nj

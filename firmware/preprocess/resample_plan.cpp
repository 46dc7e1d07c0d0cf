#include "resample_plan.h"

#include <algorithm>
#include <cmath>

namespace nj {

namespace {

constexpr double kLargestBilinearRatio = 2.0;
constexpr double kOne = 1 << kWeightBits;

struct Taps {
  int32_t start = 0;  // from AxisSource::first
  std::vector<double> weights;
};

Taps bilinear(const AxisSource &source, uint32_t output) {
  const double centre = source.origin + (output + 0.5) * source.ratio - 0.5;
  const double position = std::clamp(centre, double(source.first), double(source.last));
  const double below = std::floor(position);
  const double fraction = position - below;
  return {static_cast<int32_t>(below) - static_cast<int32_t>(source.first), {1 - fraction, fraction}};
}

Taps area(const AxisSource &source, uint32_t output) {
  const double low = source.first, high = source.last + 1.0;
  const double begin = std::clamp(source.origin + output * source.ratio, low, high - 1);
  const double end = std::clamp(source.origin + (output + 1) * source.ratio, begin + 1e-6, high);
  Taps taps;
  const double first = std::floor(begin);
  taps.start = static_cast<int32_t>(first) - static_cast<int32_t>(source.first);
  for (double sample = first; sample < end; sample++)
    taps.weights.push_back((std::min(end, sample + 1) - std::max(begin, sample)) / (end - begin));
  return taps;
}

// Rounds the running sum, so that no error is above half a step and the total is exact.
std::vector<int16_t> quantised(const std::vector<double> &weights) {
  std::vector<int16_t> result;
  double sum = 0;
  long given = 0;
  for (double weight : weights) {
    sum += weight;
    const long upto = std::lrint(sum * kOne);
    result.push_back(upto - given);
    given = upto;
  }
  while (result.size() > 1 && result.back() == 0) result.pop_back();
  return result;
}

}  // namespace

AxisPlan make_axis_plan(const AxisSource &source, uint32_t outputs) {
  AxisPlan plan;
  plan.outputs = outputs;
  plan.padded = (outputs + kPlanAlign - 1) / kPlanAlign * kPlanAlign;
  plan.start.assign(plan.padded, 0);
  std::vector<std::vector<int16_t>> rows(outputs);
  size_t longest = 1;
  for (uint32_t i = 0; i < outputs; i++) {
    const Taps taps = source.ratio > kLargestBilinearRatio ? area(source, i) : bilinear(source, i);
    plan.start[i] = taps.start;
    rows[i] = quantised(taps.weights);
    longest = std::max(longest, rows[i].size());
  }
  plan.taps = (longest + 1) / 2 * 2;
  plan.weights.assign(size_t{plan.padded} * plan.taps, 0);
  for (uint32_t i = 0; i < outputs; i++)
    for (uint32_t t = 0; t < rows[i].size(); t++) plan.weights[((t / 2) * plan.padded + i) * 2 + t % 2] = rows[i][t];
  // The padding repeats the last start, so that a block of outputs always spans a short stretch of the source.
  std::fill(plan.start.begin() + outputs, plan.start.end(), plan.start[outputs - 1]);
  return plan;
}

uint32_t AxisPlan::widest(uint32_t block) const {
  uint32_t result = 0;
  for (uint32_t i = 0; i < padded; i += block)
    result = std::max<uint32_t>(result, start[i + block - 1] - start[i] + taps);
  return result;
}

}  // namespace nj

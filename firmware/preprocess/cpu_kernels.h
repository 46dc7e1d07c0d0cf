// The inner loops of the CPU preprocessor, once per instruction set.
//
// A row of output is made in three steps that stay in the first-level cache: blend_rows (vertical resampling, bytes as
// they lie), split (interleaved samples to one row per channel) and emit (horizontal resampling, colour,
// normalisation). The integer steps are exact and alike in every implementation; emit differs by the rounding of a
// fused multiply-add.
#pragma once

#include <cstdint>

namespace nj {

// Blended samples are 0..255 << kBlendBits: the largest scale that a signed 16-bit number holds.
constexpr int kBlendBits = 7;
// emit reads up to this many samples behind the last one of a row, with weight 0.
constexpr uint32_t kRowSlack = 64;

struct EmitChannel {
  const int16_t *row = nullptr;      // blended samples
  uint32_t step = 1;                 // from one sample of the channel to the next: 1, or the channels of the row
  uint32_t offset = 0;               // of the channel in an interleaved row, in samples
  bool windowed = false;             // CpuKernels::window holds; otherwise step is 1 and offset 0
  const uint32_t *picks = nullptr;   // windowed: what CpuKernels::pick wrote
  const int32_t *start = nullptr;    // as AxisPlan
  const int16_t *weights = nullptr;  // as AxisPlan
  uint32_t pairs = 0;                // taps / 2
  uint32_t padded = 0;               // outputs of the plan, padded
};

struct EmitJob {
  uint32_t channels = 3;  // 1 or 3
  EmitChannel channel[3];
  uint32_t outputs = 0;
  // As ColorTransform, the matrix scaled by 2^-(kBlendBits + kWeightBits).
  float matrix[3][3];
  float bias[3];
  float low[3];
  float high[3];
  float *out[3] = {};  // [outputs] each
};

struct CpuKernels {
  const char *name;
  // emit works from registers where `block` outputs span at most `window` samples of the row, and then also takes rows
  // whose channels are still interleaved (step > 1). 0: there is no such way, rows must be split.
  uint32_t block, window;
  // out[i] = (sum over t of rows[t][i] * weights[t] + rounding) >> (kWeightBits - kBlendBits). `taps` is even. Reads no
  // byte beyond `bytes`.
  void (*blend_rows)(const uint8_t *const *rows, const int16_t *weights, uint32_t taps, uint32_t bytes, int16_t *out);
  // out[k][i] = in[channels * i + k], channels 2..4.
  void (*split)(const int16_t *in, uint32_t channels, uint32_t samples, int16_t *const *out);
  // Where emit finds the samples of a windowed channel in its window: pairs * padded numbers, the same for each row and
  // for each channel of a row. Null without windows.
  void (*pick)(const EmitChannel &channel, uint32_t *picks);
  void (*emit)(const EmitJob &job);
  // Writes only what does not hold the value already: the padding of a slot is the same from batch to batch, and memory
  // that is only read costs half and stays in the caches of the core that runs the network.
  void (*fill)(float *out, uint32_t count, float value);
  // IEEE 754 binary16, halves to even.
  void (*to_half)(const float *in, uint32_t count, uint16_t *out);
};

// What this machine runs, the fastest first; the last is the plain C++ reference.
const CpuKernels *const *available_cpu_kernels(uint32_t *count);

}  // namespace nj

// Rows of output from blended samples, over the vector type of an instruction set. What differs is in `V`:
//
//   Values               a register of kLanes floats
//   Window               samples around the next kLanes outputs of a row, in registers
//   window(c, i)         those from output i on
//   picked<P>(c, w, i)   kLanes outputs of channel c from its window; P: the channel's pairs where they are known, else
//   0 gathered(c, i)       the same from memory, for outputs too far apart for a window; the row is split splat,
//   multiply_add, clamp, store, store_first (only so many lanes)
//
// All of it has internal linkage, for each file that includes this is compiled for another instruction set.
#pragma once

#include "cpu_kernels.h"

namespace nj {
namespace {

template <class V, uint32_t kPairs>
inline typename V::Values resampled(const EmitChannel &channel, uint32_t output) {
  if (!channel.windowed) return V::gathered(channel, output);
  return V::template picked<kPairs>(channel, V::window(channel, output), output);
}

template <class V, bool kGrey>
inline void write(const EmitJob &job, uint32_t i, const typename V::Values (&sample)[3]) {
  for (int c = 0; c < 3; c++) {
    auto value = V::multiply_add(sample[0], V::splat(job.matrix[c][0]), V::splat(job.bias[c]));
    if (!kGrey) {
      value = V::multiply_add(sample[1], V::splat(job.matrix[c][1]), value);
      value = V::multiply_add(sample[2], V::splat(job.matrix[c][2]), value);
    }
    value = V::clamp(value, V::splat(job.low[c]), V::splat(job.high[c]));
    if (i + V::kLanes <= job.outputs)
      V::store(job.out[c] + i, value);
    else
      V::store_first(job.out[c] + i, job.outputs - i, value);
  }
}

// kFirst, kOthers: pairs of the first channel and of the others where they are known, else 0. kTogether: the others lie
// in one row, interleaved, and share its windows.
template <class V, uint32_t kFirst, uint32_t kOthers, bool kTogether>
void emit_color(const EmitJob &job) {
  const EmitChannel &first = job.channel[0], &second = job.channel[1], &third = job.channel[2];
  typename V::Values sample[3];
  for (uint32_t i = 0; i < job.outputs; i += V::kLanes) {
    sample[0] = resampled<V, kFirst>(first, i);
    if (kTogether) {
      const auto window = V::window(second, i);
      sample[1] = V::template picked<kOthers>(second, window, i);
      sample[2] = V::template picked<kOthers>(third, window, i);
    } else {
      sample[1] = resampled<V, kOthers>(second, i);
      sample[2] = resampled<V, kOthers>(third, i);
    }
    write<V, false>(job, i, sample);
  }
}

template <class V>
void emit_grey(const EmitJob &job) {
  typename V::Values sample[3];
  for (uint32_t i = 0; i < job.outputs; i += V::kLanes) {
    sample[0] = resampled<V, 0>(job.channel[0], i);
    write<V, true>(job, i, sample);
  }
}

template <class V>
void emit(const EmitJob &job) {
  if (job.channels == 1) return emit_grey<V>(job);
  const EmitChannel &second = job.channel[1], &third = job.channel[2];
  const uint32_t first = job.channel[0].pairs, others = second.pairs;
  const bool together = second.windowed && third.windowed && second.row == third.row;
  const bool alike = others == third.pairs;
  if (alike && first == 2 && others == 1)  // 4:2:0, shrinking by 2 to 4
    return together ? emit_color<V, 2, 1, true>(job) : emit_color<V, 2, 1, false>(job);
  if (alike && first == 1 && others == 1)  // bilinear
    return together ? emit_color<V, 1, 1, true>(job) : emit_color<V, 1, 1, false>(job);
  emit_color<V, 0, 0, false>(job);
}

}  // namespace
}  // namespace nj

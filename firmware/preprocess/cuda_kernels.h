// The kernel of the CUDA preprocessor: a whole batch in one launch, each picture with its own source, size and format.
//
// Integer for integer the arithmetic of the CPU's kernels (cpu_kernels.h): rows are blended first, with the same 14-bit
// weights and the same rounding, then columns, then the colour transform in float. Both agree but for the rounding of a
// fused multiply-add.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace nj {

// A tile of output is what one block makes. The width suits what is most common, 1080p to 640: 160 outputs take 480
// bytes of each row, so that 30 of 32 threads of a warp load 16 bytes each.
constexpr uint32_t kTileWidth = 160, kTileHeight = 10;
constexpr uint32_t kBlockThreads = 160;
constexpr uint32_t kBlocksPerProcessor = 6;  // that registers and shared memory leave room for
// Blended rows of a tile in shared memory, of all planes together.
constexpr uint32_t kTileBytes = 20 << 10;

// An AxisPlan in device memory.
struct DevicePlan {
  const int32_t *start;     // [padded]
  const uint32_t *weights;  // [taps / 2][padded], pairs of int16
  uint32_t padded;
  uint32_t taps;  // those that are not zero for every output; any number
};

// One plane of one picture.
struct PlaneJob {
  const uint8_t *rows;           // row 0 of the frame, first byte
  uint32_t stride;               // bytes
  uint32_t row_bytes;            // that hold samples
  uint32_t first_byte;           // of the column that plans count from
  uint32_t first_row, last_row;  // rows that may be used
  uint32_t interleaved;          // bytes from sample to sample
  uint32_t aligned;              // rows and stride are multiples of 16
  uint32_t whole;                // nothing is read behind the stride
  DevicePlan horizontal, vertical;
};

struct PictureJob {
  PlaneJob plane[3];
  uint32_t planes;
  uint32_t channels;                                      // 1 or 3
  uint32_t channel_plane[3];                              // where channel 0..2 (Y U V, R G B) lies
  uint32_t channel_byte[3];                               // in a sample
  uint32_t pad_left, pad_top, inner_width, inner_height;  // of the network's picture
  uint32_t pass_rows;  // rows of a tile that fit into shared memory together; 0: the columns of one row do not
  // As EmitJob: the matrix is scaled by 2^-(kBlendBits + kWeightBits).
  float matrix[3][3], bias[3], low[3], high[3], fill[3];
  void *tensor;
};

struct BatchJob {
  const PictureJob *pictures;  // device memory
  uint32_t count;
  uint32_t width, height;  // of the network's input
  bool half, channels_last;
  // Every picture is NV12 or NV21 in whole 16 bytes, with at most the taps below: what cameras give networks that are a
  // third of their size or larger. Has a kernel of its own, with fewer instructions and registers.
  bool usual;
};

constexpr uint32_t kUsualLumaTaps = 3, kUsualChromaTaps = 2;  // of columns
constexpr uint32_t kUsualRowTaps = 3;                         // of rows, in both planes

// Enqueues the batch. The grid depends on the fields of BatchJob alone, so that a captured launch may be replayed with
// other pictures in the same memory.
cudaError_t launch_preprocess(const BatchJob &job, cudaStream_t stream);

}  // namespace nj

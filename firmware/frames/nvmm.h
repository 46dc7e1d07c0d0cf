// Frames in NVMM: DeepStream's and Jetson's video memory (NvBufSurface). What of this works depends on the build (meson
// option `deepstream`, and `cuda` for surfaces that only the GPU can read); built without, mapping says so.
#pragma once

#include <memory>
#include <string>

#include "frame_mapper.h"

namespace nj {

#define NJ_CAPS_FEATURE_NVMM "memory:NVMM"

bool is_nvmm(const GstCaps *caps);

// The formats that NVMM buffers may have, as a caps string list; nullptr: this build takes none.
const char *nvmm_formats();

enum class Reader { Cpu, Gpu };

// Builds with CUDA read NVMM on the GPU, for engines on either side.
#ifdef NJ_HAS_CUDA
constexpr Reader kNvmmReader = Reader::Gpu;
#else
constexpr Reader kNvmmReader = Reader::Cpu;
#endif

// Maps the frames of an NVMM buffer for reading: frame i is surface i. Frames come back as FrameView says, in GPU
// memory where they are there and the GPU reads, else in system memory. The buffer must outlive the result. Returns
// nullptr and sets *error, with what to do, for memory that the reader cannot see.
std::unique_ptr<FrameMapper> map_nvmm_frames(GstBuffer *buffer, std::string *error, Reader reader = kNvmmReader);

}  // namespace nj

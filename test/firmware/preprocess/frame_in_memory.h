// Frames for tests: noise in any format, with padded rows; and frames whose planes end at an unreadable page.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "frames/frame_mapper.h"

namespace nj::test {

struct PlaneSize {
  uint32_t row_bytes, rows;
};

inline std::vector<PlaneSize> plane_sizes(PixelFormat format, uint32_t width, uint32_t height) {
  const uint32_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
  switch (format) {
    case PixelFormat::Nv12:
    case PixelFormat::Nv21:
      return {{width, height}, {2 * half_width, half_height}};
    case PixelFormat::I420:
    case PixelFormat::Yv12:
      return {{width, height}, {half_width, half_height}, {half_width, half_height}};
    case PixelFormat::Gray8:
      return {{width, height}};
    case PixelFormat::Rgb:
    case PixelFormat::Bgr:
      return {{3 * width, height}};
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      return {{4 * half_width, height}};
    default:
      return {{4 * width, height}};
  }
}

inline FrameView empty_view(PixelFormat format, uint32_t width, uint32_t height) {
  FrameView view;
  view.format = format;
  view.width = width;
  view.height = height;
  view.planes = plane_sizes(format, width, height).size();
  return view;
}

class FrameInMemory {
 public:
  FrameInMemory(PixelFormat format, uint32_t width, uint32_t height) : view(empty_view(format, width, height)) {
    std::mt19937 random(width * 31 + height);
    for (const PlaneSize &size : plane_sizes(format, width, height)) {
      const uint32_t stride = size.row_bytes + 5;
      planes_.emplace_back(size_t{stride} * size.rows);
      for (uint8_t &byte : planes_.back()) byte = random();
      view.plane[planes_.size() - 1] = planes_.back().data();
      view.stride[planes_.size() - 1] = stride;
    }
  }
  FrameInMemory(const FrameInMemory &) = delete;

  // NV12 only: one colour.
  void paint_yuv(uint8_t y, uint8_t u, uint8_t v) {
    std::fill(planes_[0].begin(), planes_[0].end(), y);
    const uint32_t stride = view.stride[1];
    for (size_t i = 0; i < planes_[1].size(); i++) planes_[1][i] = (i % stride) % 2 ? v : u;
  }

  FrameView view;

 private:
  std::vector<std::vector<uint8_t>> planes_;
};

// Rows without padding, and behind the last byte of each plane a page that cannot be read.
class GuardedFrame {
 public:
  GuardedFrame(PixelFormat format, uint32_t width, uint32_t height) : view(empty_view(format, width, height)) {
    const size_t page = sysconf(_SC_PAGESIZE);
    for (const PlaneSize &size : plane_sizes(format, width, height)) {
      const size_t bytes = size_t{size.row_bytes} * size.rows, pages = (bytes + page - 1) / page * page;
      auto *memory = static_cast<uint8_t *>(
          mmap(nullptr, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      mprotect(memory + pages, page, PROT_NONE);
      view.plane[mappings_.size()] = memory + pages - bytes;
      view.stride[mappings_.size()] = size.row_bytes;
      mappings_.push_back({memory, pages + page});
    }
  }
  ~GuardedFrame() {
    for (const auto &[memory, bytes] : mappings_) munmap(memory, bytes);
  }
  GuardedFrame(const GuardedFrame &) = delete;

  FrameView view;

 private:
  std::vector<std::pair<void *, size_t>> mappings_;
};

}  // namespace nj::test

// Surfaces that have been opened for CUDA, so that each buffer of a pool is opened once and not for each frame.
//
// A surface is known by its dma-buf, and that by its inode: muxers pass copies of the surface's description on, and
// file descriptors are given out again. An opened image holds the dma-buf, so no inode comes back while it is here.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "nvmm_driver.h"

namespace nj {

// A surface opened for CUDA, and what it takes to close it.
class OpenSurface {
 public:
  // nullptr: *error.
  static std::shared_ptr<OpenSurface> open(const NvmmDriver &driver, NvBufSurface *surface, uint32_t index,
                                           std::string *error);
  ~OpenSurface();
  OpenSurface(const OpenSurface &) = delete;
  OpenSurface &operator=(const OpenSurface &) = delete;

  CudaImage &image() { return *image_; }

 private:
  OpenSurface(const NvmmDriver &driver, const NvBufSurface &surface, const NvBufSurfaceParams &params);

  NvmmDriver driver_;
  // A description of this one surface that lives as long as the mapping: what it came with goes back to its pool.
  NvBufSurfaceParams params_;
  NvBufSurface surface_;
  std::unique_ptr<CudaImage> image_;
};

class NvmmImages {
 public:
  using Clock = std::chrono::steady_clock;

  // The surface, opened now or before. Surfaces that nobody has asked for in a while are closed: their pool is gone.
  std::shared_ptr<OpenSurface> find(const NvmmDriver &driver, NvBufSurface *surface, uint32_t index, std::string *error,
                                    Clock::time_point now = Clock::now());
  size_t size() const;
  void clear();

 private:
  using Key = std::pair<dev_t, ino_t>;
  struct Entry {
    std::shared_ptr<OpenSurface> surface;
    Clock::time_point used;
  };
  void close_unused(Clock::time_point now);

  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  Clock::time_point swept_{};
};

}  // namespace nj

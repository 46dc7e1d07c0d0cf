#include "nvmm_images.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace nj {

namespace {

// A buffer of a pool that is in use comes by several times a second.
constexpr auto kUnusedAfter = std::chrono::seconds(5);
constexpr auto kSweepEvery = std::chrono::seconds(1);

}  // namespace

OpenSurface::OpenSurface(const NvmmDriver &driver, const NvBufSurface &surface, const NvBufSurfaceParams &params)
    : driver_(driver), params_(params), surface_(surface) {
  params_.mappedAddr.eglImage = nullptr;
  surface_.surfaceList = &params_;
  surface_.batchSize = surface_.numFilled = 1;
}

OpenSurface::~OpenSurface() {
  image_.reset();
  if (params_.mappedAddr.eglImage) driver_.unmap_egl(&surface_, 0);
}

std::shared_ptr<OpenSurface> OpenSurface::open(const NvmmDriver &driver, NvBufSurface *surface, uint32_t index,
                                               std::string *error) {
  std::shared_ptr<OpenSurface> opened(new OpenSurface(driver, *surface, surface->surfaceList[index]));
  if (driver.map_egl(&opened->surface_, 0) != 0 || !opened->params_.mappedAddr.eglImage) {
    *error = "NvBufSurfaceMapEglImage failed for surface " + std::to_string(index) +
             "; the process needs access to the GPU's display device (groups video and render)";
    return nullptr;
  }
  opened->image_ =
      driver.open_image(opened->params_.mappedAddr.eglImage, opened->params_, static_cast<int>(surface->gpuId), error);
  return opened->image_ ? opened : nullptr;
}

std::shared_ptr<OpenSurface> NvmmImages::find(const NvmmDriver &driver, NvBufSurface *surface, uint32_t index,
                                              std::string *error, Clock::time_point now) {
  struct stat about;
  const int fd = static_cast<int>(surface->surfaceList[index].bufferDesc);
  if (fstat(fd, &about) != 0) {
    *error = "surface " + std::to_string(index) + " has no dma-buf: descriptor " + std::to_string(fd) + ", " +
             std::strerror(errno);
    return nullptr;
  }
  std::lock_guard lock(mutex_);
  close_unused(now);
  Entry &entry = entries_[{about.st_dev, about.st_ino}];
  if (!entry.surface) entry.surface = OpenSurface::open(driver, surface, index, error);
  entry.used = now;
  std::shared_ptr<OpenSurface> found = entry.surface;
  if (!found) entries_.erase({about.st_dev, about.st_ino});
  return found;
}

// One that a frame still refers to is closed with that frame.
void NvmmImages::close_unused(Clock::time_point now) {
  if (now - swept_ < kSweepEvery) return;
  swept_ = now;
  for (auto entry = entries_.begin(); entry != entries_.end();)
    entry = now - entry->second.used > kUnusedAfter ? entries_.erase(entry) : std::next(entry);
}

size_t NvmmImages::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

void NvmmImages::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
}

}  // namespace nj

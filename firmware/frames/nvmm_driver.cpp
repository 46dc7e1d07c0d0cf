#include "nvmm_driver.h"

#include <dlfcn.h>

#include <atomic>
#include <mutex>
#include <optional>

namespace nj {

namespace {

constexpr const char *kFile = "libnvbufsurface.so";
// Jetson keeps it apart from the other libraries, and not every container tells the loader.
constexpr const char *kPlaces[] = {
    kFile, "libnvbufsurface.so.1.0.0", "/opt/nvidia/deepstream/deepstream/lib/libnvbufsurface.so",
    "/usr/lib/aarch64-linux-gnu/nvidia/libnvbufsurface.so", "/usr/lib/aarch64-linux-gnu/tegra/libnvbufsurface.so"};

std::atomic<const NvmmDriver *> replacement{nullptr};

void *open_library() {
  // The copy that made the surfaces, where it is in the process already.
  for (const char *place : kPlaces)
    if (void *handle = dlopen(place, RTLD_NOW | RTLD_NOLOAD)) return handle;
  for (const char *place : kPlaces)
    if (void *handle = dlopen(place, RTLD_NOW)) return handle;
  return nullptr;
}

template <typename Function>
bool resolve(void *handle, const char *name, Function &function, std::string &error) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (!function) error = std::string(kFile) + " has no function " + name + "; expected DeepStream 7.1 or newer";
  return function != nullptr;
}

std::optional<NvmmDriver> load(std::string &error) {
  void *handle = open_library();
  if (!handle) {
    error = std::string(kFile) + " cannot be loaded; on a Jetson it comes with JetPack, elsewhere with DeepStream";
    return std::nullopt;
  }
  NvmmDriver driver;
  const bool complete = resolve(handle, "NvBufSurfaceGetDeviceInfo", driver.device_info, error) &&
                        resolve(handle, "NvBufSurfaceMap", driver.map, error) &&
                        resolve(handle, "NvBufSurfaceUnMap", driver.unmap, error) &&
                        resolve(handle, "NvBufSurfaceSyncForCpu", driver.sync_for_cpu, error) &&
                        resolve(handle, "NvBufSurfaceMapEglImage", driver.map_egl, error) &&
                        resolve(handle, "NvBufSurfaceUnMapEglImage", driver.unmap_egl, error);
  if (!complete) return std::nullopt;
#ifdef NJ_HAS_CUDA_EGL
  driver.open_image = open_cuda_image;
#endif
  return driver;
}

}  // namespace

const NvmmDriver *nvmm_driver(std::string *error) {
  if (const NvmmDriver *driver = replacement) return driver;
  static std::mutex mutex;
  static std::optional<NvmmDriver> loaded;
  static std::string reason;
  std::lock_guard lock(mutex);
  if (!loaded) loaded = load(reason);
  if (!loaded) *error = reason;
  return loaded ? &*loaded : nullptr;
}

void set_nvmm_driver(const NvmmDriver *driver) { replacement = driver; }

}  // namespace nj

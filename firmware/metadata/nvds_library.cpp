#include "nvds_library.h"

#include <dlfcn.h>
#include <nvds_version.h>

#include <mutex>
#include <optional>

namespace nj::nvds {

namespace {

constexpr const char *kFile = "libnvds_meta.so";
// Where DeepStream is installed; its installer also tells the loader, but a container may not have run that.
constexpr const char *kInstalled = "/opt/nvidia/deepstream/deepstream/lib/libnvds_meta.so";

// Whoever put the metadata on a buffer has the library in the process already. That copy must be used: a second one
// from another folder would have pools and user types of its own.
void *open_library() {
  if (void *handle = dlopen(kFile, RTLD_NOW | RTLD_NOLOAD)) return handle;
  if (void *handle = dlopen(kInstalled, RTLD_NOW | RTLD_NOLOAD)) return handle;
  if (void *handle = dlopen(kFile, RTLD_NOW)) return handle;
  return dlopen(kInstalled, RTLD_NOW);
}

template <typename Function>
bool resolve(void *handle, const char *name, Function &function, std::string &error) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (!function) error = std::string(kFile) + " has no function " + name + "; expected DeepStream 7.1 or newer";
  return function != nullptr;
}

NvDsMetaType user_type(const Library &library, const char *name) {
  return library.nvds_get_user_meta_type(const_cast<gchar *>(name));
}

std::optional<Library> load(std::string &error) {
  void *handle = open_library();
  if (!handle) {
    const char *reason = dlerror();
    error = std::string(kFile) + " cannot be loaded (" + (reason ? reason : "no reason given") +
            "); install DeepStream, or add its lib folder to LD_LIBRARY_PATH";
    return std::nullopt;
  }
  Library library;
#define NJ_NVDS_RESOLVE(name) \
  if (!resolve(handle, #name, library.name, error)) return std::nullopt;
  NJ_NVDS_FUNCTIONS(NJ_NVDS_RESOLVE)
#undef NJ_NVDS_RESOLVE
  library.object_extras = user_type(library, "NIGHTJAR.OBJECT.EXTRAS");
  library.event = user_type(library, "NIGHTJAR.FRAME.EVENT");
  library.module = user_type(library, "NIGHTJAR.MODULE");
  library.payload = user_type(library, "NIGHTJAR.FRAME.PAYLOAD");
  return library;
}

struct Layout {
  const char *name;
  const NvDsMetaPool *pool;
  size_t expected;
};

}  // namespace

const Library *library(std::string *error) {
  static std::mutex mutex;
  static std::optional<Library> loaded;
  static std::string reason;
  std::lock_guard lock(mutex);
  // A failed try is made again: the library may come with an element that is created later.
  if (!loaded) loaded = load(reason);
  if (!loaded) *error = reason;
  return loaded ? &*loaded : nullptr;
}

NvDsBatchMeta *batch_of(const GstBuffer *buffer) {
  static const GQuark tag = g_quark_from_static_string(NVDS_META_STRING);
  NvDsBatchMeta *found = nullptr;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta(const_cast<GstBuffer *>(buffer), &state)) {
    if (!gst_meta_api_type_has_tag(meta->info->api, tag)) continue;
    const auto *nvds = reinterpret_cast<const NvDsMeta *>(meta);
    if (nvds->meta_type == NVDS_BATCH_GST_META) found = static_cast<NvDsBatchMeta *>(nvds->meta_data);
  }
  return found;
}

bool fits(const NvDsBatchMeta *batch, std::string *error) {
  const Layout layouts[] = {
      {"NvDsFrameMeta", batch->frame_meta_pool, sizeof(NvDsFrameMeta)},
      {"NvDsObjectMeta", batch->obj_meta_pool, sizeof(NvDsObjectMeta)},
      {"NvDsClassifierMeta", batch->classifier_meta_pool, sizeof(NvDsClassifierMeta)},
      {"NvDsLabelInfo", batch->label_info_meta_pool, sizeof(NvDsLabelInfo)},
      {"NvDsUserMeta", batch->user_meta_pool, sizeof(NvDsUserMeta)},
  };
  for (const Layout &layout : layouts) {
    if (!layout.pool || layout.pool->element_size == layout.expected) continue;
    *error = std::string("the installed DeepStream has another ") + layout.name + " (" +
             std::to_string(layout.pool->element_size) + " bytes) than the headers of DeepStream " +
             std::to_string(NVDS_VERSION_MAJOR) + "." + std::to_string(NVDS_VERSION_MINOR) +
             " that this plugin was built with (" + std::to_string(layout.expected) +
             " bytes); build the plugin with the headers of the DeepStream that is installed";
    return false;
  }
  return true;
}

}  // namespace nj::nvds

#include "network.h"

#include <dlfcn.h>

#include <filesystem>
#include <mutex>

namespace nj {

namespace {

namespace fs = std::filesystem;

// Where the libraries lie: NJ_ENGINES, engines/ beside the folder of the plugin (a build), or nightjar/ beside it (an
// installation: …/gstreamer-1.0/libgstnightjar.so, …/nightjar/libnightjar-torch.so).
std::vector<fs::path> library_folders() {
  std::vector<fs::path> folders;
  if (const char *named = getenv("NJ_ENGINES")) folders.emplace_back(named);
  Dl_info info;
  if (dladdr(reinterpret_cast<const void *>(&library_folders), &info) && info.dli_fname) {
    const fs::path plugin = fs::absolute(info.dli_fname).parent_path();
    folders.push_back(plugin.parent_path() / "engines");
    folders.push_back(plugin.parent_path() / "nightjar");
  }
  return folders;
}

const char *library_of(const std::string &engine) {
  if (engine == "torch" || engine == "torchscript") return "libnightjar-torch.so";
  if (engine == "tensorrt") return "libnightjar-tensorrt.so";
  return nullptr;
}

// Never closed: what they load does not come down cleanly.
void *open_library(const std::string &name, std::string *error) {
  std::string tried;
  for (const fs::path &folder : library_folders()) {
    const fs::path file = folder / name;
    if (!fs::exists(file)) {
      tried += (tried.empty() ? "" : ", ") + folder.string();
      continue;
    }
    if (void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    const char *reason = dlerror();
    *error = file.string() + " cannot be loaded: " + (reason ? reason : "no reason given") +
             "; install what it needs, or set LD_LIBRARY_PATH to it";
    return nullptr;
  }
  *error = name + " is not installed (looked in " + tried + "): install it, or set NJ_ENGINES to its folder";
  return nullptr;
}

OpenNetwork *find_entry(const std::string &engine, std::string *error) {
  const char *name = library_of(engine);
  if (!name) {
    *error = "there is no engine \"" + engine + "\", expected torch, torchscript or tensorrt";
    return nullptr;
  }
  void *library = open_library(name, error);
  if (!library) return nullptr;
  const auto *version = static_cast<const int *>(dlsym(library, kNetworkVersion));
  auto *entry = reinterpret_cast<OpenNetwork *>(dlsym(library, kOpenNetwork));
  if (version && *version == kCurrentNetworkVersion && entry) return entry;
  *error = std::string(name) + " belongs to another version of the plugin: install both from the same build";
  return nullptr;
}

}  // namespace

std::unique_ptr<Network> open_network(const NetworkOptions &options, std::string *error) {
  static std::mutex mutex;  // two elements that start at the same time
  std::lock_guard lock(mutex);
  OpenNetwork *open = find_entry(options.engine, error);
  return std::unique_ptr<Network>(open ? open(options, error) : nullptr);
}

}  // namespace nj

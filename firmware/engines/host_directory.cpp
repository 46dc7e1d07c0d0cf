#include "host_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace nj {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "nightjar-host-";
constexpr char kLock[] = "/lock";

// $XDG_RUNTIME_DIR where there is one that we may write to.
std::string base_folder() {
  const char *runtime = getenv("XDG_RUNTIME_DIR");
  if (runtime && *runtime == '/' && access(runtime, W_OK | X_OK) == 0) return runtime;
  const char *temporary = getenv("TMPDIR");
  return temporary && *temporary == '/' ? temporary : "/tmp";
}

link::UniqueFd take_lock(const std::string &directory, int flags) {
  link::UniqueFd lock(open((directory + kLock).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) lock.reset();
  return lock;
}

bool is_ours(const std::string &directory) {
  struct stat status;
  return lstat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

void remove_left_behind(const std::string &base) {
  std::error_code ignored;
  for (const auto &entry : fs::directory_iterator(base, ignored)) {
    const std::string path = entry.path();
    if (entry.path().filename().string().rfind(kPrefix, 0) != 0 || !is_ours(path)) continue;
    if (take_lock(path, 0)) fs::remove_all(path, ignored);
  }
}

}  // namespace

HostDirectory HostDirectory::make(std::string *error) {
  const std::string base = base_folder();
  remove_left_behind(base);
  std::string path = base + "/" + kPrefix + "XXXXXX";
  HostDirectory result;
  if (!mkdtemp(path.data())) {
    *error = "no folder for the socket of the postprocess host in " + base + ": " + strerror(errno) +
             ". Make it writable or set XDG_RUNTIME_DIR";
    return result;
  }
  result.lock_ = take_lock(path, O_CREAT);
  result.path = path;
  return result;
}

HostDirectory::~HostDirectory() {
  std::error_code ignored;
  if (!path.empty()) fs::remove_all(path, ignored);
}

}  // namespace nj

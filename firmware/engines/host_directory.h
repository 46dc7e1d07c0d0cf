// The private directory in which a host of our own keeps its socket.
#pragma once

#include <string>

#include "../link/memory.h"

namespace nj {

// Exists as long as this object, mode 0700. A lock in it tells directories in use from those that a killed process left
// behind, which the next make() removes.
struct HostDirectory {
  std::string path;

  // In $XDG_RUNTIME_DIR or the folder for temporary files. An empty path: *error says why.
  static HostDirectory make(std::string *error);

  HostDirectory() = default;
  HostDirectory(HostDirectory &&other) noexcept : path(std::move(other.path)), lock_(std::move(other.lock_)) {
    other.path.clear();
  }
  HostDirectory &operator=(HostDirectory &&) = delete;
  ~HostDirectory();

 private:
  link::UniqueFd lock_;
};

}  // namespace nj

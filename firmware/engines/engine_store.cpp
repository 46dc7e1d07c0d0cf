#include "engine_store.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "../link/memory.h"
#include "build_process.h"

namespace nj {

namespace {

namespace fs = std::filesystem;

struct ChecksumFree {
  void operator()(GChecksum *checksum) const { g_checksum_free(checksum); }
};
using Checksum = std::unique_ptr<GChecksum, ChecksumFree>;

// SHA-256 as text; empty when the file cannot be read to its end.
std::string hash_of(const std::string &file) {
  std::ifstream stream(file, std::ios::binary);
  const Checksum checksum(g_checksum_new(G_CHECKSUM_SHA256));
  char bytes[1 << 16];
  while (stream.read(bytes, sizeof bytes) || stream.gcount() > 0)
    g_checksum_update(checksum.get(), reinterpret_cast<const guchar *>(bytes), static_cast<gssize>(stream.gcount()));
  return stream.eof() ? g_checksum_get_string(checksum.get()) : "";
}

// What an engine depends on, for people to read and to be hashed.
std::string description_of(const EngineOrder &order, const std::string &model_hash) {
  return "model " + model_hash + "\nlibrary " + order.library + "\ngpu " + order.gpu + "\nprecision " +
         order.precision + "\nmax-batch " + std::to_string(order.max_batch) + "\n";
}

bool sync(const fs::path &path, int flags) {
  const link::UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  return fd.get() >= 0 && fsync(fd.get()) == 0;
}

// Held by one process at a time; waits for it. The file stays: to delete it would let two in.
class Lock {
 public:
  explicit Lock(const std::string &file) : fd_(open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    held_ = fd_.get() >= 0 && flock(fd_.get(), LOCK_EX) == 0;
  }
  bool held() const { return held_; }

 private:
  const link::UniqueFd fd_;
  bool held_;
};

}  // namespace

std::string EngineStore::default_folder() {
  if (const char *named = getenv("NJ_ENGINE_CACHE")) return named;
  if (const char *service = getenv("CACHE_DIRECTORY")) return std::string(service) + "/engines";
  return std::string(g_get_user_cache_dir()) + "/nightjar/engines";
}

std::string EngineStore::file_of(const EngineOrder &order, std::string *error) const {
  const std::string model_hash = hash_of(order.model);
  if (model_hash.empty()) {
    *error = "model " + order.model + " cannot be read";
    return {};
  }
  const std::string text = description_of(order, model_hash);
  gchar *key = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text.c_str(), static_cast<gssize>(text.size()));
  const std::string name = fs::path(order.model).stem().string() + "-" + std::string(key).substr(0, 24) + ".engine";
  g_free(key);
  return (fs::path(folder_) / name).string();
}

std::string EngineStore::find_or_build(const EngineOrder &order, const BuildProgress &progress,
                                       std::string *error) const {
  const std::string file = file_of(order, error);
  if (file.empty() || fs::exists(file)) return file;
  std::error_code made;
  fs::create_directories(folder_, made);
  const Lock lock(file + ".lock");
  if (!lock.held()) {
    *error = "engines cannot be kept in " + folder_ + ": " + std::strerror(errno) +
             "; set NJ_ENGINE_CACHE to a folder that can be written to";
    return {};
  }
  if (fs::exists(file) || build(order, file, progress, error)) return file;
  return {};
}

bool EngineStore::build(const EngineOrder &order, const std::string &file, const BuildProgress &progress,
                        std::string *error) const {
  const std::string part = file + ".part";
  std::vector<std::string> command = builder_;
  command.insert(command.end(), {"--model", order.model, "--out", part, "--precision", order.precision, "--max-batch",
                                 std::to_string(order.max_batch), "--device", std::to_string(order.device)});
  std::error_code ignored;
  fs::remove(part, ignored);
  std::string reason;
  bool built = run_builder(command, limits_, progress, &reason);
  if (built && (!fs::exists(part) || fs::file_size(part, ignored) == 0)) {
    built = false;
    reason = "the builder wrote nothing";
  }
  // Complete on the disk under another name first: an engine that is there is whole.
  if (built && (!sync(part, O_RDONLY) || rename(part.c_str(), file.c_str()) != 0 || !sync(folder_, O_DIRECTORY))) {
    built = false;
    reason = std::string("it cannot be written to ") + folder_ + ": " + std::strerror(errno);
  }
  if (built) {
    std::ofstream(file + ".txt") << description_of(order, hash_of(order.model));
    return true;
  }
  fs::remove(part, ignored);
  *error = "no engine for " + order.library + " can be built of " + order.model + ": " + reason;
  return false;
}

}  // namespace nj

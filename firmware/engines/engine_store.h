// Engines that are built from a model once and kept: where they lie, and the process that builds one. Knows no library
// that builds; tensorrt_network.cpp uses it, tensorrt_build.cpp is such a process.
//
// A builder gets: --model FILE --out FILE --precision fp32|fp16|int8 --max-batch N --device N. It writes lines to its
// standard output: "progress SHARE TEXT" (0..1), "error TEXT" (the last one counts), and ends with 0 when the engine is
// written. What it writes to its standard error ends up in messages when it says no error itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nj {

// What an engine depends on. Another value of any of these is another engine.
struct EngineOrder {
  std::string model;    // file; its contents count, not its name
  std::string library;  // with its version: "TensorRT 10.3.0"
  std::string gpu;      // with its compute capability: "NVIDIA Orin 8.7"
  std::string precision = "fp16";
  uint32_t max_batch = 1;  // runs of 1..max_batch frames
  int device = 0;          // does not count: the same GPU may have another number
};

struct BuildLimits {
  uint64_t memory_mib = 4096;  // resident memory of the process
  std::chrono::seconds time{900};
};

using BuildProgress = std::function<void(double share, const std::string &text)>;

class EngineStore {
 public:
  // `folder` is made when it is needed. `builder`: the command, to which the arguments above are added.
  EngineStore(std::string folder, std::vector<std::string> builder, BuildLimits limits)
      : folder_(std::move(folder)), builder_(std::move(builder)), limits_(limits) {}

  // The file of the engine; it is built when there is none. An engine that is there is never built again, whatever is
  // the matter with it: it has to be deleted. Of two processes that want the same, one builds and the other waits.
  // Empty: *error says what is wrong, and with which file.
  std::string find_or_build(const EngineOrder &order, const BuildProgress &progress, std::string *error) const;

  // Where the engine of an order lies, or would. Empty: the model cannot be read, *error.
  std::string file_of(const EngineOrder &order, std::string *error) const;

  // NJ_ENGINE_CACHE, or nightjar/engines in the user's cache folder ($CACHE_DIRECTORY under systemd).
  static std::string default_folder();

 private:
  const std::string folder_;
  const std::vector<std::string> builder_;
  const BuildLimits limits_;

  bool build(const EngineOrder &order, const std::string &file, const BuildProgress &progress,
             std::string *error) const;
};

}  // namespace nj

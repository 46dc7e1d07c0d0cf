// Engine: turns the input tensor of a slot into objects (detect) or objects into objects (analyze).
//
// Whatever runs the network, the result passes through the postprocess host (module in WebAssembly), so an engine's
// unit of work is a slot of the link. Implementations: remote (ONNX Runtime in the host: engine_remote.cpp); with their
// libraries Torch and TensorRT, which fill the output tensors themselves and hand the slot to the module worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../link/messages.h"
#include "../link/protocol.h"
#include "../preprocess/preprocessor.h"

namespace nj {

struct EngineOptions {
  std::string bundle;         // directory; or model and module below
  std::string model, module;  // files
  std::string parameters;     // JSON object: overrides of the module's parameters
  std::string host_socket;    // empty: start a host of our own
  std::string instance;       // name of the element, for logs
  uint32_t max_batch = 1;
  uint32_t slots = 3;                        // batches in flight
  std::chrono::milliseconds deadline{1000};  // a slot older than this has failed
  link::Kind kind = link::Kind::Detect;
  int device = 0;  // of the GPU, where the engine runs on one
};

// The network of a bundle whose model the element runs itself; `file` is empty where the host runs it.
struct LocalModel {
  std::string file;
  std::string engine;  // "torch", "torchscript", "tensorrt"
  uint32_t batch = 0;  // frames of one run; 0: any number up to max_batch
  std::vector<link::CandidateRule> candidates;
  std::string precision;  // "fp32", "fp16", "int8": of an engine that has to be built
};

struct EngineInfo {
  std::string bundle_name, bundle_version;
  std::vector<std::string> labels;
  TensorSpec input;  // detect only
  LocalModel model;
  uint32_t max_batch = 1, max_objects = 0, max_events = 0, aux_bytes = 0;
  std::vector<link::TensorDescriptor> tensors;
  uint32_t generation = 0;
};

// When the stages of a batch began and ended: CLOCK_MONOTONIC in ns, 0 when the stage did not run.
struct WorkTimes {
  uint64_t submitted = 0, engine_start = 0, engine_end = 0, module_start = 0, module_end = 0;
};

// Memory that both sides of the link see; mapped as long as `owner` lives.
struct SharedRange {
  uint8_t *begin = nullptr;
  uint64_t bytes = 0;
  std::shared_ptr<const void> owner;
};

// One batch on its way. Pointers stay valid until it is destroyed.
class Work {
 public:
  virtual ~Work() = default;
  // The layout that this batch belongs to; never null. Engine::info() may already be a newer one.
  virtual std::shared_ptr<const EngineInfo> info() const = 0;
  virtual uint32_t capacity() const = 0;
  virtual link::FrameRecord &frame(uint32_t index) = 0;
  // `tensor` is an index in EngineInfo::tensors; nullptr when that is not an input (output). The picture of a detect
  // engine is tensor 0.
  virtual void *input(uint32_t tensor, uint32_t frame) = 0;
  virtual const void *output(uint32_t tensor, uint32_t frame) const = 0;
  virtual link::ObjectRecord *objects_in(uint32_t frame) = 0;
  virtual uint8_t *aux_in(uint32_t frame) = 0;
  // After wait() returned true. Counts in frame() are already checked against the layout.
  virtual const link::ObjectRecord *objects_out(uint32_t frame) const = 0;
  virtual const link::EventRecord *events_out(uint32_t frame) const = 0;
  virtual const uint8_t *aux_out(uint32_t frame) const = 0;

  // Whether the engine prepares the pictures itself, with prepare() instead of input(): it has memory of its own. The
  // frames must stay as they are until wait() has returned. false: *error says why the batch cannot be prepared.
  virtual bool prepares() const { return false; }
  virtual bool prepare(const std::vector<Picture> &, std::vector<Geometry> *, std::string *) { return false; }

  // For an engine that runs on this side of the link, over the work of the remote one: where it writes the outputs,
  // and the hand-over of outputs that are written to the module, instead of submit(). Any thread.
  virtual void *output_place(uint32_t, uint32_t) { return nullptr; }
  virtual SharedRange shared() const { return {}; }
  virtual void submit_outputs(uint32_t /*batch*/, uint64_t /*engine_start*/) {}

  // One thread may acquire, fill and submit while another waits for earlier ones, in the order of submission.
  virtual void submit(uint32_t batch) = 0;
  // Blocks until the result is there (true) or the batch failed: host gone, deadline, module error (false, *error set).
  virtual bool wait(std::string *error) = 0;
  // After wait() returned true.
  virtual WorkTimes times() const = 0;
};

enum class EngineState { Starting, Ready, Gone, Refused };

class Engine {
 public:
  virtual ~Engine() = default;
  // Waits for the first layout. false: *error says what is wrong with the bundle (a permanent refusal, state() is
  // Refused), why there can be no host (then acquire() stays without result), or that none has answered in time (it is
  // looked for in the background, and on_state tells when it comes).
  virtual bool start(std::chrono::milliseconds timeout, std::string *error) = 0;
  virtual EngineState state() const = 0;
  virtual EngineInfo info() const = 0;
  // A free slot; blocks at most `timeout`; nullptr when none came or the host is gone (it is being reconnected
  // meanwhile).
  virtual std::unique_ptr<Work> acquire(std::chrono::milliseconds timeout) = 0;
  virtual void set_parameters(const std::string &json) = 0;
  // Not empty when the engine is broken for good (a GPU that faulted): only a new process helps.
  virtual std::string fault() const { return {}; }
  // Called from a background thread when the host goes, comes back or offers another layout.
  std::function<void(EngineState, const std::string &message)> on_state;
};

// Called with each layout before a batch of it is begun, on a thread that may take its time; batches of the layout
// before go on meanwhile. false: the layout cannot be used, *error says why.
using LayoutCheck = std::function<bool(const std::shared_ptr<const EngineInfo> &, std::string *error)>;

// Without a check, bundles whose model the element would have to run are refused.
std::unique_ptr<Engine> make_remote_engine(const EngineOptions &options, LayoutCheck check = {});

}  // namespace nj

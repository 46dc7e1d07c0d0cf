// Network: a model on a GPU, whatever runs it. Implementations are libraries of their own beside the plugin (Torch:
// torch_network.cpp, TensorRT: tensorrt_network.cpp), opened when a bundle asks for one: what they need is large, and a
// machine without it runs everything else.
//
// All work goes to the stream that the caller names; nothing waits for the GPU but open_network().
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../link/protocol.h"

namespace nj {

// Of one frame: without the batch axis.
struct NetworkTensor {
  std::string name;
  link::DataType type = link::DataType::Float32;
  std::vector<int64_t> dims;
};

struct NetworkOptions {
  std::string file;
  std::string engine;     // "torch", "torchscript", "tensorrt"
  std::string precision;  // of an engine that has to be built; empty: fp16
  int device = 0;
  uint32_t lanes = 1;  // batches that may be under way at a time
  uint32_t max_batch = 1;
  uint32_t fixed_batch = 0;  // frames of each run; 0: any number up to max_batch
  NetworkTensor input;
  std::vector<NetworkTensor> outputs;  // what the bundle says; a network that gives something else is refused
};

// What a stream did between two moments, to be done again.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual bool replay(cudaStream_t stream, std::string *error) = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // Enqueues one run. `input`: device memory, rows of max_batch frames of which `batch` are filled. outputs[i] gets the
  // device memory of output i, `batch` frames one after the other, valid until the next run of the same lane.
  virtual bool enqueue(uint32_t lane, const void *input, uint32_t batch, cudaStream_t stream,
                       std::vector<const void *> *outputs, std::string *error) = 0;
  // Records what `work` enqueues on the stream, without running it. nullptr: it cannot be recorded, *error says why;
  // the stream is as before, and the work may be enqueued as usual.
  virtual std::unique_ptr<Recording> record(cudaStream_t stream, const std::function<bool(std::string *)> &work,
                                            std::string *error) = 0;
};

// Loads a model, runs it once on zeros and compares what comes out with options.outputs. nullptr: *error says what is
// wrong, and with which file.
std::unique_ptr<Network> open_network(const NetworkOptions &options, std::string *error);

// What each library exports under the name kOpenNetwork.
using OpenNetwork = Network *(const NetworkOptions &options, std::string *error);
constexpr char kOpenNetwork[] = "nj_open_network";
// And this number, so that a library of another version of the plugin is refused.
constexpr char kNetworkVersion[] = "nj_network_version";
constexpr int kCurrentNetworkVersion = 2;

// The shape that a bundle and a network are compared by, and how messages write it: "output0 float32 [84, 8400]".
std::string text_of(const NetworkTensor &tensor);

}  // namespace nj

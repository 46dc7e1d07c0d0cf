// What one slot of the link has on the GPU: its stream, the network's input, and the graph that does a batch in one
// call.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../cuda/resources.h"
#include "../preprocess/cuda_preprocessor.h"
#include "candidate_gather.h"
#include "network.h"

namespace nj {

class DeviceSlot {
 public:
  // Where output i of the slot lies in host memory, and how many bytes of a frame it has there.
  struct Output {
    void *host = nullptr;
    size_t frame_bytes = 0;
    std::optional<CandidateShape> candidates;  // only these cross the bus
  };

  // `lane`: of the network. `use_graphs`: record each batch size once and replay it afterwards.
  DeviceSlot(std::shared_ptr<Network> network, uint32_t lane, const TensorSpec &spec, uint32_t max_batch,
             uint32_t fixed_batch, bool use_graphs)
      : network_(std::move(network)),
        lane_(lane),
        spec_(spec),
        max_batch_(max_batch),
        fixed_batch_(fixed_batch),
        use_graphs_(use_graphs) {}
  // Waits for what is under way.
  ~DeviceSlot();

  bool create(std::vector<Output> outputs, std::string *error);

  // Describes the pictures of the next batch. Waits for the batch before, should it still be under way.
  bool prepare(const std::vector<Picture> &pictures, std::vector<Geometry> *geometries, std::string *error);
  // Enqueues pictures, network and copies; `done` is called with `data` on a thread of the driver when the outputs are
  // in host memory. It is not called when the GPU fails: see wait().
  bool run(uint32_t batch, cudaHostFn_t done, void *data, std::string *error);
  // Sleeps until the batch is through, `done` included. false: the GPU failed.
  bool wait(std::string *error);
  // Of the last batch, on the GPU; 0 before wait().
  double milliseconds() const;
  bool fatal() const { return fatal_; }
  // After wait(): false when a frame of the batch had more candidates than an output has room for; *error says so.
  bool candidates_fit(uint32_t batch, std::string *error) const;
  // Why batches are not replayed from a graph; empty when they are.
  const std::string &graph_problem() const { return graph_problem_; }

 private:
  struct Graph {
    uint64_t generation = 0;  // of the table that it reads
    std::unique_ptr<Recording> recording;
  };

  const std::shared_ptr<Network> network_;
  const uint32_t lane_;
  const TensorSpec spec_;
  const uint32_t max_batch_, fixed_batch_;
  bool use_graphs_;
  std::vector<Output> outputs_;
  std::vector<std::unique_ptr<CandidateGather>> gathers_;  // of each output; null where all of it crosses the bus
  cuda::Stream stream_;
  cuda::Event began_, ended_;  // on the GPU
  cuda::Event through_;        // `done` has returned
  cuda::DeviceMemory input_;
  PictureTable table_;
  std::map<uint32_t, Graph> graphs_;  // by batch size
  std::map<uint32_t, unsigned> runs_;
  std::string graph_problem_;
  bool under_way_ = false;
  bool fatal_ = false;

  bool enqueue(uint32_t batch, std::string *error);
  bool enqueue_network(uint32_t batch, std::string *error);
  bool enqueue_output(size_t index, const void *result, uint32_t first, uint32_t count, std::string *error);
  bool enqueue_recorded(uint32_t batch, std::string *error);
  bool check(cudaError_t result, const char *what, std::string *error);
};

}  // namespace nj

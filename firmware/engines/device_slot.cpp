#include "device_slot.h"

#include <algorithm>

namespace nj {

namespace {

// A batch size is recorded when it has come this often: sizes that are rare are not worth a graph's memory.
constexpr unsigned kRunsBeforeRecording = 2;

}  // namespace

DeviceSlot::~DeviceSlot() {
  if (stream_.get()) cudaStreamSynchronize(stream_.get());
}

bool DeviceSlot::check(cudaError_t result, const char *what, std::string *error) {
  if (cuda::ok(result, what, error)) return true;
  fatal_ |= cuda::is_fatal(result);
  return false;
}

bool DeviceSlot::create(std::vector<Output> outputs, std::string *error) {
  outputs_ = std::move(outputs);
  const uint32_t rows = fixed_batch_ ? (max_batch_ + fixed_batch_ - 1) / fixed_batch_ * fixed_batch_ : max_batch_;
  if (!stream_.create(error) || !began_.create(error) || !ended_.create(error) || !through_.create(error) ||
      !input_.reserve(rows * picture_bytes(spec_), "GPU memory for the network's input", error))
    return false;
  for (const Output &output : outputs_) {
    gathers_.push_back(output.candidates ? std::make_unique<CandidateGather>(*output.candidates) : nullptr);
    if (gathers_.back() && !gathers_.back()->create(rows, error)) return false;
  }
  // Rows that a fixed batch has too many of are read, and must be numbers.
  return check(cudaMemsetAsync(input_.data(), 0, input_.bytes(), stream_.get()), "clearing the network's input", error);
}

bool DeviceSlot::prepare(const std::vector<Picture> &pictures, std::vector<Geometry> *geometries, std::string *error) {
  if (under_way_ && !wait(error)) return false;
  if (!check(cudaEventRecord(began_.get(), stream_.get()), "CUDA event", error)) return false;
  const bool described = table_.describe(pictures, spec_, input_.data(), stream_.get(), geometries, error);
  if (!described) fatal_ |= cuda::is_fatal(cudaPeekAtLastError());
  return described;
}

bool DeviceSlot::run(uint32_t batch, cudaHostFn_t done, void *data, std::string *error) {
  if (!enqueue_recorded(batch, error)) {
    fatal_ |= cuda::is_fatal(cudaStreamSynchronize(stream_.get()));  // part of it may be under way
    return false;
  }
  // The event before the call that `done` is: so that what the GPU took does not hold the time of its thread.
  if (!check(cudaEventRecord(ended_.get(), stream_.get()), "CUDA event", error) ||
      !check(cudaLaunchHostFunc(stream_.get(), done, data), "CUDA host function", error) ||
      !check(cudaEventRecord(through_.get(), stream_.get()), "CUDA event", error))
    return false;
  under_way_ = true;
  return true;
}

bool DeviceSlot::wait(std::string *error) {
  under_way_ = false;
  return check(cudaEventSynchronize(through_.get()), "the GPU failed", error);
}

double DeviceSlot::milliseconds() const {
  float result = 0;
  return cudaEventElapsedTime(&result, began_.get(), ended_.get()) == cudaSuccess ? result : 0;
}

bool DeviceSlot::enqueue(uint32_t batch, std::string *error) {
  return check(launch_preprocess(table_.job(), stream_.get()), "preprocessing on the GPU", error) &&
         enqueue_network(batch, error);
}

bool DeviceSlot::enqueue_network(uint32_t batch, std::string *error) {
  const uint32_t step = fixed_batch_ ? fixed_batch_ : batch;
  std::vector<const void *> results;
  for (uint32_t first = 0; first < batch; first += step) {
    if (!network_->enqueue(lane_, input_.data() + first * picture_bytes(spec_), step, stream_.get(), &results, error))
      return false;
    const uint32_t count = std::min(step, batch - first);
    for (size_t i = 0; i < outputs_.size(); i++)
      if (!enqueue_output(i, results[i], first, count, error)) return false;
  }
  return true;
}

bool DeviceSlot::enqueue_output(size_t index, const void *result, uint32_t first, uint32_t count, std::string *error) {
  const Output &output = outputs_[index];
  CandidateGather *gather = gathers_[index].get();
  if (gather && !check(gather->enqueue(result, first, count, stream_.get()), "gathering candidates", error))
    return false;
  auto *to = static_cast<uint8_t *>(output.host) + first * output.frame_bytes;
  return check(cudaMemcpyAsync(to, gather ? gather->gathered(first) : result, count * output.frame_bytes,
                               cudaMemcpyDeviceToHost, stream_.get()),
               "copying the network's outputs", error);
}

bool DeviceSlot::candidates_fit(uint32_t batch, std::string *error) const {
  for (const auto &gather : gathers_)
    if (gather && !gather->fits(batch, error)) return false;
  return true;
}

// From the second batch of a size on as a graph; without one where it cannot be recorded.
bool DeviceSlot::enqueue_recorded(uint32_t batch, std::string *error) {
  if (!use_graphs_ || runs_[batch]++ < kRunsBeforeRecording) return enqueue(batch, error);
  Graph &graph = graphs_[batch];
  if (graph.recording && graph.generation == table_.generation()) return graph.recording->replay(stream_.get(), error);
  graph.recording = network_->record(
      stream_.get(), [this, batch](std::string *problem) { return enqueue(batch, problem); }, &graph_problem_);
  graph.generation = table_.generation();
  if (graph.recording) return graph.recording->replay(stream_.get(), error);
  use_graphs_ = false;
  graphs_.clear();
  return enqueue(batch, error);
}

}  // namespace nj

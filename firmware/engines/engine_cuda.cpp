#include "engine_cuda.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "device_slot.h"

namespace nj {

namespace {

using std::chrono::milliseconds;

uint64_t monotonic_ns() {
  return uint64_t(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

std::string name_of(const link::TensorDescriptor &tensor) {
  return std::string(tensor.name, strnlen(tensor.name, sizeof tensor.name));
}

const link::CandidateRule *rule_of(const EngineInfo &info, const link::TensorDescriptor &tensor) {
  for (const link::CandidateRule &rule : info.model.candidates)
    if (rule.output == name_of(tensor)) return &rule;
  return nullptr;
}

// As the network gives it.
NetworkTensor network_tensor(const link::TensorDescriptor &tensor, const link::CandidateRule *rule) {
  NetworkTensor result;
  result.name = name_of(tensor);
  result.type = link::DataType(tensor.data_type);
  result.dims.assign(tensor.dims + 1, tensor.dims + std::max(1u, tensor.rank));
  if (rule) result.dims.back() = rule->anchors;
  return result;
}

// The host checks what bundle.yaml says, but this side does not rely on it.
bool rules_fit(const EngineInfo &info, std::string *error) {
  for (const link::TensorDescriptor &tensor : info.tensors) {
    const link::CandidateRule *rule = rule_of(info, tensor);
    if (!rule) continue;
    const auto type = link::DataType(tensor.data_type);
    if (tensor.rank == 3 && (type == link::DataType::Float32 || type == link::DataType::Float16) &&
        tensor.dims[2] <= std::min(rule->anchors, kMostCandidates) && rule->first_score < tensor.dims[1] &&
        rule->scores <= tensor.dims[1] - rule->first_score)
      continue;
    *error = "outputs." + name_of(tensor) +
             ".candidates of bundle.yaml does not fit the output: expected float32 or float16 of [fields, anchors], "
             "scores among the fields, and room for at most " +
             std::to_string(kMostCandidates) + " of the anchors";
    return false;
  }
  return true;
}

std::optional<CandidateShape> candidates_of(const EngineInfo &info, const link::TensorDescriptor &tensor) {
  const link::CandidateRule *rule = rule_of(info, tensor);
  if (!rule) return std::nullopt;
  return CandidateShape{
      name_of(tensor),   tensor.dims[1], rule->anchors,   tensor.dims[2],
      rule->first_score, rule->scores,   rule->threshold, link::DataType(tensor.data_type) == link::DataType::Float16};
}

NetworkOptions network_options(const EngineInfo &info, const EngineOptions &options) {
  NetworkOptions network;
  network.file = info.model.file;
  network.engine = info.model.engine;
  network.precision = info.model.precision;
  network.device = options.device;
  network.lanes = options.slots;
  network.max_batch = info.max_batch;
  network.fixed_batch = info.model.batch;
  const int64_t width = info.input.width, height = info.input.height;
  network.input.name = "input";
  network.input.type = info.input.half ? link::DataType::Float16 : link::DataType::Float32;
  network.input.dims =
      info.input.channels_last ? std::vector<int64_t>{height, width, 3} : std::vector<int64_t>{3, height, width};
  for (const link::TensorDescriptor &tensor : info.tensors)
    network.outputs.push_back(network_tensor(tensor, rule_of(info, tensor)));
  return network;
}

// Host memory that the driver knows, so that the GPU writes to it by itself. Without it copies are slower and wait.
class PinnedRange {
 public:
  explicit PinnedRange(SharedRange range) : range_(std::move(range)) {
    pinned_ = cudaHostRegister(range_.begin, range_.bytes, cudaHostRegisterDefault) == cudaSuccess;
    if (!pinned_) cudaGetLastError();  // what it says is no error of the batch that comes next
  }
  ~PinnedRange() {
    if (pinned_) cudaHostUnregister(range_.begin);
  }
  PinnedRange(const PinnedRange &) = delete;
  PinnedRange &operator=(const PinnedRange &) = delete;
  bool pinned() const { return pinned_; }

 private:
  const SharedRange range_;
  bool pinned_;
};

// A bundle on the GPU, as one layout of the link describes it.
class GpuDeployment {
 public:
  GpuDeployment(std::shared_ptr<const EngineInfo> info, std::shared_ptr<Network> network, int device)
      : info(std::move(info)), device(device), network_(std::move(network)) {}
  ~GpuDeployment() { cudaSetDevice(device); }  // whoever lets go last

  const std::shared_ptr<const EngineInfo> info;
  const int device;

  // The GPU's part of the slot of `work`; made when the slot is first used.
  std::shared_ptr<DeviceSlot> slot(Work &work, std::string *error) {
    std::lock_guard lock(mutex_);
    if (!pinned_) pinned_ = std::make_unique<PinnedRange>(work.shared());
    auto &slot = slots_[work.output_place(0, 0)];
    if (slot) return slot;
    auto made = std::make_shared<DeviceSlot>(network_, uint32_t(slots_.size() - 1), info->input, info->max_batch,
                                             info->model.batch, pinned_->pinned() && !getenv("NJ_NO_CUDA_GRAPHS"));
    std::vector<DeviceSlot::Output> outputs;
    for (uint32_t i = 0; i < info->tensors.size(); i++)
      outputs.push_back(
          {work.output_place(i, 0), size_t(info->tensors[i].frame_bytes), candidates_of(*info, info->tensors[i])});
    if (!made->create(std::move(outputs), error)) return nullptr;
    return slot = std::move(made);
  }

 private:
  const std::shared_ptr<Network> network_;
  std::mutex mutex_;
  std::unique_ptr<PinnedRange> pinned_;                        // after the slots that write to it
  std::map<const void *, std::shared_ptr<DeviceSlot>> slots_;  // by where their outputs lie
};

// What broke the GPU for this process; shared by the engine and its batches.
class Fault {
 public:
  void set(const std::string &text) {
    std::lock_guard lock(mutex_);
    if (text_.empty()) text_ = text;
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

class CudaWork : public Work {
 public:
  CudaWork(std::shared_ptr<GpuDeployment> deployment, std::shared_ptr<DeviceSlot> slot, std::unique_ptr<Work> remote,
           std::shared_ptr<Fault> fault)
      : deployment_(std::move(deployment)),
        slot_(std::move(slot)),
        remote_(std::move(remote)),
        fault_(std::move(fault)) {}

  ~CudaWork() override {
    std::string ignored;
    if (submitted_ && !waited_) slot_->wait(&ignored);  // the driver must not call a batch that is gone
  }

  std::shared_ptr<const EngineInfo> info() const override { return remote_->info(); }
  uint32_t capacity() const override { return remote_->capacity(); }
  link::FrameRecord &frame(uint32_t index) override { return remote_->frame(index); }
  void *input(uint32_t, uint32_t) override { return nullptr; }
  const void *output(uint32_t tensor, uint32_t frame) const override { return remote_->output(tensor, frame); }
  link::ObjectRecord *objects_in(uint32_t frame) override { return remote_->objects_in(frame); }
  uint8_t *aux_in(uint32_t frame) override { return remote_->aux_in(frame); }
  const link::ObjectRecord *objects_out(uint32_t frame) const override { return remote_->objects_out(frame); }
  const link::EventRecord *events_out(uint32_t frame) const override { return remote_->events_out(frame); }
  const uint8_t *aux_out(uint32_t frame) const override { return remote_->aux_out(frame); }

  bool prepares() const override { return true; }

  bool prepare(const std::vector<Picture> &pictures, std::vector<Geometry> *geometries, std::string *error) override {
    cudaSetDevice(deployment_->device);
    started_ = monotonic_ns();
    return slot_->prepare(pictures, geometries, error) || failed(*error);
  }

  void submit(uint32_t batch) override {
    batch_ = batch;
    submitted_ = slot_->run(batch, outputs_written, this, &problem_);
    if (!submitted_) failed(problem_);
  }

  bool wait(std::string *error) override {
    cudaSetDevice(deployment_->device);
    waited_ = true;
    if (!submitted_ || !slot_->wait(&problem_)) {
      *error = problem_;
      return failed(problem_);
    }
    return remote_->wait(error) && slot_->candidates_fit(batch_, error);
  }

  WorkTimes times() const override {
    WorkTimes times = remote_->times();
    times.submitted = started_;
    times.engine_end = written_;
    times.engine_start = written_ - std::min(written_ - started_, uint64_t(slot_->milliseconds() * 1e6));
    return times;
  }

 private:
  const std::shared_ptr<GpuDeployment> deployment_;
  const std::shared_ptr<DeviceSlot> slot_;
  const std::unique_ptr<Work> remote_;
  const std::shared_ptr<Fault> fault_;
  uint32_t batch_ = 0;
  uint64_t started_ = 0, written_ = 0;  // ns
  bool submitted_ = false, waited_ = false;
  std::string problem_;

  // On a thread of the driver, which must not call CUDA.
  static void CUDART_CB outputs_written(void *data) {
    auto *work = static_cast<CudaWork *>(data);
    work->written_ = monotonic_ns();
    work->remote_->submit_outputs(work->batch_, work->started_);
  }

  bool failed(const std::string &reason) {
    if (slot_->fatal()) fault_->set("the GPU failed while it worked on " + info()->bundle_name + ": " + reason);
    return false;
  }
};

class CudaEngine : public Engine {
 public:
  explicit CudaEngine(const EngineOptions &options)
      : options_(options),
        remote_(
            make_remote_engine(options, [this](const auto &info, std::string *error) { return load(info, error); })) {}
  ~CudaEngine() override { remote_.reset(); }  // its thread calls load()

  bool start(milliseconds timeout, std::string *error) override {
    remote_->on_state = [this](EngineState state, const std::string &message) {
      if (on_state) on_state(state, message);
    };
    return remote_->start(timeout, error);
  }

  EngineState state() const override { return remote_->state(); }
  EngineInfo info() const override { return remote_->info(); }
  void set_parameters(const std::string &json) override { remote_->set_parameters(json); }
  std::string fault() const override { return fault_->text(); }

  std::unique_ptr<Work> acquire(milliseconds timeout) override {
    auto work = remote_->acquire(timeout);
    if (!work || work->info()->model.file.empty()) return work;
    cudaSetDevice(options_.device);
    std::string error;
    const auto deployment = deployment_of(work->info());
    auto slot = deployment ? deployment->slot(*work, &error) : nullptr;
    if (slot) return std::make_unique<CudaWork>(deployment, slot, std::move(work), fault_);
    fault_->set(error.empty() ? "the network of " + work->info()->bundle_name + " is not loaded" : error);
    return nullptr;
  }

 private:
  const EngineOptions options_;
  const std::shared_ptr<Fault> fault_ = std::make_shared<Fault>();
  std::mutex mutex_;
  std::shared_ptr<GpuDeployment> current_, next_;
  std::unique_ptr<Engine> remote_;

  // Loads the model of a layout that the host offers, beside the one that runs.
  bool load(const std::shared_ptr<const EngineInfo> &info, std::string *error) {
    std::shared_ptr<GpuDeployment> loaded;
    if (!info->model.file.empty()) {
      int count = 0;
      if (!cuda::ok(cudaGetDeviceCount(&count), "no GPU can be used", error) ||
          !cuda::ok(cudaSetDevice(options_.device), "the GPU cannot be used", error)) {
        *error += ": bundle " + info->bundle_name + " runs its model on an NVIDIA GPU; look with `nightjar doctor`";
        cudaGetLastError();
        return false;
      }
      if (!rules_fit(*info, error)) return false;
      std::shared_ptr<Network> network = open_network(network_options(*info, options_), error);
      if (!network) return false;
      loaded = std::make_shared<GpuDeployment>(info, std::move(network), options_.device);
    }
    std::lock_guard lock(mutex_);
    next_ = std::move(loaded);
    return true;
  }

  // Layouts follow each other, so the one that is not current is the one that was loaded last.
  std::shared_ptr<GpuDeployment> deployment_of(const std::shared_ptr<const EngineInfo> &info) {
    std::lock_guard lock(mutex_);
    const auto fits = [&](const auto &deployment) {
      return deployment && deployment->info->generation == info->generation &&
             deployment->info->model.file == info->model.file;
    };
    if (fits(next_)) current_ = std::move(next_);
    return fits(current_) ? current_ : nullptr;
  }
};

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const EngineOptions &options) {
  if (options.kind != link::Kind::Detect) return make_remote_engine(options);
  return std::make_unique<CudaEngine>(options);
}

}  // namespace nj

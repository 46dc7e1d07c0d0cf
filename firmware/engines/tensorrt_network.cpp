// The TensorRT engine (10.x): plans that trtexec or another builder made (.engine, .plan), and ONNX files, of which one
// is built by nightjar-tensorrt-build beside this library and kept (engine_store.h). A library of its own,
// libnightjar-tensorrt.so: see network.h. A plan belongs to the version of TensorRT and to the kind of GPU that it was
// built with; another one is refused, never rebuilt.
#include <NvInfer.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "../cuda/resources.h"
#include "engine_store.h"
#include "network.h"

namespace nj {

namespace {

// Keeps what TensorRT last complained of: its functions themselves say no more than that they failed.
class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char *message) noexcept override {
    if (severity > Severity::kERROR) return;
    std::lock_guard lock(mutex_);
    last_ = message;
  }
  std::string last() const {
    std::lock_guard lock(mutex_);
    return last_.empty() ? "TensorRT gives no reason" : last_;
  }

 private:
  mutable std::mutex mutex_;
  std::string last_;
};

// TensorRT takes one logger for all its objects, for as long as any of them lives.
Logger &logger() {
  static Logger instance;
  return instance;
}

bool same_type(nvinfer1::DataType given, link::DataType wanted) {
  switch (given) {
    case nvinfer1::DataType::kFLOAT:
      return wanted == link::DataType::Float32;
    case nvinfer1::DataType::kHALF:
      return wanted == link::DataType::Float16;
    case nvinfer1::DataType::kINT8:
      return wanted == link::DataType::Int8;
    case nvinfer1::DataType::kINT32:
      return wanted == link::DataType::Int32;
    case nvinfer1::DataType::kINT64:
      return wanted == link::DataType::Int64;
    case nvinfer1::DataType::kUINT8:
      return wanted == link::DataType::Uint8;
    default:
      return false;
  }
}

size_t bytes_of(const NetworkTensor &tensor) {
  size_t bytes = tensor.type == link::DataType::Int64                                          ? 8
                 : tensor.type == link::DataType::Float16                                      ? 2
                 : tensor.type == link::DataType::Int8 || tensor.type == link::DataType::Uint8 ? 1
                                                                                               : 4;
  for (const int64_t dim : tensor.dims) bytes *= static_cast<size_t>(dim);
  return bytes;
}

nvinfer1::Dims with_batch(const NetworkTensor &tensor, uint32_t batch) {
  nvinfer1::Dims dims{};
  dims.nbDims = static_cast<int32_t>(tensor.dims.size()) + 1;
  dims.d[0] = batch;
  std::copy(tensor.dims.begin(), tensor.dims.end(), dims.d + 1);
  return dims;
}

std::string text_of(const nvinfer1::Dims &dims) {
  std::string text = "[";
  for (int32_t i = 0; i < dims.nbDims; i++) text += (i ? ", " : "") + std::to_string(dims.d[i]);
  return text + "]";
}

// All but the batch axis; an axis of -1 is open.
bool same_dims(const nvinfer1::Dims &given, const NetworkTensor &wanted) {
  if (given.nbDims != static_cast<int32_t>(wanted.dims.size()) + 1) return false;
  for (size_t i = 0; i < wanted.dims.size(); i++)
    if (given.d[i + 1] != -1 && given.d[i + 1] != wanted.dims[i]) return false;
  return true;
}

class GraphRecording : public Recording {
 public:
  explicit GraphRecording(cudaGraphExec_t graph) : graph_(graph) {}
  ~GraphRecording() override { cudaGraphExecDestroy(graph_); }
  bool replay(cudaStream_t stream, std::string *error) override {
    return cuda::ok(cudaGraphLaunch(graph_, stream), "replaying a CUDA graph", error);
  }

 private:
  const cudaGraphExec_t graph_;
};

std::string version_text() {
  const int version = getInferLibVersion();  // 10 * 10000 + 3 * 100 + 0
  return "TensorRT " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

std::string builder_file() {
  Dl_info info;
  const bool found = dladdr(reinterpret_cast<const void *>(&version_text), &info) && info.dli_fname;
  const std::filesystem::path folder = found ? std::filesystem::path(info.dli_fname).parent_path() : "";
  return (folder / "nightjar-tensorrt-build").string();
}

// Every tenth of the way, for the log: building takes minutes.
BuildProgress tell_progress(const std::string &model) {
  auto told = std::make_shared<int>(-1);
  return [model, told](double share, const std::string &text) {
    const int tenth = static_cast<int>(share * 10);
    if (tenth == *told) return;
    *told = tenth;
    std::fprintf(stderr, "nightjar: building an engine of %s: %s, %d %%\n", model.c_str(), text.c_str(), tenth * 10);
  };
}

// The plan of an ONNX file, which may have to be built. Empty: *error.
std::string plan_of(const NetworkOptions &options, std::string *error) {
  cudaDeviceProp gpu;
  if (!cuda::ok(cudaGetDeviceProperties(&gpu, options.device), "the GPU cannot be used", error)) return {};
  EngineOrder order;
  order.model = options.file;
  order.library = version_text();
  order.gpu = std::string(gpu.name) + " " + std::to_string(gpu.major) + "." + std::to_string(gpu.minor);
  if (!options.precision.empty()) order.precision = options.precision;
  order.max_batch = std::max(options.max_batch, options.fixed_batch);
  order.device = options.device;
  const EngineStore store(EngineStore::default_folder(), {builder_file()}, {});
  return store.find_or_build(order, tell_progress(options.file), error);
}

// One batch under way: a context with its own activations, and the memory of the outputs.
struct Lane {
  std::unique_ptr<nvinfer1::IExecutionContext> context;
  std::vector<std::unique_ptr<cuda::DeviceMemory>> outputs;
};

class TensorRtNetwork : public Network {
 public:
  explicit TensorRtNetwork(const NetworkOptions &options) : options_(options) {}

  bool load(std::string *error) {
    const bool is_onnx = std::filesystem::path(options_.file).extension() == ".onnx";
    plan_ = is_onnx ? plan_of(options_, error) : options_.file;
    if (plan_.empty()) return false;
    std::ifstream file(plan_, std::ios::binary);
    const std::vector<char> plan{std::istreambuf_iterator<char>(file), {}};
    if (plan.empty()) return refuse("cannot be read, or is empty", error);
    runtime_.reset(nvinfer1::createInferRuntime(logger()));
    if (!runtime_) return refuse("TensorRT cannot start: " + logger().last(), error);
    engine_.reset(runtime_->deserializeCudaEngine(plan.data(), plan.size()));
    if (!engine_)
      return refuse("is no plan for this TensorRT (" + std::to_string(getInferLibVersion()) +
                        ") and this GPU, build it again here: " + logger().last(),
                    error);
    return find_tensors(error) && make_lanes(error);
  }

  bool enqueue(uint32_t lane, const void *input, uint32_t batch, cudaStream_t stream,
               std::vector<const void *> *outputs, std::string *error) override {
    Lane &own = lanes_.at(lane);
    const nvinfer1::Dims dims = with_batch(options_.input, batch);
    if (!own.context->setInputShape(input_.c_str(), dims) ||
        !own.context->setTensorAddress(input_.c_str(), const_cast<void *>(input)) || !own.context->enqueueV3(stream))
      return refuse("failed on " + std::to_string(batch) + " frames: " + logger().last(), error);
    outputs->clear();
    for (const auto &memory : own.outputs) outputs->push_back(memory->data());
    return true;
  }

  std::unique_ptr<Recording> record(cudaStream_t stream, const std::function<bool(std::string *)> &work,
                                    std::string *error) override {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    // Other threads allocate memory meanwhile: only this one must not.
    if (!cuda::ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning a CUDA graph", error))
      return nullptr;
    const bool done = work(error);
    const cudaError_t ended = cudaStreamEndCapture(stream, &graph);
    if (done && cuda::ok(ended, "ending a CUDA graph", error) &&
        cuda::ok(cudaGraphInstantiate(&executable, graph, 0), "making a CUDA graph", error)) {
      cudaGraphDestroy(graph);
      return std::make_unique<GraphRecording>(executable);
    }
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    return nullptr;
  }

 private:
  const NetworkOptions options_;
  std::string plan_;  // file; another one than options_.file where that is ONNX
  std::string input_;
  // In this order: contexts go before the engine, the engine before the runtime.
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  std::vector<Lane> lanes_;

  bool refuse(const std::string &problem, std::string *error) const {
    const std::string kept = plan_ == options_.file ? "" : " (engine " + plan_ + ": delete it to have it built again)";
    *error = "model " + options_.file + kept + " " + problem;
    return false;
  }

  bool find_tensors(std::string *error) {
    for (int32_t i = 0; i < engine_->getNbIOTensors(); i++) {
      const char *name = engine_->getIOTensorName(i);
      if (engine_->getTensorIOMode(name) != nvinfer1::TensorIOMode::kINPUT) continue;
      if (!input_.empty()) return refuse("has more than one input, expected one picture", error);
      input_ = name;
    }
    if (input_.empty()) return refuse("has no input, expected one picture", error);
    return fits(input_, options_.input, "input", error) && batch_fits(error) &&
           std::all_of(options_.outputs.begin(), options_.outputs.end(),
                       [&](const NetworkTensor &output) { return fits(output.name, output, "outputs", error); });
  }

  bool fits(const std::string &name, const NetworkTensor &wanted, const char *key, std::string *error) const {
    const nvinfer1::Dims dims = engine_->getTensorShape(name.c_str());
    if (dims.nbDims >= 0 && same_dims(dims, wanted) && same_type(engine_->getTensorDataType(name.c_str()), wanted.type))
      return true;
    return refuse("has " + name + " " + (dims.nbDims < 0 ? "not at all" : text_of(dims)) + ", bundle.yaml describes " +
                      nj::text_of(wanted) + " for each frame: mend `" + key + "` there, or build the plan again",
                  error);
  }

  // A plan takes the sizes of its optimisation profile.
  bool batch_fits(std::string *error) const {
    const int64_t most = engine_->getProfileShape(input_.c_str(), 0, nvinfer1::OptProfileSelector::kMAX).d[0];
    const uint32_t needed = options_.fixed_batch ? options_.fixed_batch : options_.max_batch;
    if (most >= needed) return true;
    return refuse("takes at most " + std::to_string(most) + " frames, batch-size asks for " + std::to_string(needed) +
                      ": build it with a larger profile, or set batch-size=" + std::to_string(most),
                  error);
  }

  bool make_lanes(std::string *error) {
    const uint32_t most = std::max(options_.max_batch, options_.fixed_batch);
    for (uint32_t i = 0; i < options_.lanes; i++) {
      Lane lane;
      lane.context.reset(engine_->createExecutionContext());
      if (!lane.context) return refuse("does not fit into GPU memory: " + logger().last(), error);
      for (const NetworkTensor &output : options_.outputs) {
        auto memory = std::make_unique<cuda::DeviceMemory>();
        if (!memory->reserve(bytes_of(output) * most, "GPU memory for an output", error)) return false;
        if (!lane.context->setTensorAddress(output.name.c_str(), memory->data()))
          return refuse("does not take memory for " + output.name + ": " + logger().last(), error);
        lane.outputs.push_back(std::move(memory));
      }
      lanes_.push_back(std::move(lane));
    }
    return true;
  }
};

}  // namespace

}  // namespace nj

extern "C" {

__attribute__((visibility("default"))) extern const int nj_network_version;
const int nj_network_version = nj::kCurrentNetworkVersion;

__attribute__((visibility("default"))) nj::Network *nj_open_network(const nj::NetworkOptions &options,
                                                                    std::string *error) {
  auto network = std::make_unique<nj::TensorRtNetwork>(options);
  return network->load(error) ? network.release() : nullptr;
}
}

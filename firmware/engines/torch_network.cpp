// The Torch engine: AOTInductor packages (.pt2) and TorchScript (.ts, .pt) through libtorch. A library of its own,
// libnightjar-torch.so: see network.h.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/script.h>

#include "network.h"

namespace nj {

namespace {

// What libtorch says, without the trace of its own functions that it appends.
std::string first_line(const std::exception &exception) {
  const std::string text = exception.what();
  const size_t end = text.find('\n');
  return text.substr(0, std::min(end, size_t{400}));
}

c10::ScalarType scalar_type(link::DataType type) {
  switch (type) {
    case link::DataType::Float32:
      return c10::kFloat;
    case link::DataType::Float16:
      return c10::kHalf;
    case link::DataType::Int8:
      return c10::kChar;
    case link::DataType::Int32:
      return c10::kInt;
    case link::DataType::Int64:
      return c10::kLong;
    case link::DataType::Uint8:
      return c10::kByte;
  }
  return c10::kFloat;
}

std::string shape_text(const at::Tensor &tensor) {
  std::string text = std::string(c10::toString(tensor.scalar_type())) + " [";
  for (int64_t i = 0; i < tensor.dim(); i++) text += (i ? ", " : "") + std::to_string(tensor.size(i));
  return text + "]";
}

// A model whatever its file.
class Model {
 public:
  virtual ~Model() = default;
  virtual std::vector<at::Tensor> run(const at::Tensor &input, cudaStream_t stream) = 0;
};

class Package : public Model {
 public:
  // One runner that takes no locks and records no events of its own: all calls come from one thread, and a graph can be
  // captured from them.
  Package(const std::string &file, int device)
      : loader_(file, "model", /*run_single_threaded=*/true, /*num_runners=*/1, c10::DeviceIndex(device)) {}

  std::vector<at::Tensor> run(const at::Tensor &input, cudaStream_t stream) override {
    return loader_.run({input}, stream);
  }

 private:
  torch::inductor::AOTIModelPackageLoader loader_;
};

class Script : public Model {
 public:
  Script(const std::string &file, int device)
      : module_(torch::jit::freeze([&] {
          auto module = torch::jit::load(file, c10::Device(c10::kCUDA, c10::DeviceIndex(device)));
          module.eval();
          return module;
        }())) {}

  std::vector<at::Tensor> run(const at::Tensor &input, cudaStream_t) override {
    const c10::IValue result = module_.forward({input});
    if (result.isTensor()) return {result.toTensor()};
    if (result.isTensorList()) return result.toTensorVector();
    std::vector<at::Tensor> tensors;
    if (result.isTuple())
      for (const c10::IValue &value : result.toTupleRef().elements()) tensors.push_back(value.toTensor());
    return tensors;
  }

 private:
  torch::jit::Module module_;
};

class TorchRecording : public Recording {
 public:
  explicit TorchRecording(int device) : device_(device) {}

  at::cuda::CUDAGraph &graph() { return graph_; }

  bool replay(cudaStream_t stream, std::string *error) override {
    try {
      c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromExternal(stream, c10::DeviceIndex(device_)));
      graph_.replay();
      return true;
    } catch (const std::exception &exception) {
      *error = "replaying a CUDA graph: " + first_line(exception);
      return false;
    }
  }

 private:
  const int device_;
  at::cuda::CUDAGraph graph_;
};

class TorchNetwork : public Network {
 public:
  TorchNetwork(const NetworkOptions &options, std::unique_ptr<Model> model)
      : options_(options), model_(std::move(model)), lanes_(options.lanes) {}

  // One run on zeros, as large as runs get: what comes out must be what the bundle says.
  void check() {
    at::InferenceMode inference;
    const uint32_t batch = options_.fixed_batch ? options_.fixed_batch : options_.max_batch;
    const at::Tensor input = at::zeros(shape_of(batch), tensor_options());
    const auto stream = c10::cuda::getStreamFromPool(false, c10::DeviceIndex(options_.device));
    stream.synchronize();
    c10::cuda::CUDAStreamGuard guard(stream);
    c10::cuda::getDefaultCUDAStream(c10::DeviceIndex(options_.device)).synchronize();  // zeros were written there
    const std::vector<at::Tensor> outputs = model_->run(input, stream.stream());
    stream.synchronize();
    compare(outputs, batch);
  }

  bool enqueue(uint32_t lane, const void *input, uint32_t batch, cudaStream_t stream,
               std::vector<const void *> *outputs, std::string *error) override {
    try {
      at::InferenceMode inference;
      c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromExternal(stream, c10::DeviceIndex(options_.device)));
      const at::Tensor tensor = at::from_blob(const_cast<void *>(input), shape_of(batch), tensor_options());
      // The lane's last outputs go back to the allocator of this stream: what reads them was enqueued before.
      std::vector<at::Tensor> &kept = lanes_.at(lane);
      kept = model_->run(tensor, stream);
      outputs->clear();
      for (at::Tensor &output : kept) {
        if (!output.is_contiguous()) output = output.contiguous();
        outputs->push_back(output.data_ptr());
      }
      return true;
    } catch (const std::exception &exception) {
      *error = options_.file + ": " + first_line(exception);
      return false;
    }
  }

  std::unique_ptr<Recording> record(cudaStream_t stream, const std::function<bool(std::string *)> &work,
                                    std::string *error) override {
    auto recording = std::make_unique<TorchRecording>(options_.device);
    c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromExternal(stream, c10::DeviceIndex(options_.device)));
    bool begun = false, done = false;
    try {
      // Threads of decoders allocate memory meanwhile: only this one must not.
      recording->graph().capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      begun = true;
      done = work(error);
      recording->graph().capture_end();
      if (done) return recording;
    } catch (const std::exception &exception) {
      if (!done) *error = "a CUDA graph cannot be made of " + options_.file + ": " + first_line(exception);
      if (begun) abandon(recording->graph(), stream);
    }
    return nullptr;
  }

 private:
  const NetworkOptions options_;
  const std::unique_ptr<Model> model_;
  std::vector<std::vector<at::Tensor>> lanes_;  // the last outputs of each

  std::vector<int64_t> shape_of(uint32_t batch) const {
    std::vector<int64_t> shape{batch};
    shape.insert(shape.end(), options_.input.dims.begin(), options_.input.dims.end());
    return shape;
  }

  at::TensorOptions tensor_options() const {
    return at::TensorOptions()
        .dtype(scalar_type(options_.input.type))
        .device(c10::Device(c10::kCUDA, c10::DeviceIndex(options_.device)));
  }

  // Takes the stream and the allocator out of a capture that failed.
  void abandon(at::cuda::CUDAGraph &graph, cudaStream_t stream) const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaGraph_t broken = nullptr;
    if (cudaStreamIsCapturing(stream, &status) != cudaSuccess || status != cudaStreamCaptureStatusNone)
      cudaStreamEndCapture(stream, &broken);
    if (broken) cudaGraphDestroy(broken);
    cudaGetLastError();
    try {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(c10::DeviceIndex(options_.device), graph.pool());
    } catch (const std::exception &) {  // the graph had done so itself
    }
  }

  void compare(const std::vector<at::Tensor> &outputs, uint32_t batch) const {
    if (outputs.size() != options_.outputs.size())
      throw std::runtime_error("gives " + std::to_string(outputs.size()) + " outputs, bundle.yaml describes " +
                               std::to_string(options_.outputs.size()));
    for (size_t i = 0; i < outputs.size(); i++) {
      std::vector<int64_t> expected{batch};
      const NetworkTensor &described = options_.outputs[i];
      expected.insert(expected.end(), described.dims.begin(), described.dims.end());
      if (outputs[i].sizes() == at::IntArrayRef(expected) && outputs[i].scalar_type() == scalar_type(described.type) &&
          outputs[i].is_cuda())
        continue;
      throw std::runtime_error("gives " + shape_text(outputs[i]) + " as output " + std::to_string(i + 1) + " of " +
                               std::to_string(batch) + " frames, bundle.yaml describes " + text_of(described) +
                               " for each: mend `outputs` there, or export the model again");
    }
  }
};

}  // namespace

}  // namespace nj

extern "C" {

__attribute__((visibility("default"))) extern const int nj_network_version;
const int nj_network_version = nj::kCurrentNetworkVersion;

__attribute__((visibility("default"))) nj::Network *nj_open_network(const nj::NetworkOptions &options,
                                                                    std::string *error) {
  try {
    std::unique_ptr<nj::Model> model;
    if (options.engine == "torch")
      model = std::make_unique<nj::Package>(options.file, options.device);
    else
      model = std::make_unique<nj::Script>(options.file, options.device);
    auto network = std::make_unique<nj::TorchNetwork>(options, std::move(model));
    network->check();
    return network.release();
  } catch (const std::exception &exception) {
    *error = "model " + options.file + " cannot be used: " + nj::first_line(exception);
    return nullptr;
  }
}
}

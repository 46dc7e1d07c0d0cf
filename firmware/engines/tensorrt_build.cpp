// nightjar-tensorrt-build: makes a TensorRT engine of an ONNX file; run by engine_store.cpp in a process of its own,
// whose memory is watched, and described there. The batch axis is open from 1 to --max-batch, best at --max-batch. int8
// is for models with quantise and dequantise operations of their own; nothing is calibrated here.
#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>

namespace {

struct Options {
  std::string model, out, precision = "fp16";
  int32_t max_batch = 1;
  int device = 0;
};

[[noreturn]] void fail(const std::string &reason) {
  std::printf("error %s\n", reason.c_str());
  std::fflush(stdout);
  std::exit(1);
}

class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char *message) noexcept override {
    if (severity > Severity::kERROR) return;
    std::fprintf(stderr, "%s\n", message);
    last_ = message;
  }
  const std::string &last() const { return last_; }

 private:
  std::string last_ = "TensorRT gives no reason";
};

// The outermost phase counts: those inside of it begin again and again.
class Progress : public nvinfer1::IProgressMonitor {
 public:
  void phaseStart(const char *phase, const char *parent, int32_t steps) noexcept override {
    if (!parent) steps_[phase] = std::max(1, steps);
  }
  bool stepComplete(const char *phase, int32_t step) noexcept override {
    const auto found = steps_.find(phase);
    if (found == steps_.end()) return true;
    std::printf("progress %.3f %s\n", static_cast<double>(step) / found->second, phase);
    std::fflush(stdout);
    return true;
  }
  void phaseFinish(const char *phase) noexcept override { steps_.erase(phase); }

 private:
  std::map<std::string, int32_t> steps_;
};

Options options_of(int argc, char **argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--model") options.model = argv[i + 1];
    if (name == "--out") options.out = argv[i + 1];
    if (name == "--precision") options.precision = argv[i + 1];
    if (name == "--max-batch") options.max_batch = std::atoi(argv[i + 1]);
    if (name == "--device") options.device = std::atoi(argv[i + 1]);
  }
  if (options.model.empty() || options.out.empty()) fail("--model and --out are missing");
  if (options.max_batch < 1) fail("--max-batch must be 1 or more");
  return options;
}

// The batch axis of the one input: open, or what the model has.
void add_profile(nvinfer1::IBuilder &builder, nvinfer1::INetworkDefinition &network, nvinfer1::IBuilderConfig &config,
                 const Options &options) {
  if (network.getNbInputs() != 1)
    fail("the model has " + std::to_string(network.getNbInputs()) + " inputs, expected one picture");
  nvinfer1::ITensor *input = network.getInput(0);
  nvinfer1::Dims dims = input->getDimensions();
  for (int32_t i = 1; i < dims.nbDims; i++)
    if (dims.d[i] < 1) fail("axis " + std::to_string(i) + " of the model's input is open: export it with a fixed size");
  if (dims.nbDims != 4) fail("the model's input has " + std::to_string(dims.nbDims) + " axes, expected 4");
  if (dims.d[0] > 0) return;
  nvinfer1::IOptimizationProfile *profile = builder.createOptimizationProfile();
  dims.d[0] = 1;
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMIN, dims);
  dims.d[0] = options.max_batch;
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kOPT, dims);
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMAX, dims);
  config.addOptimizationProfile(profile);
}

void set_precision(const nvinfer1::IBuilder &builder, nvinfer1::IBuilderConfig &config, const std::string &precision) {
  if (precision == "fp32") return;
  if (precision != "fp16" && precision != "int8") fail("precision " + precision + ", expected fp32, fp16 or int8");
  if (!builder.platformHasFastFp16()) fail("this GPU is not made for fp16: set the precision to fp32");
  config.setFlag(nvinfer1::BuilderFlag::kFP16);
  if (precision == "fp16") return;
  if (!builder.platformHasFastInt8()) fail("this GPU is not made for int8: set the precision to fp16");
  config.setFlag(nvinfer1::BuilderFlag::kINT8);
}

void write(const nvinfer1::IHostMemory &plan, const std::string &out) {
  std::ofstream file(out, std::ios::binary);
  file.write(static_cast<const char *>(plan.data()), static_cast<std::streamsize>(plan.size()));
  file.close();
  if (!file) fail("it cannot be written to " + out + ": " + std::strerror(errno));
}

}  // namespace

int main(int argc, char **argv) {
  const Options options = options_of(argc, argv);
  if (cudaSetDevice(options.device) != cudaSuccess) fail("the GPU cannot be used");
  Logger logger;
  Progress progress;
  const std::unique_ptr<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(logger));
  if (!builder) fail("TensorRT cannot start: " + logger.last());
  const std::unique_ptr<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(0));
  const std::unique_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(*network, logger));
  if (!network || !parser) fail("TensorRT cannot start: " + logger.last());
  if (!parser->parseFromFile(options.model.c_str(), static_cast<int>(nvinfer1::ILogger::Severity::kERROR)))
    fail("the ONNX file cannot be used: " +
         std::string(parser->getNbErrors() ? parser->getError(0)->desc() : logger.last().c_str()));
  const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  config->setProgressMonitor(&progress);
  add_profile(*builder, *network, *config, options);
  set_precision(*builder, *config, options.precision);
  const std::unique_ptr<nvinfer1::IHostMemory> plan(builder->buildSerializedNetwork(*network, *config));
  if (!plan) fail(logger.last());
  write(*plan, options.out);
  return 0;
}

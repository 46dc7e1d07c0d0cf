// A network on the GPU by itself, as njinfer runs it, at one batch size: with and without a CUDA graph.
//
// In the clock: one run, from the enqueuing of the network to its outputs in pinned memory, the next one begun when it
// is done (latency), and many on the way at a time (rate). By the host's clock; medians. What njinfer adds is the
// difference to cuda-pipeline-bench.
//
// usage: cuda-engine-bench MODEL ENGINE WIDTH HEIGHT half|float BATCH ROUNDS NAME:DIM,DIM…      prints one line of JSON
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include "cuda/resources.h"
#include "engines/network.h"

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * values.size()))];
}

void fail(const std::string &error) {
  std::fprintf(stderr, "cuda-engine-bench: %s\n", error.c_str());
  std::exit(69);
}

nj::NetworkTensor output_of(const char *text) {
  nj::NetworkTensor tensor;
  const char *colon = std::strchr(text, ':');
  tensor.name.assign(text, colon ? colon - text : std::strlen(text));
  std::stringstream dims(colon ? colon + 1 : "");
  for (std::string dim; std::getline(dims, dim, ',');) tensor.dims.push_back(std::atoll(dim.c_str()));
  return tensor;
}

struct Runs {
  double p50, p99, rate;  // ms, ms, batches per second
};

class Bench {
 public:
  Bench(nj::Network &network, const nj::NetworkOptions &options, uint32_t batch) : network_(network), batch_(batch) {
    std::string error;
    size_t input = options.input.type == nj::link::DataType::Float16 ? 2 : 4;
    for (const int64_t dim : options.input.dims) input *= dim;
    size_t output = 4;
    for (const int64_t dim : options.outputs[0].dims) output *= dim;
    output_bytes_ = output * batch;
    if (!stream_.create(&error) || !input_.reserve(input * batch, "input", &error) ||
        !host_.reserve(output_bytes_, "output", &error))
      fail(error);
    cudaMemset(input_.data(), 0, input_.bytes());
  }

  bool enqueue(std::string *error) {
    std::vector<const void *> outputs;
    return network_.enqueue(0, input_.data(), batch_, stream_.get(), &outputs, error) &&
           nj::cuda::ok(cudaMemcpyAsync(host_.data(), outputs[0], output_bytes_, cudaMemcpyDeviceToHost, stream_.get()),
                        "copy", error);
  }

  template <class Work>
  Runs measure(int rounds, Work work) {
    std::vector<double> times;
    for (int i = 0; i < rounds + 10; i++) {
      const auto begin = Clock::now();
      work();
      cudaStreamSynchronize(stream_.get());
      if (i >= 10) times.push_back(milliseconds_since(begin));
    }
    const auto begin = Clock::now();
    for (int i = 0; i < rounds; i++) work();
    cudaStreamSynchronize(stream_.get());
    return {percentile(times, 0.5), percentile(times, 0.99), rounds / milliseconds_since(begin) * 1000};
  }

  cudaStream_t stream() const { return stream_.get(); }

 private:
  nj::Network &network_;
  const uint32_t batch_;
  size_t output_bytes_;
  nj::cuda::Stream stream_;
  nj::cuda::DeviceMemory input_;
  nj::cuda::PinnedMemory host_;
};

}  // namespace

int main(int argc, char **argv) {
  if (argc < 9) fail("MODEL ENGINE WIDTH HEIGHT half|float BATCH ROUNDS NAME:DIMS…");
  nj::NetworkOptions options;
  options.file = argv[1];
  options.engine = argv[2];
  options.input.type = std::strcmp(argv[5], "half") ? nj::link::DataType::Float32 : nj::link::DataType::Float16;
  options.input.dims = {3, std::atoi(argv[4]), std::atoi(argv[3])};
  options.max_batch = std::atoi(argv[6]);
  for (int i = 8; i < argc; i++) options.outputs.push_back(output_of(argv[i]));
  std::string error;
  cudaFree(nullptr);
  const auto network = nj::open_network(options, &error);
  if (!network) fail(error);
  Bench bench(*network, options, options.max_batch);
  const int rounds = std::atoi(argv[7]);
  const Runs plain = bench.measure(rounds, [&] {
    if (!bench.enqueue(&error)) fail(error);
  });
  const auto recording = network->record(
      bench.stream(), [&](std::string *problem) { return bench.enqueue(problem); }, &error);
  Runs graph{};
  if (recording)
    graph = bench.measure(rounds, [&] {
      if (!recording->replay(bench.stream(), &error)) fail(error);
    });
  std::printf(
      "{\"batch\": %u, \"plain_p50_ms\": %.3f, \"plain_p99_ms\": %.3f, \"plain_fps\": %.1f, \"graph_p50_ms\": %.3f, "
      "\"graph_p99_ms\": %.3f, \"graph_fps\": %.1f, \"graph_problem\": \"%s\"}\n",
      options.max_batch, plain.p50, plain.p99, plain.rate * options.max_batch, graph.p50, graph.p99,
      graph.rate * options.max_batch, recording ? "" : error.c_str());
  return 0;
}

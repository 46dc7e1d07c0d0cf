// The engine for bundles whose model the element runs itself, on a GPU; bundles with an ONNX model go on to the host.
#pragma once

#include "engine.h"

namespace nj {

// The remote engine with a network on this side of its link: pictures are prepared in GPU memory, the network's outputs
// are copied to the slot, which the driver knows as pinned memory, and the module decodes them in the host as ever.
// Without CUDA in the build: the remote engine alone.
std::unique_ptr<Engine> make_cuda_engine(const EngineOptions &options);

}  // namespace nj

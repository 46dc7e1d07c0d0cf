// A build without CUDA.
#include "engine_cuda.h"

namespace nj {

std::unique_ptr<Engine> make_cuda_engine(const EngineOptions &options) { return make_remote_engine(options); }

}  // namespace nj

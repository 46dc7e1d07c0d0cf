#include "engine_factory.h"

#include "../../engines/engine_cuda.h"

namespace nj {

static EngineFactory &factory() {
  static EngineFactory current;
  return current;
}

std::unique_ptr<Engine> make_engine(const EngineOptions &options) {
  return factory() ? factory()(options) : make_cuda_engine(options);
}

void set_engine_factory(EngineFactory replacement) { factory() = std::move(replacement); }

}  // namespace nj

// Where inference elements get their engine. Tests put an engine of their own here.
#pragma once

#include <functional>
#include <memory>

#include "../../engines/engine.h"

namespace nj {

using EngineFactory = std::function<std::unique_ptr<Engine>(const EngineOptions &)>;

std::unique_ptr<Engine> make_engine(const EngineOptions &options);

// An empty factory restores make_cuda_engine. Not while an element is above READY.
void set_engine_factory(EngineFactory factory);

}  // namespace nj

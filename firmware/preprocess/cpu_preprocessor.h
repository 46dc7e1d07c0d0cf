// The CPU preprocessor with chosen kernels, for tests and benchmarks; make_cpu_preprocessor() takes the fastest.
#pragma once

#include "cpu_kernels.h"
#include "preprocessor.h"

namespace nj {

std::unique_ptr<Preprocessor> make_cpu_preprocessor(const CpuKernels &kernels);

}  // namespace nj

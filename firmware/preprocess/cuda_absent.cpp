// A build without CUDA.
#include "preprocessor.h"

namespace nj {

std::unique_ptr<Preprocessor> make_cuda_preprocessor(int, std::string *error) {
  *error = "this build of the plugin has no CUDA: build it with -Dcuda=enabled";
  return nullptr;
}

}  // namespace nj

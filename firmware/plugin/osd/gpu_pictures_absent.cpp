// A build without CUDA.
#include "gpu_pictures.h"

namespace nj::osd {

std::unique_ptr<GpuPictures> make_gpu_pictures(int) { return nullptr; }

}  // namespace nj::osd

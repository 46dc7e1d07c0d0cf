// A build without CUDA.
#include "context.h"

namespace nj {

gboolean answer_cuda_context(GstElement *, GstQuery *, int) { return FALSE; }

bool share_cuda_context(GstElement *, int, std::string *error) {
  *error = "this build of the plugin has no CUDA: build it with -Dcuda=enabled";
  return false;
}

bool is_foreign_cuda_memory(const void *, int) { return false; }

}  // namespace nj

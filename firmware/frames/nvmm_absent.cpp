// Built without DeepStream's headers: see nvmm.h.
#include "nvmm.h"

namespace nj {

const char *nvmm_formats() { return nullptr; }

std::unique_ptr<FrameMapper> map_nvmm_frames(GstBuffer *, std::string *error, Reader) {
  *error = "this plugin was built without DeepStream's headers and cannot read " NJ_CAPS_FEATURE_NVMM
           "; build it on a machine that has DeepStream, or with the meson option deepstream=DIR (docs/jetson.md)";
  return nullptr;
}

}  // namespace nj

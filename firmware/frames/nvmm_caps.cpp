#include "nvmm.h"

namespace nj {

bool is_nvmm(const GstCaps *caps) {
  if (!caps || gst_caps_is_any(caps) || gst_caps_is_empty(caps)) return false;
  return gst_caps_features_contains(gst_caps_get_features(caps, 0), NJ_CAPS_FEATURE_NVMM);
}

}  // namespace nj

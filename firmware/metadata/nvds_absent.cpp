// Built without DeepStream's headers: see nvds.h.
#include "nvds.h"

namespace nj::nvds {

bool supported() { return false; }

// Every GstMeta of DeepStream has this tag (NVDS_META_STRING), whichever version it is of.
bool present(const GstBuffer *buffer) {
  static const GQuark tag = g_quark_from_static_string("nvdsmeta");
  gpointer state = nullptr;
  while (const GstMeta *meta = gst_buffer_iterate_meta(const_cast<GstBuffer *>(buffer), &state))
    if (gst_meta_api_type_has_tag(meta->info->api, tag)) return true;
  return false;
}

std::unique_ptr<MetadataBatch> open(GstBuffer *, std::string *error) {
  *error =
      "the buffer carries DeepStream metadata, and this plugin was built without DeepStream's headers; build it on a "
      "machine that has DeepStream, or with the meson option deepstream=DIR (docs/jetson.md)";
  return nullptr;
}

guint count_inferred(GstBuffer *) { return 0; }

bool for_each_payload(GstBuffer *buffer, const std::function<void(const Payload &)> &, std::string *error) {
  open(buffer, error);
  return false;
}

bool add_payload(GstBuffer *buffer, guint, const std::string &, guint, guint, std::string *error) {
  open(buffer, error);
  return false;
}

bool visit_frames(GstBuffer *buffer, const std::function<void(guint, const NjFrameMeta *)> &, std::string *error,
                  bool) {
  open(buffer, error);
  return false;
}

}  // namespace nj::nvds

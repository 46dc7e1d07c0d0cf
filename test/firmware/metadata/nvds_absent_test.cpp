// What a build without DeepStream's headers says to DeepStream's metadata.
#include "main.h"
#include "metadata/metadata_batch.h"
#include "metadata/nvds.h"

namespace {

gboolean init_nothing(GstMeta *, gpointer, GstBuffer *) { return TRUE; }

// As NvDsMeta, of which only the tag is known here.
const GstMetaInfo *tagged_meta() {
  static const gchar *tags[] = {"nvdsmeta", nullptr};
  static const GType api = gst_meta_api_type_register("TestNvDsMetaAPI", tags);
  static const GstMetaInfo *info =
      gst_meta_register(api, "TestNvDsMeta", sizeof(GstMeta), init_nothing, nullptr, nullptr);
  return info;
}

}  // namespace

TEST_CASE("metadata of DeepStream is refused with how to build for it, not taken for a plain frame") {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 320 * 240 * 3 / 2, nullptr);
  GstCaps *caps = gst_caps_from_string("video/x-raw, format=I420, width=320, height=240");
  gst_buffer_add_meta(buffer, tagged_meta(), nullptr);
  CHECK_FALSE(nj::nvds::supported());
  CHECK(nj::nvds::present(buffer));
  std::string error;
  CHECK(nj::metadata_of(buffer, caps, &error) == nullptr);
  CHECK(error.find("deepstream=DIR") != std::string::npos);
  error.clear();
  CHECK_FALSE(nj::nvds::for_each_payload(
      buffer, [](const nj::nvds::Payload &) {}, &error));
  CHECK(error.find("deepstream=DIR") != std::string::npos);
  gst_caps_unref(caps);
  gst_buffer_unref(buffer);
}

TEST_CASE("a plain frame carries none") {
  GstBuffer *buffer = gst_buffer_new();
  CHECK_FALSE(nj::nvds::present(buffer));
  CHECK(nj::nvds::count_inferred(buffer) == 0);
  gst_buffer_unref(buffer);
}

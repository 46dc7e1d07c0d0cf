// libnvdsgst_meta.so for machines without DeepStream: NvDs metadata on GstBuffers (gstnvdsmeta.h), and empty functions
// for what the elements measure beside it. For tests only.
#include <gstnvdsmeta.h>
#include <nvds_latency_meta.h>

namespace {

gboolean init_meta(GstMeta *meta, gpointer, GstBuffer *) {
  auto *nvds = reinterpret_cast<NvDsMeta *>(meta);
  const GstMeta base = *meta;
  *nvds = {};
  nvds->meta = base;
  return TRUE;
}

void free_meta(GstMeta *meta, GstBuffer *) {
  auto *nvds = reinterpret_cast<NvDsMeta *>(meta);
  if (nvds->meta_data && nvds->freefunc) nvds->freefunc(nvds->meta_data, nvds->user_data);
}

gboolean transform_meta(GstBuffer *to, GstMeta *meta, GstBuffer *, GQuark type, gpointer) {
  if (!GST_META_TRANSFORM_IS_COPY(type)) return FALSE;
  const auto *nvds = reinterpret_cast<const NvDsMeta *>(meta);
  if (!nvds->copyfunc) return FALSE;
  NvDsMeta *copy = gst_buffer_add_nvds_meta(to, nvds->copyfunc(nvds->meta_data, nvds->user_data), nvds->user_data,
                                            nvds->copyfunc, nvds->freefunc);
  copy->meta_type = nvds->meta_type;
  copy->gst_to_nvds_meta_transform_func = nvds->gst_to_nvds_meta_transform_func;
  copy->gst_to_nvds_meta_release_func = nvds->gst_to_nvds_meta_release_func;
  return TRUE;
}

}  // namespace

GType nvds_meta_api_get_type(void) {
  static const gchar *tags[] = {NVDS_META_STRING, nullptr};
  static const GType type = gst_meta_api_type_register("NvDsMetaAPI", tags);
  return type;
}

const GstMetaInfo *nvds_meta_get_info(void) {
  static const GstMetaInfo *info =
      gst_meta_register(nvds_meta_api_get_type(), "NvDsMeta", sizeof(NvDsMeta), init_meta, free_meta, transform_meta);
  return info;
}

NvDsMeta *gst_buffer_add_nvds_meta(GstBuffer *buffer, gpointer data, gpointer user_data, NvDsMetaCopyFunc copy,
                                   NvDsMetaReleaseFunc release) {
  auto *meta = reinterpret_cast<NvDsMeta *>(gst_buffer_add_meta(buffer, nvds_meta_get_info(), nullptr));
  meta->meta_data = data;
  meta->user_data = user_data;
  meta->copyfunc = copy;
  meta->freefunc = release;
  return meta;
}

NvDsBatchMeta *gst_buffer_get_nvds_batch_meta(GstBuffer *buffer) {
  NvDsBatchMeta *found = nullptr;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta(buffer, &state)) {
    const auto *nvds = reinterpret_cast<const NvDsMeta *>(meta);
    if (meta->info->api == nvds_meta_api_get_type() && nvds->meta_type == NVDS_BATCH_GST_META)
      found = static_cast<NvDsBatchMeta *>(nvds->meta_data);
  }
  return found;
}

NvDsUserMeta *nvds_set_input_system_timestamp(GstBuffer *, gchar *) { return nullptr; }
gboolean nvds_set_output_system_timestamp(GstBuffer *, gchar *) { return TRUE; }

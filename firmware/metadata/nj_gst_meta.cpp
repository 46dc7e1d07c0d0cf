// The batch as a GstMeta: how it is added to a buffer, found again, and what happens to it when the buffer is copied.
#include "nj_meta.h"
#include "nj_meta_private.h"

namespace {

constexpr const char *kApiName = "NjBatchMetaAPI";
constexpr const char *kMetaName = "NjBatchGstMeta";

gboolean init_meta(GstMeta *meta, gpointer, GstBuffer *) {
  reinterpret_cast<NjBatchGstMeta *>(meta)->batch = nullptr;
  return TRUE;
}

void free_meta(GstMeta *meta, GstBuffer *) {
  auto *self = reinterpret_cast<NjBatchGstMeta *>(meta);
  if (!self->batch) return;
  nj_batch_meta_destroy(self->batch);
  g_free(self->batch);
}

void scale_box(NjBox *box, gfloat x, gfloat y) {
  *box = {box->left * x, box->top * y, box->width * x, box->height * y};
}

void scale_object(NjObjectMeta *object, gfloat x, gfloat y) {
  scale_box(&object->detector_bbox_info, x, y);
  scale_box(&object->tracker_bbox_info, x, y);
  NjRectParams &rect = object->rect_params;
  rect.left *= x;
  rect.top *= y;
  rect.width *= x;
  rect.height *= y;
  object->text_params.x_offset = static_cast<guint>(object->text_params.x_offset * x);
  object->text_params.y_offset = static_cast<guint>(object->text_params.y_offset * y);
  for (guint i = 0; i < object->num_keypoints; ++i) {
    object->keypoints[i].x *= x;
    object->keypoints[i].y *= y;
  }
}

// Another size of the same picture. Borders that the scaler adds are not known here: boxes assume a plain stretch.
void scale_frames(NjBatchMeta *batch, const GstVideoMetaTransform *scale) {
  const gfloat x = static_cast<gfloat>(GST_VIDEO_INFO_WIDTH(scale->out_info)) / GST_VIDEO_INFO_WIDTH(scale->in_info);
  const gfloat y = static_cast<gfloat>(GST_VIDEO_INFO_HEIGHT(scale->out_info)) / GST_VIDEO_INFO_HEIGHT(scale->in_info);
  for (GList *f = batch->frame_meta_list; f; f = f->next) {
    auto *frame = static_cast<NjFrameMeta *>(f->data);
    if (frame->buffer) continue;  // the pixels did not change with this buffer
    for (GList *o = frame->obj_meta_list; o; o = o->next) scale_object(static_cast<NjObjectMeta *>(o->data), x, y);
    frame->info = *scale->out_info;
  }
}

NjBatchMeta *copy_to(GstBuffer *destination, NjBatchMeta *source) {
  NjBatchMeta *copy = nj_buffer_add_batch_meta(destination, source->max_frames_in_batch);
  nj_batch_meta_copy_into(copy, source);
  return copy;
}

gboolean transform_meta(GstBuffer *destination, GstMeta *meta, GstBuffer *, GQuark type, gpointer data) {
  NjBatchMeta *source = reinterpret_cast<NjBatchGstMeta *>(meta)->batch;
  if (!source) return FALSE;
  if (GST_META_TRANSFORM_IS_COPY(type)) {
    // A part of the bytes is no frame any more.
    if (!static_cast<GstMetaTransformCopy *>(data)->region) copy_to(destination, source);
    return TRUE;
  }
  if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) {
    scale_frames(copy_to(destination, source), static_cast<GstVideoMetaTransform *>(data));
    return TRUE;
  }
  return FALSE;
}

GType register_api() {
  // Another copy of this code in the process (a test, an application) may have registered it before.
  if (const GType known = g_type_from_name(kApiName)) return known;
  static const gchar *tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR, nullptr};
  return gst_meta_api_type_register(kApiName, tags);
}

const GstMetaInfo *register_info() {
  if (const GstMetaInfo *known = gst_meta_get_info(kMetaName)) return known;
  return gst_meta_register(nj_batch_meta_api_get_type(), kMetaName, sizeof(NjBatchGstMeta), init_meta, free_meta,
                           transform_meta);
}

}  // namespace

GType nj_batch_meta_api_get_type(void) {
  static const GType type = register_api();
  return type;
}

const GstMetaInfo *nj_batch_meta_get_info(void) {
  static const GstMetaInfo *info = register_info();
  return info;
}

NjBatchMeta *nj_buffer_add_batch_meta(GstBuffer *buffer, guint max_frames) {
  auto *meta = reinterpret_cast<NjBatchGstMeta *>(gst_buffer_add_meta(buffer, nj_batch_meta_get_info(), nullptr));
  g_return_val_if_fail(meta != nullptr, nullptr);
  meta->batch = g_new0(NjBatchMeta, 1);
  nj_batch_meta_init(meta->batch, max_frames);
  return meta->batch;
}

NjBatchMeta *nj_buffer_get_batch_meta(GstBuffer *buffer) {
  auto *meta = reinterpret_cast<NjBatchGstMeta *>(gst_buffer_get_meta(buffer, nj_batch_meta_api_get_type()));
  return meta ? meta->batch : nullptr;
}

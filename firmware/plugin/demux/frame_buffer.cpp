#include "frame_buffer.h"

#include "../../frames/frame_mapper.h"

namespace nj {
namespace {

constexpr auto kAllButMemory =
    static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_META);

void remove_meta(GstBuffer *buffer, GType api) {
  if (GstMeta *meta = gst_buffer_get_meta(buffer, api)) gst_buffer_remove_meta(buffer, meta);
}

GstBuffer *shared(GstBuffer *source) {
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_copy_into(buffer, source, static_cast<GstBufferCopyFlags>(kAllButMemory | GST_BUFFER_COPY_MEMORY), 0,
                       G_MAXSIZE);
  gst_buffer_add_parent_buffer_meta(buffer, source);
  return buffer;
}

bool copy_pixels(GstBuffer *destination, GstBuffer *source, GstVideoInfo info) {
  GstVideoFrame from, to;
  if (!gst_video_frame_map(&from, &info, source, GST_MAP_READ)) return false;
  bool copied = false;
  if (gst_video_frame_map(&to, &info, destination, GST_MAP_WRITE)) {
    copied = gst_video_frame_copy(&to, &from);
    gst_video_frame_unmap(&to);
  }
  gst_video_frame_unmap(&from);
  return copied;
}

GstBuffer *packed(GstBuffer *source, const GstVideoInfo &info) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  if (!copy_pixels(buffer, source, info)) {
    gst_buffer_unref(buffer);
    return shared(source);
  }
  gst_buffer_copy_into(buffer, source, kAllButMemory, 0, G_MAXSIZE);
  remove_meta(buffer, GST_VIDEO_META_API_TYPE);
  return buffer;
}

}  // namespace

bool is_padded(const NjFrameMeta *frame) {
  const GstVideoMeta *meta = gst_buffer_get_video_meta(frame->buffer);
  if (!meta || is_on_gpu(frame->buffer)) return false;  // whoever takes GPU memory reads the meta
  for (guint i = 0; i < meta->n_planes; ++i)
    if (meta->offset[i] != GST_VIDEO_INFO_PLANE_OFFSET(&frame->info, i) ||
        meta->stride[i] != GST_VIDEO_INFO_PLANE_STRIDE(&frame->info, i))
      return true;
  return false;
}

GstBuffer *buffer_of(const NjFrameMeta *frame, bool pack) {
  GstBuffer *buffer = pack ? packed(frame->buffer, frame->info) : shared(frame->buffer);
  GST_BUFFER_PTS(buffer) = frame->buf_pts;
  remove_meta(buffer, NJ_BATCH_META_API_TYPE);  // what an element before the mux knew of it
  NjFrameMeta *copy = nj_batch_copy_frame(nj_buffer_add_batch_meta(buffer, 1), frame);
  gst_clear_buffer(&copy->buffer);  // the pixels are the buffer's own
  copy->batch_id = 0;
  return buffer;
}

}  // namespace nj

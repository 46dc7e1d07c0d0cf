// Buffers with NvDs metadata, as nvstreammux leaves them.
#pragma once

#include <gstnvdsmeta.h>

#include <initializer_list>

namespace nvds_for_tests {

struct FrameSpec {
  guint source_id = 0;
  gint number = 0;
  guint width = 1280, height = 720;               // of the source
  guint pipeline_width = 0, pipeline_height = 0;  // of the legacy muxer; 0: the new one
  guint64 pts = 0;
  guint64 capture = 1784535330123456789u;  // 2026-07-20T08:15:30.123456789Z
};

inline NvDsFrameMeta *add_frame(NvDsBatchMeta *batch, const FrameSpec &spec) {
  NvDsFrameMeta *frame = nvds_acquire_frame_meta_from_pool(batch);
  frame->pad_index = frame->source_id = spec.source_id;
  frame->batch_id = batch->num_frames_in_batch;
  frame->frame_num = spec.number;
  frame->buf_pts = spec.pts;
  frame->ntp_timestamp = spec.capture;
  frame->num_surfaces_per_frame = 1;
  frame->source_frame_width = spec.width;
  frame->source_frame_height = spec.height;
  frame->pipeline_width = spec.pipeline_width;
  frame->pipeline_height = spec.pipeline_height;
  nvds_add_frame_meta_to_batch(batch, frame);
  return frame;
}

inline NvDsBatchMeta *add_batch(GstBuffer *buffer, std::initializer_list<FrameSpec> frames) {
  NvDsBatchMeta *batch = nvds_create_batch_meta(static_cast<guint>(frames.size()));
  batch->base_meta.copy_func = nvds_batch_meta_copy_func;
  batch->base_meta.release_func = nvds_batch_meta_release_func;
  for (const FrameSpec &frame : frames) add_frame(batch, frame);
  NvDsMeta *meta =
      gst_buffer_add_nvds_meta(buffer, batch, nullptr, nvds_batch_meta_copy_func, nvds_batch_meta_release_func);
  meta->meta_type = NVDS_BATCH_GST_META;
  return batch;
}

inline NvDsFrameMeta *nth_frame(GstBuffer *buffer, guint index) {
  return nvds_get_nth_frame_meta(gst_buffer_get_nvds_batch_meta(buffer)->frame_meta_list, index);
}

// The newest: the head of the list.
inline NvDsObjectMeta *newest_object(NvDsFrameMeta *frame) {
  return frame->obj_meta_list ? static_cast<NvDsObjectMeta *>(frame->obj_meta_list->data) : nullptr;
}

}  // namespace nvds_for_tests

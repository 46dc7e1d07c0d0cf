// Pictures and streams for the tests of elements.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <cstdint>
#include <string>
#include <vector>

#include "metadata/nj_meta.h"

namespace test {

inline GstVideoInfo video_info(GstVideoFormat format, guint width, guint height) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, width, height);
  GST_VIDEO_INFO_FPS_N(&info) = 25;
  GST_VIDEO_INFO_FPS_D(&info) = 1;
  return info;
}

// A picture in which every byte is `value`, 40 ms long.
inline GstBuffer *picture(const GstVideoInfo &info, GstClockTime pts, guint8 value = 0) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  gst_buffer_memset(buffer, 0, value, GST_VIDEO_INFO_SIZE(&info));
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
  return buffer;
}

inline std::vector<uint8_t> bytes_of(GstBuffer *buffer) {
  std::vector<uint8_t> bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

inline NjFrameMeta *add_frame(NjBatchMeta *batch, const GstVideoInfo &info, guint source, GstBuffer *buffer = nullptr) {
  NjFrameMeta *frame = nj_acquire_frame_meta(batch);
  frame->source_id = frame->pad_index = source;
  frame->batch_id = batch->num_frames_in_batch;
  frame->source_frame_width = static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info));
  frame->source_frame_height = static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info));
  frame->info = info;
  frame->buffer = buffer;  // taken
  frame->buf_pts = buffer ? GST_BUFFER_PTS(buffer) : GST_CLOCK_TIME_NONE;
  nj_batch_add_frame(batch, frame);
  return frame;
}

inline NjObjectMeta *add_object(NjFrameMeta *frame, NjBox box, const char *label = nullptr, gint class_id = 0) {
  NjObjectMeta *object = nj_acquire_object_meta(frame->batch_meta);
  object->class_id = class_id;
  object->object_id = NJ_UNTRACKED_OBJECT_ID;
  object->rect_params.left = box.left;
  object->rect_params.top = box.top;
  object->rect_params.width = box.width;
  object->rect_params.height = box.height;
  object->rect_params.border_width = 3;
  object->rect_params.border_color = {1, 0, 0, 1};
  object->text_params.display_text = g_strdup(label);
  object->text_params.font_size = 11;
  nj_frame_add_object(frame, object, nullptr);
  return object;
}

inline constexpr const char *kBatchCaps =
    "video/x-raw(memory:NjBatch), width=640, height=480, batch-size=4, framerate=25/1";

}  // namespace test

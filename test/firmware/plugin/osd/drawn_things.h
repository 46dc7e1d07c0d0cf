// A frame with one of everything that is drawn, for painters that must agree.
#pragma once

#include <cmath>
#include <cstring>
#include <random>

#include "metadata/nj_meta.h"
#include "plugin/video.h"

namespace test {

inline NjObjectMeta *add_masked(NjFrameMeta *frame, NjBox box, guint side) {
  NjObjectMeta *object = add_object(frame, box, "mask", 3);
  NjMaskParams &mask = object->mask_params;
  mask.width = mask.height = side;
  mask.size = sizeof(gfloat) * side * side;
  mask.data = static_cast<gfloat *>(g_malloc(mask.size));
  for (guint i = 0; i < side * side; ++i)
    mask.data[i] = std::hypot(i % side - side / 2.f, i / side - side / 2.f) < side / 2.5f ? 1.f : 0.f;
  mask.threshold = 0.5f;
  return object;
}

inline void add_zones(NjFrameMeta *frame) {
  const char *text =
      R"({"zones":[{"name":"yard","type":"region","now":3,"points":[[0.05,0.1],[0.9,0.2],[0.5,0.5],[0.8,0.95],[0.1,0.7]]},)"
      R"({"name":"gate","type":"line","in":12,"out":7,"points":[[0.2,0.9],[0.6,0.8],[0.95,0.85]]}]})";
  nj_frame_add_user_meta(frame, nj_acquire_module_meta(frame->batch_meta, 3, "zones", text, strlen(text)));
}

// Boxes straight, turned, filled, over the edges; labels, a mask, keypoints, zones; odd places everywhere.
inline void add_everything(NjFrameMeta *frame) {
  const auto width = static_cast<float>(frame->source_frame_width),
             height = static_cast<float>(frame->source_frame_height);
  add_zones(frame);
  add_object(frame, {width * 0.11f, height * 0.31f, width * 0.23f, height * 0.4f}, "person 17", 1);
  add_object(frame, {-10.5f, height * 0.6f, width * 0.3f, height}, "over the edge", 2);
  add_object(frame, {width - 31, 3, 300, 33}, "Ünïcode ✓", 4)->track_state = NJ_TRACK_PREDICTED;
  NjObjectMeta *turned = add_object(frame, {width * 0.5f, height * 0.4f, width * 0.3f, height * 0.2f}, "turned", 5);
  turned->rect_params.rotation_angle = 33;
  turned->rect_params.has_bg_color = 1;
  turned->rect_params.bg_color = {0.2, 0.9, 0.4, 0.35};
  NjObjectMeta *masked = add_masked(frame, {width * 0.6f, height * 0.05f, width * 0.25f, height * 0.5f}, 28);
  masked->num_keypoints = 17;
  masked->keypoints = g_new(NjKeypoint, 17);
  for (guint i = 0; i < 17; ++i)
    masked->keypoints[i] = {width * (0.6f + 0.014f * static_cast<float>(i)),
                            height * (0.1f + 0.023f * static_cast<float>(i * i % 17)), i % 5 ? 0.9f : 0.2f};
}

inline GstBuffer *noisy_picture(const GstVideoInfo &info) {
  GstBuffer *buffer = picture(info, 0);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  std::mt19937 random(5);
  for (gsize i = 0; i < map.size; ++i) map.data[i] = static_cast<guint8>(random());
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

}  // namespace test

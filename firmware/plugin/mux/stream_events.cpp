#include "stream_events.h"

#include <iterator>

namespace nj {
namespace {

constexpr const char *kNames[] = {"", "nj-pad-added", "nj-pad-deleted", "nj-stream-segment", "nj-stream-eos"};

StreamChange change_of(const GstStructure *structure) {
  for (size_t i = 1; i < std::size(kNames); ++i)
    if (gst_structure_has_name(structure, kNames[i])) return static_cast<StreamChange>(i);
  return StreamChange::None;
}

}  // namespace

GstEvent *new_stream_event(StreamChange change, guint source_id, const GstSegment *segment) {
  GstStructure *structure =
      gst_structure_new(kNames[static_cast<size_t>(change)], "source-id", G_TYPE_UINT, source_id, nullptr);
  if (segment) gst_structure_set(structure, "segment", GST_TYPE_SEGMENT, segment, nullptr);
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, structure);
}

StreamEvent parse_stream_event(GstEvent *event) {
  StreamEvent result;
  if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_DOWNSTREAM) return result;
  const GstStructure *structure = gst_event_get_structure(event);
  const StreamChange change = structure ? change_of(structure) : StreamChange::None;
  if (change == StreamChange::None || !gst_structure_get_uint(structure, "source-id", &result.source_id)) return result;
  if (change == StreamChange::Segment) {
    GstSegment *segment = nullptr;
    if (!gst_structure_get(structure, "segment", GST_TYPE_SEGMENT, &segment, nullptr) || !segment) return result;
    result.segment = *segment;
    gst_segment_free(segment);
  }
  result.change = change;
  return result;
}

}  // namespace nj

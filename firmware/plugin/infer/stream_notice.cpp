#include "stream_notice.h"

#include <cstdlib>

#include "../mux/stream_events.h"

namespace nj {

namespace {

// Numbers of DeepStream's events; the type of an event holds them above its flags.
enum DeepStreamEvent : unsigned {
  kPadDeleted = 401,
  kStreamEos = 402,
  kStreamReset = 404,
  kInferIntervalUpdate = 407,
};

unsigned number_of(GstEvent *event) { return static_cast<unsigned>(GST_EVENT_TYPE(event)) >> GST_EVENT_NUM_SHIFT; }

StreamNotice over(std::optional<uint32_t> source_id) { return {StreamNotice::Kind::Over, source_id, 0}; }

StreamNotice over(const GstStructure *structure) {
  guint source_id = 0;
  if (!structure || !gst_structure_get_uint(structure, "source-id", &source_id)) return {};
  return over(source_id);
}

// The stream is text: the number of a source, or a name that is not ours to know, which then stands for all.
StreamNotice interval(const GstStructure *structure) {
  StreamNotice notice{StreamNotice::Kind::Interval, std::nullopt, 0};
  if (!structure || !gst_structure_get_uint(structure, "interval", &notice.interval)) return {};
  const gchar *stream = gst_structure_get_string(structure, "stream_id");
  char *end = nullptr;
  const unsigned long number = stream ? std::strtoul(stream, &end, 10) : 0;
  if (stream && end != stream && *end == '\0') notice.source_id = static_cast<uint32_t>(number);
  return notice;
}

}  // namespace

StreamNotice read_notice(GstEvent *event) {
  const StreamEvent own = parse_stream_event(event);
  if (own.change == StreamChange::PadDeleted || own.change == StreamChange::Eos) return over(own.source_id);
  switch (number_of(event)) {
    case kPadDeleted:
    case kStreamEos:
    case kStreamReset:
      return over(gst_event_get_structure(event));
    case kInferIntervalUpdate:
      return interval(gst_event_get_structure(event));
    default:
      return {};
  }
}

}  // namespace nj

// What happens to one stream of a batch, as serialized downstream events in their place between the batches
// (nvstreammux' GST_NVEVENT_*). Elements that keep state per source listen to them; all others pass them on.
//
//   nj-pad-added       source-id        a sink pad of the mux was requested
//   nj-pad-deleted     source-id        it was released; nothing more comes from this source
//   nj-stream-segment  source-id, segment   the segment of the source's own timestamps (NjFrameMeta.buf_pts)
//   nj-stream-eos      source-id        the source ended; it may start again with nj-stream-segment
#pragma once

#include <gst/gst.h>

namespace nj {

enum class StreamChange { None, PadAdded, PadDeleted, Segment, Eos };

struct StreamEvent {
  StreamChange change = StreamChange::None;
  guint source_id = 0;
  GstSegment segment = {};  // with StreamChange::Segment
};

GstEvent *new_stream_event(StreamChange change, guint source_id, const GstSegment *segment = nullptr);

// change is None when the event is none of the above.
StreamEvent parse_stream_event(GstEvent *event);

}  // namespace nj

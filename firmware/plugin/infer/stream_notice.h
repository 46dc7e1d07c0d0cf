// What serialized events say about one source of a batch: those of njstreammux (mux/stream_events.h) and DeepStream's
// custom events (gst-nvevent.h, gst-nvdscustomevent.h). All of them are passed on as they are.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace nj {

struct StreamNotice {
  enum class Kind { None, Over, Interval };
  Kind kind = Kind::None;
  // Over: the source ended, was taken out, or starts anew: what is remembered of it means nothing any more.
  // Interval: frames of it that pass between two inferred ones, from now on. No source: all of them.
  std::optional<uint32_t> source_id;
  unsigned interval = 0;
};

StreamNotice read_notice(GstEvent *event);

}  // namespace nj

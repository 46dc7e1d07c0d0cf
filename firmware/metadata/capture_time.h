// When a frame was captured, as well as the buffer knows.
#pragma once

#include <gst/gst.h>

namespace nj {

// Wall clock now, ns since the epoch.
guint64 wall_clock();

// From the buffer's reference timestamp (timestamp/x-unix, or timestamp/x-ntp as RTP sources with RTCP attach it), ns
// since the epoch; without one the wall clock now.
guint64 capture_time(GstBuffer *buffer);

}  // namespace nj

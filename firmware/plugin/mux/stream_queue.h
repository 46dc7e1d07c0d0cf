// One source of the mux: the frames that wait for a batch, and what is known about the source.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace nj {

struct BufferUnref {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
};
using BufferPtr = std::unique_ptr<GstBuffer, BufferUnref>;

struct QueuedFrame {
  BufferPtr buffer;
  GstVideoInfo info;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;  // ns; none where neither timestamp nor clock gave one
  guint64 capture = 0;                              // ns since the epoch
  gint64 arrival = 0;                               // µs, monotonic
  std::optional<GstSegment> segment;                // set where the source's segment changed with this frame
};

// Guarded by the lock of the mux.
struct StreamQueue {
  explicit StreamQueue(guint index) : index(index) { gst_segment_init(&segment, GST_FORMAT_TIME); }

  guint index;  // N of sink_N
  std::deque<QueuedFrame> frames;

  GstSegment segment;
  bool segment_changed = true;  // not yet told downstream
  std::optional<GstVideoInfo> info;
  bool flushing = false;
  bool eos = false;  // nothing more comes after `frames`
  bool eos_announced = false;

  gint next_frame_number = 0;
  guint missed = 0;  // batches in a row that went without this source

  // Read and written from other threads too, without the lock of the mux.
  std::atomic<guint64> taken{0}, dropped{0};
  std::mutex sensor_lock;
  std::string sensor_id;  // guarded by sensor_lock

  bool ended() const { return eos && frames.empty(); }

  // Drops the first frame; a segment that came with it goes on to the next.
  void drop_oldest() {
    if (frames.front().segment && frames.size() > 1)
      frames[1].segment = frames[1].segment ? frames[1].segment : frames.front().segment;
    else if (frames.front().segment)
      segment_changed = true;
    frames.pop_front();
    dropped++;
  }
};

}  // namespace nj

// The mux behind njstreammux: sources push into queues, one thread takes a frame of each and pushes batches.
//
//   chain() per sink pad ──► StreamQueue ──┐
//   chain() per sink pad ──► StreamQueue ──┼──► collect() on the task of the source pad ──► batch
//   …                                      ┘
//
// One lock guards all queues; nothing is pushed while it is held.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "batch_rules.h"
#include "stream_queue.h"

namespace nj {

struct MuxSettings {
  BatchRules rules;
  guint width = 0, height = 0;  // pixels, of the caps; 0: those of the first frame
  guint max_queued = 4;         // frames per source
  bool live_source = false;
  bool attach_system_time = true;
  bool frame_number_reset_on_eos = false;
  bool drop_pipeline_eos = false;
};

class Mux {
 public:
  Mux(GstElement *element, GstPad *source_pad) : element_(element), source_pad_(source_pad) {}
  ~Mux();

  // The settings may be changed at any time under lock(); call changed() afterwards.
  std::mutex &lock() { return lock_; }
  MuxSettings settings;
  void changed() { wake_.notify_all(); }

  // Streams: owned by their pads.
  void add_stream(StreamQueue *stream);
  void stop_stream(StreamQueue *stream);    // its chain() returns at once from now on
  void remove_stream(StreamQueue *stream);  // after its pad was deactivated

  GstFlowReturn chain(StreamQueue *stream, GstBuffer *buffer);  // takes the buffer
  void event(StreamQueue *stream, GstEvent *event);             // borrows the event

  void start();
  void stop();  // collect() and all chain() return; queues are emptied
  bool running();
  void collect();  // one round of the task: waits for one thing to do and does it

  // Around a flushing seek: collect() returns meanwhile, sources may wait in chain() until their own flush.
  void pause_collecting();
  void resume_collecting();

 private:
  struct Batch;
  struct Caps {
    gint width = 0, height = 0, batch_size = 0, fps_n = 0, fps_d = 1;
    bool operator==(const Caps &o) const {
      return width == o.width && height == o.height && batch_size == o.batch_size && fps_n == o.fps_n &&
             fps_d == o.fps_d;
    }
  };

  GstClockTime running_time_now() const;
  QueuedFrame make_frame(StreamQueue *stream, BufferPtr buffer, GstClockTime running_time);
  bool wait_for_room(std::unique_lock<std::mutex> &held, StreamQueue *stream);

  bool wait_for_work(std::unique_lock<std::mutex> &held, Batch *batch);
  void announce_ended_streams();
  void take_batch(Batch *batch);
  void take_frame(StreamQueue *stream, Batch *batch);
  Caps caps_for(const QueuedFrame &frame) const;

  void push_start();
  void push_caps(const Caps &caps);
  void push_batch(Batch *batch);

  GstElement *element_;  // owns this
  GstPad *source_pad_;

  std::mutex lock_;
  std::condition_variable wake_;        // for collect()
  std::condition_variable room_;        // for chain()
  std::vector<StreamQueue *> streams_;  // by index
  std::vector<GstEvent *> events_;      // for downstream, before the next batch
  std::vector<guint> ended_;            // stream-eos messages to post
  bool running_ = false;                // between start() and stop()
  bool collecting_ = false;             // running, and not in a seek
  bool eos_sent_ = false;
  GstFlowReturn flow_ = GST_FLOW_OK;
  guint next_first_ = 0;   // pad number that is first in the next batch
  gint64 idle_since_ = 0;  // µs, monotonic
  GstClockTime last_pts_ = GST_CLOCK_TIME_NONE;

  // Touched by the task only, while it runs.
  bool start_sent_ = false;
  bool segment_sent_ = false;
  Caps caps_;
  guint64 batches_ = 0;
};

}  // namespace nj

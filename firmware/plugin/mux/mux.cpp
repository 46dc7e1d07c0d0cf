#include "mux.h"

#include <algorithm>
#include <chrono>

#include "../../metadata/capture_time.h"
#include "../../metadata/nj_meta.h"
#include "stream_events.h"

namespace nj {

// What one round of the task has to do, decided under the lock and done without it.
struct Mux::Batch {
  std::vector<GstEvent *> events;
  std::vector<guint> ended;
  bool eos = false;
  GstBuffer *buffer = nullptr;
  Caps caps;
};

namespace {

void clear_events(std::vector<GstEvent *> *events) {
  for (GstEvent *event : *events) gst_event_unref(event);
  events->clear();
}

void clear_stream(StreamQueue *stream) {
  stream->frames.clear();
  stream->eos = stream->eos_announced = false;
  stream->segment_changed = true;
  stream->missed = 0;
  gst_segment_init(&stream->segment, GST_FORMAT_TIME);
}

gchar *sensor_id_of(StreamQueue *stream) {
  std::lock_guard held(stream->sensor_lock);
  return stream->sensor_id.empty() ? nullptr : g_strdup(stream->sensor_id.c_str());
}

void fill_frame(NjFrameMeta *meta, const StreamQueue &stream, QueuedFrame *frame, guint batch_id) {
  meta->pad_index = meta->source_id = stream.index;
  meta->batch_id = batch_id;
  meta->frame_num = stream.next_frame_number;
  meta->buf_pts = GST_BUFFER_PTS(frame->buffer.get());
  meta->ntp_timestamp = frame->capture;
  meta->source_frame_width = static_cast<guint>(GST_VIDEO_INFO_WIDTH(&frame->info));
  meta->source_frame_height = static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&frame->info));
  meta->info = frame->info;
  meta->buffer = frame->buffer.release();
}

}  // namespace

Mux::~Mux() { clear_events(&events_); }

// ---- Streams

void Mux::add_stream(StreamQueue *stream) {
  std::lock_guard held(lock_);
  const auto after = std::find_if(streams_.begin(), streams_.end(), [&](auto *s) { return s->index > stream->index; });
  streams_.insert(after, stream);
  events_.push_back(new_stream_event(StreamChange::PadAdded, stream->index));
  wake_.notify_all();
}

void Mux::stop_stream(StreamQueue *stream) {
  std::lock_guard held(lock_);
  stream->flushing = true;
  room_.notify_all();
}

void Mux::remove_stream(StreamQueue *stream) {
  std::lock_guard held(lock_);
  streams_.erase(std::remove(streams_.begin(), streams_.end(), stream), streams_.end());
  clear_stream(stream);
  events_.push_back(new_stream_event(StreamChange::PadDeleted, stream->index));
  wake_.notify_all();
}

// ---- What sources push

GstClockTime Mux::running_time_now() const {
  GstClock *clock = gst_element_get_clock(element_);
  if (!clock) return GST_CLOCK_TIME_NONE;
  const GstClockTime now = gst_clock_get_time(clock);
  gst_object_unref(clock);
  const GstClockTime base = gst_element_get_base_time(element_);
  return now > base ? now - base : 0;
}

QueuedFrame Mux::make_frame(StreamQueue *stream, BufferPtr buffer, GstClockTime running_time) {
  QueuedFrame frame;
  frame.info = *stream->info;
  frame.running_time = running_time;
  frame.capture = settings.attach_system_time ? wall_clock() : capture_time(buffer.get());
  frame.arrival = g_get_monotonic_time();
  if (stream->segment_changed) frame.segment = stream->segment;
  stream->segment_changed = false;
  frame.buffer = std::move(buffer);
  return frame;
}

// false: the frame is not wanted any more. Live sources never wait, their oldest frame goes instead.
bool Mux::wait_for_room(std::unique_lock<std::mutex> &held, StreamQueue *stream) {
  const auto open = [&] { return running_ && !stream->flushing && flow_ == GST_FLOW_OK && !eos_sent_; };
  while (open() && stream->frames.size() >= settings.max_queued) {
    if (settings.live_source)
      stream->drop_oldest();
    else
      room_.wait(held);
  }
  return open();
}

GstFlowReturn Mux::chain(StreamQueue *stream, GstBuffer *raw) {
  BufferPtr buffer(raw);
  std::unique_lock held(lock_);
  if (!stream->info) return GST_FLOW_NOT_NEGOTIATED;
  GstClockTime running_time = running_time_now();
  if (GST_BUFFER_PTS_IS_VALID(raw)) {
    running_time = gst_segment_to_running_time(&stream->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(raw));
    if (!GST_CLOCK_TIME_IS_VALID(running_time)) return GST_FLOW_OK;  // outside of its segment
  }
  // Made before waiting: capture and arrival are now.
  QueuedFrame frame = make_frame(stream, std::move(buffer), running_time);
  if (!wait_for_room(held, stream)) {
    if (!running_ || stream->flushing) return GST_FLOW_FLUSHING;
    return eos_sent_ ? GST_FLOW_EOS : flow_;
  }
  stream->frames.push_back(std::move(frame));
  wake_.notify_all();
  return GST_FLOW_OK;
}

void Mux::event(StreamQueue *stream, GstEvent *event) {
  std::lock_guard held(lock_);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      stream->eos = stream->eos_announced = false;
      break;
    case GST_EVENT_CAPS: {
      GstCaps *caps;
      GstVideoInfo info;
      gst_event_parse_caps(event, &caps);
      stream->info.reset();
      if (gst_video_info_from_caps(&info, caps)) stream->info = info;
      break;
    }
    case GST_EVENT_SEGMENT: {
      const GstSegment *segment;
      gst_event_parse_segment(event, &segment);
      if (segment->format == GST_FORMAT_TIME)
        stream->segment = *segment;
      else
        gst_segment_init(&stream->segment, GST_FORMAT_TIME);
      stream->segment_changed = true;
      break;
    }
    case GST_EVENT_EOS:
      stream->eos = true;
      break;
    case GST_EVENT_FLUSH_START:
      stream->flushing = true;
      clear_stream(stream);
      room_.notify_all();
      break;
    case GST_EVENT_FLUSH_STOP:
      stream->flushing = false;
      break;
    default:
      break;
  }
  wake_.notify_all();
}

// ---- Start and stop

void Mux::start() {
  std::lock_guard held(lock_);
  running_ = collecting_ = true;
  eos_sent_ = start_sent_ = segment_sent_ = false;
  caps_ = {};
  flow_ = GST_FLOW_OK;
  last_pts_ = GST_CLOCK_TIME_NONE;
}

void Mux::stop() {
  std::lock_guard held(lock_);
  running_ = collecting_ = false;
  for (StreamQueue *stream : streams_) {
    clear_stream(stream);
    stream->next_frame_number = 0;
    stream->flushing = false;  // a flush that was not ended does not outlive the state
  }
  wake_.notify_all();
  room_.notify_all();
}

bool Mux::running() {
  std::lock_guard held(lock_);
  return running_;
}

void Mux::pause_collecting() {
  std::lock_guard held(lock_);
  collecting_ = false;
  eos_sent_ = false;
  wake_.notify_all();
}

void Mux::resume_collecting() {
  std::lock_guard held(lock_);
  collecting_ = running_;
  segment_sent_ = false;
  flow_ = GST_FLOW_OK;
  last_pts_ = GST_CLOCK_TIME_NONE;
  room_.notify_all();
}

// ---- The collecting thread

void Mux::announce_ended_streams() {
  for (StreamQueue *stream : streams_) {
    if (!stream->ended() || stream->eos_announced) continue;
    stream->eos_announced = true;
    if (settings.frame_number_reset_on_eos) stream->next_frame_number = 0;
    events_.push_back(new_stream_event(StreamChange::Eos, stream->index));
    ended_.push_back(stream->index);
  }
}

Mux::Caps Mux::caps_for(const QueuedFrame &frame) const {
  Caps caps;
  caps.width = settings.width ? static_cast<gint>(settings.width)
               : caps_.width  ? caps_.width
                              : GST_VIDEO_INFO_WIDTH(&frame.info);
  caps.height = settings.height ? static_cast<gint>(settings.height)
                : caps_.height  ? caps_.height
                                : GST_VIDEO_INFO_HEIGHT(&frame.info);
  const auto sources = static_cast<gint>(streams_.size());
  caps.batch_size =
      settings.rules.batch_size ? static_cast<gint>(settings.rules.batch_size) : std::max(caps_.batch_size, sources);
  const bool known = caps_.fps_n > 0;
  caps.fps_n = known ? caps_.fps_n : GST_VIDEO_INFO_FPS_N(&frame.info);
  caps.fps_d = known ? caps_.fps_d : GST_VIDEO_INFO_FPS_D(&frame.info);
  return caps;
}

void Mux::take_frame(StreamQueue *stream, Batch *batch) {
  QueuedFrame frame = std::move(stream->frames.front());
  stream->frames.pop_front();
  stream->taken++;
  if (frame.segment) batch->events.push_back(new_stream_event(StreamChange::Segment, stream->index, &*frame.segment));
  GstBuffer *buffer = batch->buffer;
  GST_BUFFER_PTS(buffer) = std::min(GST_BUFFER_PTS(buffer), frame.running_time);  // none is the greatest
  if (!GST_BUFFER_DURATION_IS_VALID(buffer)) GST_BUFFER_DURATION(buffer) = GST_BUFFER_DURATION(frame.buffer.get());

  NjBatchMeta *meta = nj_buffer_get_batch_meta(buffer);
  NjFrameMeta *frame_meta = nj_acquire_frame_meta(meta);
  fill_frame(frame_meta, *stream, &frame, meta->num_frames_in_batch);
  frame_meta->sensor_id = sensor_id_of(stream);
  stream->next_frame_number++;
  nj_batch_add_frame(meta, frame_meta);
}

void Mux::take_batch(Batch *batch) {
  const std::vector<StreamQueue *> chosen = choose(streams_, settings.rules, next_first_);
  batch->caps = caps_for(chosen.front()->frames.front());
  batch->buffer = gst_buffer_new();
  nj_buffer_add_batch_meta(batch->buffer, static_cast<guint>(batch->caps.batch_size));
  for (StreamQueue *stream : streams_) stream->missed += stream->frames.empty() && !stream->eos;
  for (StreamQueue *stream : chosen) {
    stream->missed = 0;
    take_frame(stream, batch);
  }
  next_first_ = chosen.back()->index + 1;
  // A source that starts late begins with an early running time: the batches go on all the same.
  GstClockTime &pts = GST_BUFFER_PTS(batch->buffer);
  if (GST_CLOCK_TIME_IS_VALID(pts) && GST_CLOCK_TIME_IS_VALID(last_pts_)) pts = std::max(pts, last_pts_);
  if (GST_CLOCK_TIME_IS_VALID(pts)) last_pts_ = pts;
  room_.notify_all();
}

// false: the mux was stopped or a seek began.
bool Mux::wait_for_work(std::unique_lock<std::mutex> &held, Batch *batch) {
  idle_since_ = g_get_monotonic_time();
  while (collecting_) {
    announce_ended_streams();
    batch->events.swap(events_);
    batch->ended.swap(ended_);
    drop_late(streams_, settings.rules, last_pts_);
    const Decision decision = decide(streams_, settings.rules, idle_since_, g_get_monotonic_time());
    if (decision.action == Action::Push) take_batch(batch);
    batch->eos = decision.action == Action::Ended && !settings.drop_pipeline_eos && !eos_sent_;
    if (batch->eos) eos_sent_ = true;
    if (batch->buffer || batch->eos || !batch->events.empty()) return true;
    if (decision.deadline < 0)
      wake_.wait(held);
    else
      wake_.wait_for(held, std::chrono::microseconds(std::max<gint64>(decision.deadline - g_get_monotonic_time(), 1)));
  }
  return false;
}

void Mux::push_start() {
  if (start_sent_) return;
  gchar *id = g_strdup_printf("nj-batch-%08x%08x", g_random_int(), g_random_int());
  GstEvent *event = gst_event_new_stream_start(id);
  gst_event_set_group_id(event, gst_util_group_id_next());
  gst_pad_push_event(source_pad_, event);
  g_free(id);
  start_sent_ = true;
}

void Mux::push_caps(const Caps &wanted) {
  if (!(wanted == caps_)) {
    caps_ = wanted;
    GstCaps *caps = gst_caps_new_simple("video/x-raw", "width", G_TYPE_INT, wanted.width, "height", G_TYPE_INT,
                                        wanted.height, "batch-size", G_TYPE_INT, wanted.batch_size, "framerate",
                                        GST_TYPE_FRACTION, wanted.fps_n, wanted.fps_d, nullptr);
    gst_caps_set_features(caps, 0, gst_caps_features_new(NJ_CAPS_FEATURE_BATCH, nullptr));
    gst_pad_push_event(source_pad_, gst_event_new_caps(caps));
    gst_caps_unref(caps);
  }
  if (segment_sent_) return;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(source_pad_, gst_event_new_segment(&segment));
  segment_sent_ = true;
}

void Mux::push_batch(Batch *batch) {
  GST_BUFFER_OFFSET(batch->buffer) = batches_++;
  const GstFlowReturn flow = gst_pad_push(source_pad_, batch->buffer);
  if (flow == GST_FLOW_OK) return;
  GST_DEBUG_OBJECT(source_pad_, "pushing a batch returned %s", gst_flow_get_name(flow));
  std::lock_guard held(lock_);
  flow_ = flow;
  room_.notify_all();
  gst_pad_pause_task(source_pad_);
}

void Mux::collect() {
  Batch batch;
  {
    std::unique_lock held(lock_);
    if (!wait_for_work(held, &batch)) {
      gst_pad_pause_task(source_pad_);
      clear_events(&batch.events);
      return;
    }
  }
  push_start();
  if (batch.buffer) push_caps(batch.caps);
  for (GstEvent *event : batch.events) gst_pad_push_event(source_pad_, event);
  for (guint index : batch.ended)
    gst_element_post_message(
        element_, gst_message_new_element(GST_OBJECT(element_),
                                          gst_structure_new("stream-eos", "stream-id", G_TYPE_UINT, index, nullptr)));
  if (batch.buffer) push_batch(&batch);
  if (batch.eos) gst_pad_push_event(source_pad_, gst_event_new_eos());
}

}  // namespace nj

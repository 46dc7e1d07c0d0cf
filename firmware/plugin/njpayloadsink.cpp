// njpayloadsink: hands payloads (content=payload: njmsgconv's, or nvmsgconv's behind DeepStream's elements) or whole
// buffers (content=buffer) to another process as framed records on a file descriptor (payloadsink/record.h).
//
// It never makes the pipeline wait: a bounded queue and a thread of its own do the writing. What a slow reader loses is
// counted, told to the reader, and posted as an element message "njpayloadsink-dropped" {fd, dropped, dropped-bytes,
// written} at most once a second. When the reader is gone, one warning is posted and everything from then on is
// dropped. Several of these elements may share a descriptor: then they share the queue, its limits (those of the first
// to start), the sequence and the counters.
//
//   gst-launch-1.0 videotestsrc ! jpegenc ! njpayloadsink content=buffer fd=1 > pictures.njrc
#include <fcntl.h>
#include <gst/base/gstbasesink.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>

#include "../metadata/nj_meta.h"
#include "../metadata/nvds.h"
#include "msgconv/text.h"
#include "payloadsink/payload_writer.h"

GST_DEBUG_CATEGORY_STATIC(njpayloadsink_debug);
#define GST_CAT_DEFAULT njpayloadsink_debug

namespace {

using nj::PayloadWriter;
using nj::RecordHeader;
using nj::RecordKind;

enum class Content { Payload = 0, Buffer = 1 };

constexpr guint kDefaultQueueBytes = 8 << 20;
constexpr guint kDefaultQueueRecords = 1000;
constexpr guint kDefaultFlushTimeoutMs = 2000;
constexpr auto kReportInterval = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kFlushCheck{20};  // how often the end of the stream looks whether it is flushed

struct State {
  int fd = -1;
  Content content = Content::Payload;
  guint component_id = 0;
  guint source_id = nj::kNoSource;
  guint max_queue_bytes = kDefaultQueueBytes;
  guint max_queue_records = kDefaultQueueRecords;
  guint flush_timeout_ms = kDefaultFlushTimeoutMs;

  std::shared_ptr<PayloadWriter> writer;  // from the first start on; the getters read it, so under the object lock
  std::atomic<bool> flushing{false};      // the end of the stream is not waited for any more
};

}  // namespace

struct NjPayloadSink {
  GstBaseSink parent;
  State *state;
};
struct NjPayloadSinkClass {
  GstBaseSinkClass parent_class;
};

G_DEFINE_TYPE(NjPayloadSink, nj_payload_sink, GST_TYPE_BASE_SINK)
#define NJ_PAYLOAD_SINK(object) reinterpret_cast<NjPayloadSink *>(object)

enum {
  PROP_0,
  PROP_FD,
  PROP_CONTENT,
  PROP_COMPONENT_ID,
  PROP_SOURCE_ID,
  PROP_MAX_QUEUE_BYTES,
  PROP_MAX_QUEUE_RECORDS,
  PROP_FLUSH_TIMEOUT,
  PROP_WRITTEN,
  PROP_DROPPED,
  PROP_QUEUED_BYTES,
};

static GType content_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Content::Payload), "The payloads of the buffer's frames", "payload"},
      {static_cast<int>(Content::Buffer), "The buffer's bytes", "buffer"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("NjPayloadSinkContent", values);
  return type;
}

static std::shared_ptr<PayloadWriter> writer_of(NjPayloadSink *self) {
  GST_OBJECT_LOCK(self);
  auto writer = self->state->writer;
  GST_OBJECT_UNLOCK(self);
  return writer;
}

static void nj_payload_sink_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  State &state = *NJ_PAYLOAD_SINK(object)->state;
  switch (id) {
    case PROP_FD:
      state.fd = g_value_get_int(value);
      break;
    case PROP_CONTENT:
      state.content = static_cast<Content>(g_value_get_enum(value));
      break;
    case PROP_COMPONENT_ID:
      state.component_id = g_value_get_uint(value);
      break;
    case PROP_SOURCE_ID:
      state.source_id = g_value_get_uint(value);
      break;
    case PROP_MAX_QUEUE_BYTES:
      state.max_queue_bytes = g_value_get_uint(value);
      break;
    case PROP_MAX_QUEUE_RECORDS:
      state.max_queue_records = g_value_get_uint(value);
      break;
    case PROP_FLUSH_TIMEOUT:
      state.flush_timeout_ms = g_value_get_uint(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void nj_payload_sink_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  NjPayloadSink *self = NJ_PAYLOAD_SINK(object);
  const State &state = *self->state;
  const auto writer = writer_of(self);
  const auto counters = writer ? writer->counters() : PayloadWriter::Counters{};
  switch (id) {
    case PROP_FD:
      g_value_set_int(value, state.fd);
      break;
    case PROP_CONTENT:
      g_value_set_enum(value, static_cast<int>(state.content));
      break;
    case PROP_COMPONENT_ID:
      g_value_set_uint(value, state.component_id);
      break;
    case PROP_SOURCE_ID:
      g_value_set_uint(value, state.source_id);
      break;
    case PROP_MAX_QUEUE_BYTES:
      g_value_set_uint(value, state.max_queue_bytes);
      break;
    case PROP_MAX_QUEUE_RECORDS:
      g_value_set_uint(value, state.max_queue_records);
      break;
    case PROP_FLUSH_TIMEOUT:
      g_value_set_uint(value, state.flush_timeout_ms);
      break;
    case PROP_WRITTEN:
      g_value_set_uint64(value, counters.written);
      break;
    case PROP_DROPPED:
      g_value_set_uint64(value, counters.dropped);
      break;
    case PROP_QUEUED_BYTES:
      g_value_set_uint64(value, counters.queued_bytes);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

// Preroll and clock are for displays. A branch behind a closed valve gets no buffer, and must not hold the pipeline's
// state change.
static void nj_payload_sink_init(NjPayloadSink *self) {
  self->state = new State;
  auto *sink = GST_BASE_SINK(self);
  gst_base_sink_set_sync(sink, FALSE);
  gst_base_sink_set_async_enabled(sink, FALSE);
  gst_base_sink_set_qos_enabled(sink, FALSE);
  gst_base_sink_set_last_sample_enabled(sink, FALSE);
}

static void nj_payload_sink_finalize(GObject *object) {
  delete NJ_PAYLOAD_SINK(object)->state;
  G_OBJECT_CLASS(nj_payload_sink_parent_class)->finalize(object);
}

static bool check_fd(NjPayloadSink *self, int fd) {
  const int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return true;
  GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                    ("Property fd must be an open descriptor that can be written to, and %d is not.", fd), (NULL));
  return false;
}

// false after an element error.
static bool start(NjPayloadSink *self) {
  State &state = *self->state;
  if (!check_fd(self, state.fd)) return false;
  auto writer = PayloadWriter::of(state.fd);
  writer->start({state.max_queue_bytes, state.max_queue_records});
  GST_OBJECT_LOCK(self);
  std::swap(state.writer, writer);
  GST_OBJECT_UNLOCK(self);
  return true;
}

static void post_drops(NjPayloadSink *self, const PayloadWriter::Counters &counters) {
  GST_WARNING_OBJECT(self, "%" G_GUINT64_FORMAT " records dropped so far", counters.dropped);
  GstStructure *structure = gst_structure_new(
      "njpayloadsink-dropped", "fd", G_TYPE_INT, self->state->fd, "dropped", G_TYPE_UINT64, counters.dropped,
      "dropped-bytes", G_TYPE_UINT64, counters.dropped_bytes, "written", G_TYPE_UINT64, counters.written, nullptr);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), structure));
}

static void report(NjPayloadSink *self, std::chrono::milliseconds interval) {
  PayloadWriter &writer = *self->state->writer;
  if (const int error = writer.take_error()) {
    GST_ELEMENT_WARNING(
        self, RESOURCE, WRITE,
        ("The reader of fd %d is gone (%s): payloads are dropped from now on. Restart the pipeline with a "
         "reader at the other end.",
         self->state->fd, g_strerror(error)),
        (NULL));
  }
  if (const auto counters = writer.take_drops(interval)) post_drops(self, *counters);
}

static void stop(NjPayloadSink *self) {
  self->state->writer->stop();
  report(self, {});
}

// Not in GstBaseSink's start: when that fails, the base class adds an error of its own that says nothing.
static GstStateChangeReturn nj_payload_sink_change_state(GstElement *element, GstStateChange transition) {
  NjPayloadSink *self = NJ_PAYLOAD_SINK(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self)) return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(nj_payload_sink_parent_class)->change_state(element, transition);
  const bool failed = transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || failed) stop(self);
  return result;
}

static gboolean nj_payload_sink_unlock(GstBaseSink *sink) {
  NJ_PAYLOAD_SINK(sink)->state->flushing = true;
  return TRUE;
}

static gboolean nj_payload_sink_unlock_stop(GstBaseSink *sink) {
  NJ_PAYLOAD_SINK(sink)->state->flushing = false;
  return TRUE;
}

// Until all is written, the time is over, or the stream is flushed or stopped.
static bool wait_written(const State &state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(state.flush_timeout_ms);
  while (!state.flushing) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (state.writer->flush(std::clamp(left, std::chrono::milliseconds(0), kFlushCheck))) return true;
    if (left <= kFlushCheck) return false;
  }
  return true;
}

static gboolean nj_payload_sink_event(GstBaseSink *sink, GstEvent *event) {
  NjPayloadSink *self = NJ_PAYLOAD_SINK(sink);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    const State &state = *self->state;
    if (!wait_written(state))
      GST_WARNING_OBJECT(self, "records are left unwritten %u ms after end of stream", state.flush_timeout_ms);
    report(self, {});
  }
  return GST_BASE_SINK_CLASS(nj_payload_sink_parent_class)->event(sink, event);
}

static RecordHeader header_of(const State &state, const NjFrameMeta *frame, GstBuffer *buffer) {
  RecordHeader header;
  header.emitted_ns = nj::msgconv::realtime_nanoseconds();
  header.source_id = state.source_id;
  header.pts = GST_BUFFER_PTS(buffer);
  if (frame) {
    header.source_id = frame->source_id;
    header.frame_number = frame->frame_num;
    header.pts = frame->buf_pts;
    header.capture_ns = frame->ntp_timestamp;
  }
  return header;
}

// Oldest first; the list has the newest at its head.
static void push_payloads(State &state, NjFrameMeta *frame, GstBuffer *buffer) {
  for (GList *u = g_list_last(frame->frame_user_meta_list); u; u = u->prev) {
    const auto *user = static_cast<const NjUserMeta *>(u->data);
    if (user->meta_type != NJ_PAYLOAD_META || !user->user_meta_data) continue;
    const auto *payload = static_cast<const NjPayload *>(user->user_meta_data);
    if (state.component_id != 0 && payload->component_id != state.component_id) continue;
    RecordHeader header = header_of(state, frame, buffer);
    header.kind = payload->kind;
    header.component_id = payload->component_id;
    state.writer->push(header, payload->payload, payload->payload_size);
  }
}

// What nvmsgconv, or njmsgconv behind DeepStream's elements, left on the buffer. false after an element error.
static bool render_nvds_payloads(NjPayloadSink *self, GstBuffer *buffer) {
  State &state = *self->state;
  const auto push = [&state](const nj::nvds::Payload &payload) {
    if (state.component_id != 0 && payload.component_id != state.component_id) return;
    RecordHeader header;
    header.emitted_ns = nj::msgconv::realtime_nanoseconds();
    header.source_id = payload.frame.source_id;
    header.frame_number = payload.frame.frame_number;
    header.pts = payload.frame.pts;
    header.capture_ns = payload.frame.capture;
    header.kind = payload.kind;
    header.component_id = payload.component_id;
    state.writer->push(header, payload.data, payload.bytes);
  };
  std::string error;
  if (nj::nvds::for_each_payload(buffer, push, &error)) return true;
  GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", error.c_str()), (NULL));
  return false;
}

static void render_payloads(State &state, GstBuffer *buffer) {
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  if (!batch) return;
  nj_batch_meta_lock(batch);
  for (GList *f = batch->frame_meta_list; f; f = f->next) {
    push_payloads(state, static_cast<NjFrameMeta *>(f->data), buffer);
  }
  nj_batch_meta_unlock(batch);
}

static void render_buffer(NjPayloadSink *self, GstBuffer *buffer) {
  State &state = *self->state;
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  const NjFrameMeta *frame = batch ? nj_batch_nth_frame(batch, 0) : nullptr;
  RecordHeader header = header_of(state, frame, buffer);
  header.kind = static_cast<uint32_t>(RecordKind::Media);
  header.component_id = state.component_id;
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
    GST_WARNING_OBJECT(self, "a buffer of %" G_GSIZE_FORMAT " bytes cannot be read", gst_buffer_get_size(buffer));
    return;
  }
  state.writer->push(header, map.data, map.size);
  gst_buffer_unmap(buffer, &map);
}

static GstFlowReturn nj_payload_sink_render(GstBaseSink *sink, GstBuffer *buffer) {
  NjPayloadSink *self = NJ_PAYLOAD_SINK(sink);
  State &state = *self->state;
  if (state.content == Content::Buffer) {
    render_buffer(self, buffer);
  } else if (!nj::nvds::present(buffer)) {
    render_payloads(state, buffer);
  } else if (!render_nvds_payloads(self, buffer)) {
    return GST_FLOW_ERROR;
  }
  report(self, kReportInterval);
  return GST_FLOW_OK;
}

static void install_settings(GObjectClass *object_class) {
  const auto ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  auto install = [object_class](guint id, GParamSpec *spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  install(PROP_FD, g_param_spec_int("fd", "File descriptor", "Open descriptor to write to; it is never closed here", -1,
                                    G_MAXINT, -1, ready));
  install(PROP_CONTENT, g_param_spec_enum("content", "Content", "What a record carries", content_type(),
                                          static_cast<int>(Content::Payload), ready));
  install(
      PROP_COMPONENT_ID,
      g_param_spec_uint("component-id", "Component id",
                        "content=payload: only payloads of this component (0 = all); content=buffer: written into the "
                        "records",
                        0, G_MAXUINT, 0, ready));
  install(PROP_SOURCE_ID, g_param_spec_uint("source-id", "Source id", "Source of buffers that carry no metadata", 0,
                                            G_MAXUINT, nj::kNoSource, ready));
  install(PROP_MAX_QUEUE_BYTES,
          g_param_spec_uint("max-queue-bytes", "Queue limit (bytes)",
                            "Bytes that may wait for the reader; when full, the oldest record makes room, events last",
                            4096, G_MAXUINT, kDefaultQueueBytes, ready));
  install(PROP_MAX_QUEUE_RECORDS,
          g_param_spec_uint("max-queue-records", "Queue limit (records)", "Records that may wait for the reader", 1,
                            G_MAXUINT, kDefaultQueueRecords, ready));
  install(PROP_FLUSH_TIMEOUT, g_param_spec_uint("flush-timeout", "Flush timeout (ms)",
                                                "How long the end of the stream waits for the queue to be written", 0,
                                                60000, kDefaultFlushTimeoutMs, ready));
}

static void install_counters(GObjectClass *object_class) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  auto install = [object_class, flags](guint id, const char *name, const char *nick, const char *blurb) {
    g_object_class_install_property(object_class, id, g_param_spec_uint64(name, nick, blurb, 0, G_MAXUINT64, 0, flags));
  };
  install(PROP_WRITTEN, "written", "Written records", "Records written completely");
  install(PROP_DROPPED, "dropped", "Dropped records", "Records that never reached the reader");
  install(PROP_QUEUED_BYTES, "queued-bytes", "Queued bytes", "Bytes waiting for the reader");
}

static void nj_payload_sink_class_init(NjPayloadSinkClass *klass) {
  GST_DEBUG_CATEGORY_INIT(njpayloadsink_debug, "njpayloadsink", 0, "payloads to a file descriptor");
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = nj_payload_sink_set_property;
  object_class->get_property = nj_payload_sink_get_property;
  object_class->finalize = nj_payload_sink_finalize;
  install_settings(object_class);
  install_counters(object_class);

  auto *element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = nj_payload_sink_change_state;
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template(element_class, &sink);
  gst_element_class_set_static_metadata(
      element_class, "Payload sink", "Sink/Metadata",
      "Writes payloads or buffers to a file descriptor without ever waiting for the reader", "Nightjar");

  auto *sink_class = GST_BASE_SINK_CLASS(klass);
  sink_class->unlock = nj_payload_sink_unlock;
  sink_class->unlock_stop = nj_payload_sink_unlock_stop;
  sink_class->event = nj_payload_sink_event;
  sink_class->render = nj_payload_sink_render;
}

gboolean nj_njpayloadsink_register(GstPlugin *plugin) {
  return gst_element_register(plugin, "njpayloadsink", GST_RANK_NONE, nj_payload_sink_get_type());
}

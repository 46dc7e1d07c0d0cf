// njstreammux: makes one batch of the frames of several sources, one frame of each, without copying or scaling any.
//
//   gst-launch-1.0 njstreammux name=m batch-size=2 ! njinfer bundle=build/bundles/street ! fakesink
//     videotestsrc is-live=true ! m.sink_0   videotestsrc is-live=true pattern=ball ! m.sink_1
//
// The batch buffer has no memory: each NjFrameMeta refers to its source's buffer. Sources may differ in size, format
// and rate, may change them, stall, end, come and go while playing. See mux/mux.h for how it works.
#include <mutex>
#include <string>

#include "../frames/frame_mapper.h"
#include "../metadata/nj_meta.h"
#include "elements.h"
#include "mux/mux.h"
#include "mux/mux_pad.h"

GST_DEBUG_CATEGORY_STATIC(nj_stream_mux_debug);
#define GST_CAT_DEFAULT nj_stream_mux_debug

typedef struct {
  GstElement parent;
  GstPad *source_pad;  // owned by the element
  nj::Mux *mux;
} NjStreamMux;

typedef struct {
  GstElementClass parent_class;
} NjStreamMuxClass;

GType nj_stream_mux_get_type(void);
#define NJ_STREAM_MUX(object) (reinterpret_cast<NjStreamMux *>(object))
static void nj_stream_mux_child_proxy_init(gpointer interface, gpointer);
G_DEFINE_TYPE_WITH_CODE(NjStreamMux, nj_stream_mux, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, nj_stream_mux_child_proxy_init))

namespace {

constexpr guint kMaxBatch = 1024;  // as nvstreammux
constexpr guint kMinBuffers = 4;   // of a source, in flight behind the mux

enum Property {
  kWidth = 1,
  kHeight,
  kBatchSize,
  kBatchedPushTimeout,
  kLiveSource,
  kAttachSysTs,
  kFrameNumResetOnEos,
  kDropPipelineEos,
  kSyncInputs,
  kMaxLatency,
  kMaxQueuedFrames,
};

GstStaticPadTemplate source_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(" NJ_CAPS_FEATURE_BATCH ")"));

// ---- Sink pads

GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  return NJ_STREAM_MUX(parent)->mux->chain(NJ_STREAM_MUX_PAD(pad)->stream, buffer);
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  NJ_STREAM_MUX(parent)->mux->event(NJ_STREAM_MUX_PAD(pad)->stream, event);
  gst_event_unref(event);
  return TRUE;
}

// Padded planes are welcome, and a decoder needs more buffers than it would for a sink: frames wait here.
void answer_allocation(NjStreamMux *self, GstQuery *query) {
  guint max_queued;
  {
    std::lock_guard held(self->mux->lock());
    max_queued = self->mux->settings.max_queued;
  }
  GstCaps *caps = nullptr;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, nullptr);
  const gsize bytes = caps && gst_video_info_from_caps(&info, caps) ? GST_VIDEO_INFO_SIZE(&info) : 0;
  gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(bytes), max_queued + kMinBuffers, 0);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_ALLOCATION:
      answer_allocation(NJ_STREAM_MUX(parent), query);
      return TRUE;
    case GST_QUERY_CAPS: {  // what comes after the mux has no say in a source's size or format
      GstCaps *filter;
      gst_query_parse_caps(query, &filter);
      GstCaps *caps = gst_pad_get_pad_template_caps(pad);
      GstCaps *answer = filter ? gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST) : gst_caps_ref(caps);
      gst_query_set_caps_result(query, answer);
      gst_caps_unref(answer);
      gst_caps_unref(caps);
      return TRUE;
    }
    default:
      return gst_pad_query_default(pad, parent, query);
  }
}

GstPad *new_sink_pad(GstPadTemplate *pad_template, guint index) {
  gchar *name = g_strdup_printf("sink_%u", index);
  GstPad *pad = nj_stream_mux_pad_new(pad_template, name, index);
  g_free(name);
  gst_pad_set_chain_function(pad, chain);
  gst_pad_set_event_function(pad, sink_event);
  gst_pad_set_query_function(pad, sink_query);
  return pad;
}

bool has_pad(GstElement *element, guint index) {
  gchar *name = g_strdup_printf("sink_%u", index);
  GstPad *pad = gst_element_get_static_pad(element, name);
  g_free(name);
  if (pad) gst_object_unref(pad);
  return pad != nullptr;
}

// false: the name asked for is none of sink_0, sink_1, … or in use.
bool pad_index(GstElement *element, const gchar *name, guint *index) {
  if (!name || g_str_equal(name, "sink_%u")) {
    for (*index = 0; has_pad(element, *index);) ++*index;
    return true;
  }
  guint64 number;
  if (!g_str_has_prefix(name, "sink_") || !g_ascii_string_to_unsigned(name + 5, 10, 0, G_MAXINT, &number, nullptr))
    return false;
  *index = static_cast<guint>(number);
  return !has_pad(element, *index);
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *pad_template, const gchar *name, const GstCaps *) {
  guint index;
  if (!pad_index(element, name, &index)) {
    GST_WARNING_OBJECT(element, "no pad \"%s\": expected sink_N, N not yet in use", name);
    return nullptr;
  }
  GstPad *pad = new_sink_pad(pad_template, index);
  NJ_STREAM_MUX(element)->mux->add_stream(NJ_STREAM_MUX_PAD(pad)->stream);
  gst_element_add_pad(element, pad);
  gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  return pad;
}

void release_pad(GstElement *element, GstPad *pad) {
  nj::Mux *mux = NJ_STREAM_MUX(element)->mux;
  nj::StreamQueue *stream = NJ_STREAM_MUX_PAD(pad)->stream;
  gst_object_ref(pad);
  mux->stop_stream(stream);
  gst_pad_set_active(pad, FALSE);
  mux->remove_stream(stream);
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  gst_element_remove_pad(element, pad);
  gst_object_unref(pad);
}

// ---- Source pad

void collect(gpointer self) { NJ_STREAM_MUX(self)->mux->collect(); }

gboolean activate_source(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active) {
  NjStreamMux *self = NJ_STREAM_MUX(parent);
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  if (active) {
    self->mux->start();
    return gst_pad_start_task(pad, collect, self, nullptr);
  }
  self->mux->stop();
  return gst_pad_stop_task(pad);
}

gboolean flushing_seek(NjStreamMux *self, GstEvent *event) {
  GstEvent *flush = gst_event_new_flush_start();
  gst_event_set_seqnum(flush, gst_event_get_seqnum(event));
  gst_pad_push_event(self->source_pad, flush);
  self->mux->pause_collecting();
  gst_pad_pause_task(self->source_pad);
  flush = gst_event_new_flush_stop(TRUE);
  gst_event_set_seqnum(flush, gst_event_get_seqnum(event));
  const gboolean done = gst_pad_event_default(self->source_pad, GST_OBJECT(self), event);
  gst_pad_push_event(self->source_pad, flush);
  self->mux->resume_collecting();
  gst_pad_start_task(self->source_pad, collect, self, nullptr);
  return done;
}

gboolean source_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
    // One late source must not make the decoders of the others drop frames.
    gst_event_unref(event);
    return TRUE;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEEK) {
    GstSeekFlags flags;
    gst_event_parse_seek(event, nullptr, nullptr, &flags, nullptr, nullptr, nullptr, nullptr);
    if (flags & GST_SEEK_FLAG_FLUSH) return flushing_seek(NJ_STREAM_MUX(parent), event);
  }
  return gst_pad_event_default(pad, parent, event);
}

struct Latency {
  bool live = false;
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
};

gboolean add_latency(GstElement *, GstPad *pad, gpointer data) {
  auto *sum = static_cast<Latency *>(data);
  GstQuery *query = gst_query_new_latency();
  gboolean live = FALSE;
  GstClockTime min, max;
  if (gst_pad_peer_query(pad, query)) {
    gst_query_parse_latency(query, &live, &min, &max);
    if (live) {
      sum->live = true;
      sum->min = MAX(sum->min, min);
      sum->max = MIN(sum->max, max);
    }
  }
  gst_query_unref(query);
  return TRUE;
}

// A source that does not answer (not linked yet, reconnecting) does not hold up the others.
gboolean answer_latency(NjStreamMux *self, GstQuery *query) {
  Latency latency;
  gst_element_foreach_sink_pad(GST_ELEMENT(self), add_latency, &latency);
  std::lock_guard held(self->mux->lock());
  const nj::MuxSettings &settings = self->mux->settings;
  GstClockTime own = settings.rules.timeout > 0 ? static_cast<GstClockTime>(settings.rules.timeout) * GST_USECOND : 0;
  if (settings.rules.sync_inputs) own += settings.rules.max_latency;
  if (GST_CLOCK_TIME_IS_VALID(latency.max)) latency.max += own;
  gst_query_set_latency(query, latency.live || settings.live_source, latency.min + own, latency.max);
  return TRUE;
}

gboolean source_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) return answer_latency(NJ_STREAM_MUX(parent), query);
  return gst_pad_query_default(pad, parent, query);
}

// ---- Properties

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  nj::Mux *mux = NJ_STREAM_MUX(object)->mux;
  bool latency_changed = false;
  {
    std::lock_guard held(mux->lock());
    nj::MuxSettings &settings = mux->settings;
    switch (id) {
      case kWidth:
        settings.width = g_value_get_uint(value);
        break;
      case kHeight:
        settings.height = g_value_get_uint(value);
        break;
      case kBatchSize:
        settings.rules.batch_size = g_value_get_uint(value);
        break;
      case kBatchedPushTimeout:
        settings.rules.timeout = g_value_get_int(value);
        latency_changed = true;
        break;
      case kLiveSource:
        settings.live_source = g_value_get_boolean(value);
        break;
      case kAttachSysTs:
        settings.attach_system_time = g_value_get_boolean(value);
        break;
      case kFrameNumResetOnEos:
        settings.frame_number_reset_on_eos = g_value_get_boolean(value);
        break;
      case kDropPipelineEos:
        settings.drop_pipeline_eos = g_value_get_boolean(value);
        break;
      case kSyncInputs:
        settings.rules.sync_inputs = g_value_get_boolean(value);
        latency_changed = true;
        break;
      case kMaxLatency:
        settings.rules.max_latency = g_value_get_uint64(value);
        latency_changed = true;
        break;
      case kMaxQueuedFrames:
        settings.max_queued = g_value_get_uint(value);
        break;
      default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    mux->changed();
  }
  if (latency_changed && GST_STATE(object) >= GST_STATE_PAUSED)
    gst_element_post_message(GST_ELEMENT(object), gst_message_new_latency(GST_OBJECT(object)));
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  nj::Mux *mux = NJ_STREAM_MUX(object)->mux;
  std::lock_guard held(mux->lock());
  const nj::MuxSettings &settings = mux->settings;
  switch (id) {
    case kWidth:
      g_value_set_uint(value, settings.width);
      break;
    case kHeight:
      g_value_set_uint(value, settings.height);
      break;
    case kBatchSize:
      g_value_set_uint(value, settings.rules.batch_size);
      break;
    case kBatchedPushTimeout:
      g_value_set_int(value, static_cast<gint>(settings.rules.timeout));
      break;
    case kLiveSource:
      g_value_set_boolean(value, settings.live_source);
      break;
    case kAttachSysTs:
      g_value_set_boolean(value, settings.attach_system_time);
      break;
    case kFrameNumResetOnEos:
      g_value_set_boolean(value, settings.frame_number_reset_on_eos);
      break;
    case kDropPipelineEos:
      g_value_set_boolean(value, settings.drop_pipeline_eos);
      break;
    case kSyncInputs:
      g_value_set_boolean(value, settings.rules.sync_inputs);
      break;
    case kMaxLatency:
      g_value_set_uint64(value, settings.rules.max_latency);
      break;
    case kMaxQueuedFrames:
      g_value_set_uint(value, settings.max_queued);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

constexpr GParamFlags kAnytime =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

void install_properties(GObjectClass *klass) {
  const nj::MuxSettings defaults;
  const auto add = [klass](guint id, GParamSpec *spec) { g_object_class_install_property(klass, id, spec); };
  const auto flag = [&](guint id, const gchar *name, const gchar *nick, const gchar *blurb, gboolean value) {
    add(id, g_param_spec_boolean(name, nick, blurb, value, kAnytime));
  };
  add(kWidth,
      g_param_spec_uint(
          "width", "Width",
          "Nominal width in pixels, announced in the caps only: frames are never scaled. 0: that of the first frame", 0,
          G_MAXINT, defaults.width, kAnytime));
  add(kHeight,
      g_param_spec_uint(
          "height", "Height",
          "Nominal height in pixels, announced in the caps only: frames are never scaled. 0: that of the first frame",
          0, G_MAXINT, defaults.height, kAnytime));
  add(kBatchSize,
      g_param_spec_uint("batch-size", "Batch size",
                        "Most frames in a batch, at most one of each source. 0: as many as there are sink pads", 0,
                        kMaxBatch, defaults.rules.batch_size, kAnytime));
  add(kBatchedPushTimeout, g_param_spec_int("batched-push-timeout", "Batched push timeout",
                                            "Microseconds from the first frame of a batch until it is pushed though "
                                            "not full. -1: wait for a frame of every "
                                            "source, so that one that stalls holds up all",
                                            -1, G_MAXINT, static_cast<gint>(defaults.rules.timeout), kAnytime));
  flag(kLiveSource, "live-source", "Live source",
       "Sources cannot wait: when max-queued-frames are queued the oldest is dropped and counted (property dropped of "
       "the "
       "pad). Default: the source waits",
       defaults.live_source);
  flag(kAttachSysTs, "attach-sys-ts", "Attach system timestamp",
       "ntp_timestamp is the wall clock when the frame arrived. If false, the reference timestamp that the source "
       "attached "
       "(timestamp/x-unix or x-ntp, from RTCP), the wall clock where there is none",
       defaults.attach_system_time);
  flag(kFrameNumResetOnEos, "frame-num-reset-on-eos", "Frame number reset on EOS",
       "Count a source's frames from 0 again after it ended", defaults.frame_number_reset_on_eos);
  flag(kDropPipelineEos, "drop-pipeline-eos", "Drop pipeline EOS",
       "Do not end the pipeline when all sources have ended: others may be added later", defaults.drop_pipeline_eos);
  flag(kSyncInputs, "sync-inputs", "Synchronise inputs",
       "Only frames of the same moment (running time within half a frame) share a batch; frames that come later than "
       "max-latency after it are dropped and counted",
       defaults.rules.sync_inputs);
  add(kMaxLatency,
      g_param_spec_uint64(
          "max-latency", "Maximum latency",
          "Nanoseconds that sync-inputs waits for late sources, on top of batched-push-timeout; no effect without it",
          0, G_MAXINT64, defaults.rules.max_latency, kAnytime));
  add(kMaxQueuedFrames, g_param_spec_uint("max-queued-frames", "Maximum queued frames",
                                          "Frames of one source that wait for a batch. More: the source is blocked, or "
                                          "with live-source the oldest frame dropped",
                                          1, 1000, defaults.max_queued, kAnytime));
}

// ---- Pads as children: their properties can be set as sink_0::sensor-id

GObject *child_by_index(GstChildProxy *proxy, guint index) {
  GST_OBJECT_LOCK(proxy);
  gpointer pad = g_list_nth_data(GST_ELEMENT(proxy)->sinkpads, index);
  if (pad) gst_object_ref(pad);
  GST_OBJECT_UNLOCK(proxy);
  return static_cast<GObject *>(pad);
}

GObject *child_by_name(GstChildProxy *proxy, const gchar *name) {
  return reinterpret_cast<GObject *>(gst_element_get_static_pad(GST_ELEMENT(proxy), name));
}

guint children_count(GstChildProxy *proxy) {
  GST_OBJECT_LOCK(proxy);
  const guint count = GST_ELEMENT(proxy)->numsinkpads;
  GST_OBJECT_UNLOCK(proxy);
  return count;
}

// ---- Object

void finalize(GObject *object) {
  delete NJ_STREAM_MUX(object)->mux;
  G_OBJECT_CLASS(nj_stream_mux_parent_class)->finalize(object);
}

GstPadTemplate *sink_pad_template() {
  const std::string text = std::string("video/x-raw, format = (string) ") + nj::supported_formats() +
                           ", width = (int) [ 1, max ], height = (int) [ 1, max ], framerate = (fraction) [ 0, max ]";
  GstCaps *caps = gst_caps_from_string(text.c_str());
  GstPadTemplate *pad_template =
      gst_pad_template_new_with_gtype("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, caps, NJ_TYPE_STREAM_MUX_PAD);
  gst_caps_unref(caps);
  return pad_template;
}

}  // namespace

static void nj_stream_mux_child_proxy_init(gpointer interface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *>(interface);
  proxy->get_child_by_index = child_by_index;
  proxy->get_child_by_name = child_by_name;
  proxy->get_children_count = children_count;
}

static void nj_stream_mux_class_init(NjStreamMuxClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);

  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  element_class->request_new_pad = request_new_pad;
  element_class->release_pad = release_pad;
  gst_element_class_add_pad_template(element_class, sink_pad_template());
  gst_element_class_add_static_pad_template(element_class, &source_template);
  gst_element_class_set_static_metadata(element_class, "Nightjar stream mux", "Muxer/Video",
                                        "Batches the frames of several video sources, without copying or scaling them",
                                        "Nightjar");
}

static void nj_stream_mux_init(NjStreamMux *self) {
  self->source_pad = gst_pad_new_from_static_template(&source_template, "src");
  self->mux = new nj::Mux(GST_ELEMENT(self), self->source_pad);
  gst_pad_set_activatemode_function(self->source_pad, activate_source);
  gst_pad_set_event_function(self->source_pad, source_event);
  gst_pad_set_query_function(self->source_pad, source_query);
  gst_element_add_pad(GST_ELEMENT(self), self->source_pad);
}

gboolean nj_njstreammux_register(GstPlugin *plugin) {
  GST_DEBUG_CATEGORY_INIT(nj_stream_mux_debug, "njstreammux", 0, "Nightjar stream mux");
  return gst_element_register(plugin, "njstreammux", GST_RANK_NONE, nj_stream_mux_get_type());
}

// The source pad of njstreammux: the task that pushes batches, seeks, latency.
#include <mutex>

#include "../../metadata/nj_meta.h"
#include "mux_element.h"

namespace {

GstStaticPadTemplate source_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(" NJ_CAPS_FEATURE_BATCH ")"));

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
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_QOS:          // one late source must not make the decoders of the others drop frames
    case GST_EVENT_RECONFIGURE:  // what comes after the mux has no say in a source's size, format or buffers
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_SEEK: {
      GstSeekFlags flags;
      gst_event_parse_seek(event, nullptr, nullptr, &flags, nullptr, nullptr, nullptr, nullptr);
      if (flags & GST_SEEK_FLAG_FLUSH) return flushing_seek(NJ_STREAM_MUX(parent), event);
      return gst_pad_event_default(pad, parent, event);
    }
    default:
      return gst_pad_event_default(pad, parent, event);
  }
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

}  // namespace

void nj::install_mux_source_pad(GstElementClass *klass) {
  gst_element_class_add_static_pad_template(klass, &source_template);
}

void nj::add_mux_source_pad(NjStreamMux *self) {
  self->source_pad = gst_pad_new_from_static_template(&source_template, "src");
  self->mux = new nj::Mux(GST_ELEMENT(self), self->source_pad);
  gst_pad_set_activatemode_function(self->source_pad, activate_source);
  gst_pad_set_event_function(self->source_pad, source_event);
  gst_pad_set_query_function(self->source_pad, source_query);
  gst_element_add_pad(GST_ELEMENT(self), self->source_pad);
}

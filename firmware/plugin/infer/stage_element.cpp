#include "stage_element.h"

#include <gst/video/video.h>

#include "../../cuda/context.h"
#include "../../frames/frame_mapper.h"
#include "../../frames/nvmm.h"
#include "../../metadata/nj_meta.h"
#include "stage_element_private.h"

GST_DEBUG_CATEGORY(nj_infer_debug);
#define GST_CAT_DEFAULT nj_infer_debug

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(NjStageElement, nj_stage_element, GST_TYPE_ELEMENT)

namespace {

using nj::Batch;
using nj::EngineSettings;
using nj::StageError;

// A result may be this much later than reported before the pipeline is asked to measure its latency again.
constexpr double kLatencyTolerance = 1.5;
constexpr GstClockTime kSmallestLatency = 5 * GST_MSECOND;

NjStageElementPrivate *priv(NjStageElement *self) { return self->priv; }

void post_error(NjStageElement *self, const StageError &error) {
  gst_element_message_full(
      GST_ELEMENT(self), GST_MESSAGE_ERROR, error.domain, error.code, g_strdup(error.message.c_str()),
      error.detail.empty() ? nullptr : g_strdup(error.detail.c_str()), __FILE__, GST_FUNCTION, __LINE__);
}

// ---- source pad: the task that hands over what is finished

void forget(NjStageElement *self) {
  if (const auto stage = nj::stage_of(self)) stage->reset();
}

bool push_downstream(NjStageElement *self, nj::QueueItem &item) {
  auto *p = priv(self);
  if (item.job) item.job->finish();
  if (item.event) {
    if (GST_EVENT_TYPE(item.event) == GST_EVENT_EOS) forget(self);
    gst_pad_push_event(p->src, item.event);
    return true;
  }
  if (!item.batch) return true;
  const GstFlowReturn flow = gst_pad_push(p->src, item.batch->steal());
  p->flow = flow;
  return flow == GST_FLOW_OK;
}

GstClockTime measured_latency(NjStageElement *self) {
  const auto stage = nj::stage_of(self);
  const GstClockTime measured = stage ? stage->statistics.total_percentile(0.99) * GST_USECOND : 0;
  return std::max(measured, kSmallestLatency);
}

// Batches take as long as they take; a pipeline with a clock must know, or its sinks call every frame late.
void follow_latency(NjStageElement *self) {
  const GstClockTime measured = measured_latency(self), reported = priv(self)->latency;
  if (!reported || measured <= reported * kLatencyTolerance) return;
  priv(self)->latency = measured;
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

// Said at once: after a fault of the GPU decoders fail too, and no further batch may come.
bool tell_fault(NjStageElement *self) {
  const auto stage = nj::stage_of(self);
  const std::string fault = stage ? stage->fault() : "";
  if (fault.empty()) return false;
  post_error(self, {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, fault, {}});
  priv(self)->flow = GST_FLOW_ERROR;
  return true;
}

void source_task(gpointer data) {
  auto *self = NJ_STAGE_ELEMENT(data);
  auto *p = priv(self);
  std::optional<nj::QueueItem> item = p->queue.pop();
  if (!item) {
    gst_pad_pause_task(p->src);
    return;
  }
  const bool had_job = item->job != nullptr;
  const bool going_on = push_downstream(self, *item);
  item.reset();
  p->queue.done();
  if (had_job) follow_latency(self);
  if (going_on && !(had_job && tell_fault(self))) return;
  // The sink pad hands the reason to whoever feeds it.
  p->queue.set_flushing(true);
  gst_pad_pause_task(p->src);
}

void open_queue(NjStageElement *self) {
  priv(self)->flow = GST_FLOW_OK;
  priv(self)->queue.set_flushing(false);
}

void close_queue(NjStageElement *self) {
  priv(self)->flow = GST_FLOW_FLUSHING;
  priv(self)->queue.set_flushing(true);
}

gboolean activate_source(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active) {
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  auto *self = NJ_STAGE_ELEMENT(parent);
  if (active) {
    open_queue(self);
    return gst_pad_start_task(pad, source_task, self, nullptr);
  }
  close_queue(self);
  return gst_pad_stop_task(pad);
}

gboolean answer_latency(NjStageElement *self, GstQuery *query) {
  if (!gst_pad_peer_query(priv(self)->sink, query)) return FALSE;
  gboolean live;
  GstClockTime shortest, longest;
  gst_query_parse_latency(query, &live, &shortest, &longest);
  const GstClockTime ours = measured_latency(self);
  priv(self)->latency = ours;
  if (GST_CLOCK_TIME_IS_VALID(longest)) longest += ours;
  gst_query_set_latency(query, live, shortest + ours, longest);
  return TRUE;
}

gboolean source_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) return answer_latency(NJ_STAGE_ELEMENT(parent), query);
  return gst_pad_query_default(pad, parent, query);
}

// ---- sink pad

GstFlowReturn flow_of(NjStageElement *self) {
  const GstFlowReturn flow = priv(self)->flow;
  return flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : flow;  // the queue flushes but nothing went wrong
}

void number_plain_frame(NjStageElementPrivate *p, GstBuffer *buffer) {
  if (!p->plain) return;
  if (!GST_BUFFER_OFFSET_IS_VALID(buffer)) GST_BUFFER_OFFSET(buffer) = p->frame_number;
  p->frame_number++;
}

GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  auto *self = NJ_STAGE_ELEMENT(parent);
  auto *p = priv(self);
  const auto stage = nj::stage_of(self);
  if (!p->caps || !stage) {
    gst_buffer_unref(buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (p->queue.flushing()) {
    gst_buffer_unref(buffer);
    return flow_of(self);
  }
  buffer = gst_buffer_make_writable(buffer);
  number_plain_frame(p, buffer);
  auto batch = std::make_shared<Batch>(buffer, p->caps);
  StageError error;
  if (!stage->submit(batch, p->queue, &error)) {
    post_error(self, error);
    return GST_FLOW_ERROR;
  }
  return p->queue.push_batch(std::move(batch)) ? GST_FLOW_OK : flow_of(self);
}

bool take_caps(NjStageElement *self, GstEvent *event) {
  auto *p = priv(self);
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  gst_caps_replace(&p->caps, caps);
  const bool is_batch = gst_caps_features_contains(gst_caps_get_features(caps, 0), NJ_CAPS_FEATURE_BATCH);
  p->plain = !is_batch && !nj::is_nvmm(caps);
  GstVideoInfo info;
  if (!p->plain || gst_video_info_from_caps(&info, caps)) return true;
  gchar *text = gst_caps_to_string(caps);
  GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("caps do not describe a video frame: expected format, width and height"),
                    ("%s", text));
  g_free(text);
  return false;
}

gboolean flush_event(NjStageElement *self, GstPad *, GstEvent *event) {
  auto *p = priv(self);
  const bool start = GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START;
  const gboolean sent = gst_pad_push_event(p->src, event);
  if (start) {
    close_queue(self);
    gst_pad_pause_task(p->src);
    return sent;
  }
  forget(self);
  p->frame_number = 0;
  open_queue(self);
  gst_pad_start_task(p->src, source_task, self, nullptr);
  return sent;
}

// Downstream failed earlier and nobody has been told, for no buffer came since.
void tell_failure_at_eos(NjStageElement *self) {
  const GstFlowReturn flow = priv(self)->flow;
  if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS) GST_ELEMENT_FLOW_ERROR(self, flow);
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  auto *self = NJ_STAGE_ELEMENT(parent);
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_FLUSH_START || type == GST_EVENT_FLUSH_STOP) return flush_event(self, pad, event);
  if (type == GST_EVENT_CAPS && !take_caps(self, event)) {
    gst_event_unref(event);
    return FALSE;
  }
  if (type == GST_EVENT_EOS) {
    tell_failure_at_eos(self);
    priv(self)->frame_number = 0;
  }
  if (!GST_EVENT_IS_SERIALIZED(event)) return gst_pad_event_default(pad, parent, event);
  if (const auto stage = nj::stage_of(self)) stage->heed(event);
  return priv(self)->queue.push_event(event);
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  auto *self = NJ_STAGE_ELEMENT(parent);
  if (nj::answer_cuda_context(GST_ELEMENT(self), query, nj::gpu_of(self))) return TRUE;
  if (GST_QUERY_IS_SERIALIZED(query) && !priv(self)->queue.wait_empty()) return FALSE;
  return gst_pad_query_default(pad, parent, query);
}

// ---- states

bool start(NjStageElement *self) {
  const EngineSettings settings = nj::settings_of(self);
  const auto stage = NJ_STAGE_ELEMENT_GET_CLASS(self)->create_stage(self, settings);
  StageError error;
  if (!stage->start(&error)) {
    post_error(self, error);
    return false;
  }
  // Every slot may carry a buffer of its own, and one more is being handed over.
  priv(self)->queue.set_limit(settings.slots + 1);
  priv(self)->latency = 0;
  priv(self)->frame_number = 0;
  GST_OBJECT_LOCK(self);
  priv(self)->stage = stage;
  GST_OBJECT_UNLOCK(self);
  return true;
}

void stop(NjStageElement *self) {
  std::shared_ptr<nj::Stage> last;
  GST_OBJECT_LOCK(self);
  last.swap(priv(self)->stage);
  GST_OBJECT_UNLOCK(self);
  gst_clear_caps(&priv(self)->caps);
}

// Before decoders start, so that they work in the same context.
bool share_gpu(NjStageElement *self) {
  const EngineSettings settings = nj::settings_of(self);
  StageError error{GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, {}, {}};
  std::string reason;
  if (settings.gpu_id < 0 || nj::share_cuda_context(GST_ELEMENT(self), settings.gpu_id, &reason)) return true;
  error.message = "gpu-id=" + std::to_string(settings.gpu_id) + ": " + reason;
  post_error(self, error);
  return false;
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  auto *self = NJ_STAGE_ELEMENT(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !share_gpu(self)) return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self)) return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(nj_stage_element_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    stop(self);
  return result;
}

// Not in init: the templates belong to the subclass.
void constructed(GObject *object) {
  G_OBJECT_CLASS(nj_stage_element_parent_class)->constructed(object);
  auto *self = NJ_STAGE_ELEMENT(object);
  auto *p = priv(self);
  auto *klass = GST_ELEMENT_GET_CLASS(self);

  p->sink = gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "sink"), "sink");
  gst_pad_set_chain_function(p->sink, chain);
  gst_pad_set_event_function(p->sink, sink_event);
  gst_pad_set_query_function(p->sink, sink_query);
  GST_PAD_SET_PROXY_CAPS(p->sink);
  GST_PAD_SET_PROXY_ALLOCATION(p->sink);
  gst_element_add_pad(GST_ELEMENT(self), p->sink);

  p->src = gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "src"), "src");
  p->queue.keep_events_on(p->src);
  gst_pad_set_activatemode_function(p->src, activate_source);
  gst_pad_set_query_function(p->src, source_query);
  GST_PAD_SET_PROXY_CAPS(p->src);
  gst_element_add_pad(GST_ELEMENT(self), p->src);
}

void finalize(GObject *object) {
  auto *self = NJ_STAGE_ELEMENT(object);
  self->priv->~NjStageElementPrivate();
  G_OBJECT_CLASS(nj_stage_element_parent_class)->finalize(object);
}

}  // namespace

static void nj_stage_element_class_init(NjStageElementClass *klass) {
  auto *gobject = G_OBJECT_CLASS(klass);
  gobject->constructed = constructed;
  gobject->finalize = finalize;
  nj::install_stage_properties(gobject);
  GST_ELEMENT_CLASS(klass)->change_state = change_state;
  GST_DEBUG_CATEGORY_INIT(nj_infer_debug, "njinfer", 0, "inference elements");
}

static void nj_stage_element_init(NjStageElement *self) {
  self->priv = new (nj_stage_element_get_instance_private(self)) NjStageElementPrivate;
  auto *p = priv(self);
  p->settings.unique_id = 15;
  p->settings.slots = nj::kDefaultSlots;
  p->settings.deadline_ms = nj::kDefaultDeadlineMs;
}

namespace nj {

void add_stage_pad_templates(GstElementClass *element_class) {
  GstCaps *caps = gst_caps_from_string("video/x-raw(" NJ_CAPS_FEATURE_BATCH ")");
  gst_caps_append(caps, frame_caps());
  if (const char *formats = nvmm_formats()) {
    const std::string text = std::string("video/x-raw(" NJ_CAPS_FEATURE_NVMM "), format=") + formats +
                             ", width=" GST_VIDEO_SIZE_RANGE ", height=" GST_VIDEO_SIZE_RANGE
                             ", framerate=" GST_VIDEO_FPS_RANGE;
    gst_caps_append(caps, gst_caps_from_string(text.c_str()));
  }
  gst_element_class_add_pad_template(element_class, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(element_class, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
}

}  // namespace nj

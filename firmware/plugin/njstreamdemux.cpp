// njstreamdemux: gives the frames of a batch back as ordinary buffers, src_N those of the mux' sink_N.
//
//   … ! njstreammux name=m ! njinfer bundle=… ! njstreamdemux name=d
//     d.src_0 ! queue ! njosd ! videoconvert ! autovideosink    d.src_1 ! queue ! fakesink
//
// As behind a tee, each branch wants a queue (or a sink with async=false): one thread serves them all.
// A buffer refers to the memory that the source delivered, with the caps, the timestamps and the segment of the source;
// pixels are copied only where rows are padded and what follows cannot tell (it takes no GstVideoMeta). It carries
// metadata of its own, one frame with its objects. Frames of sources without a linked pad are skipped.
#include <gst/base/gstflowcombiner.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "../frames/frame_mapper.h"
#include "../metadata/nj_meta.h"
#include "demux/frame_buffer.h"
#include "elements.h"
#include "mux/stream_events.h"

GST_DEBUG_CATEGORY_STATIC(nj_stream_demux_debug);
#define GST_CAT_DEFAULT nj_stream_demux_debug

namespace {
struct Branch;
struct Demux;
}  // namespace

typedef struct {
  GstElement parent;
  GstPad *sink_pad;  // owned by the element
  Demux *demux;
} NjStreamDemux;

typedef struct {
  GstElementClass parent_class;
} NjStreamDemuxClass;

GType nj_stream_demux_get_type(void);
#define NJ_STREAM_DEMUX(object) (reinterpret_cast<NjStreamDemux *>(object))
G_DEFINE_TYPE(NjStreamDemux, nj_stream_demux, GST_TYPE_ELEMENT)

namespace {

enum Property { kPerStreamEos = 1 };
constexpr gboolean kDefaultPerStreamEos = FALSE;

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS("video/x-raw(" NJ_CAPS_FEATURE_BATCH ")"));
GstStaticPadTemplate source_template =
    GST_STATIC_PAD_TEMPLATE("src_%u", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS("video/x-raw(ANY)"));

// One source pad. What was sent on it is touched by the streaming thread only.
struct Branch {
  Branch(GstPad *pad, guint group_id) : pad(GST_PAD(gst_object_ref(pad))), group_id(group_id) {}
  Branch(const Branch &) = delete;
  Branch &operator=(const Branch &) = delete;
  ~Branch() { gst_object_unref(pad); }

  GstPad *pad;
  guint group_id;
  bool start_sent = false;
  bool eos_sent = false;
  bool segment_sent = false;
  std::optional<GstVideoInfo> info;      // of the caps sent
  bool on_gpu = false;                   // likewise
  std::optional<bool> takes_video_meta;  // whether what follows does; asked when it is needed
};

struct Demux {
  std::mutex lock;                                    // guards the members; nothing is pushed while it is held
  std::map<guint, std::shared_ptr<Branch>> branches;  // by source id
  std::map<guint, GstSegment> segments;               // of all sources seen, also those without a pad (yet)
  const guint group_id = gst_util_group_id_next();    // the streams of all branches belong together
  GstFlowCombiner *flows = gst_flow_combiner_new();
  std::atomic<bool> per_stream_eos{kDefaultPerStreamEos};

  ~Demux() { gst_flow_combiner_free(flows); }
};

std::shared_ptr<Branch> find_branch(Demux *demux, guint source_id) {
  std::lock_guard held(demux->lock);
  const auto found = demux->branches.find(source_id);
  return found == demux->branches.end() ? nullptr : found->second;
}

GstSegment segment_of(Demux *demux, guint source_id) {
  std::lock_guard held(demux->lock);
  const auto found = demux->segments.find(source_id);
  if (found != demux->segments.end()) return found->second;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  return segment;
}

// ---- What goes out on a branch before its buffers

void push_stream_start(Branch *branch) {
  if (branch->start_sent) return;
  gchar *id = g_strdup_printf("nj-stream-%s-%08x%08x", GST_PAD_NAME(branch->pad), g_random_int(), g_random_int());
  GstEvent *event = gst_event_new_stream_start(id);
  gst_event_set_group_id(event, branch->group_id);
  gst_pad_push_event(branch->pad, event);
  g_free(id);
  branch->start_sent = true;
  branch->eos_sent = branch->segment_sent = false;
}

bool push_caps(Branch *branch, const NjFrameMeta *frame) {
  const GstVideoInfo &info = frame->info;
  const bool on_gpu = nj::is_on_gpu(frame->buffer);
  if (branch->info && branch->on_gpu == on_gpu && gst_video_info_is_equal(&*branch->info, &info)) return true;
  GstCaps *caps = nj::caps_of_frame(frame->buffer, info);
  if (!caps) return false;
  const bool accepted = gst_pad_push_event(branch->pad, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  branch->takes_video_meta.reset();
  branch->on_gpu = on_gpu;
  // Refused caps are offered again with the next frame: the branch may have been relinked by then.
  if (accepted)
    branch->info = info;
  else
    branch->info.reset();
  return accepted;
}

void push_segment(Branch *branch, const GstSegment &segment) {
  if (branch->segment_sent) return;
  gst_pad_push_event(branch->pad, gst_event_new_segment(&segment));
  branch->segment_sent = true;
}

void push_eos(Branch *branch) {
  if (branch->eos_sent) return;
  push_stream_start(branch);
  gst_pad_push_event(branch->pad, gst_event_new_eos());
  branch->eos_sent = true;
  branch->start_sent = false;  // frames that come after all begin a new stream
}

// ---- Frames

bool takes_video_meta(Branch *branch) {
  if (gst_pad_check_reconfigure(branch->pad)) branch->takes_video_meta.reset();
  if (!branch->takes_video_meta) {
    GstCaps *caps = gst_video_info_to_caps(&*branch->info);
    GstQuery *query = gst_query_new_allocation(caps, FALSE);
    branch->takes_video_meta = gst_pad_peer_query(branch->pad, query) &&
                               gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    gst_query_unref(query);
    gst_caps_unref(caps);
  }
  return *branch->takes_video_meta;
}

GstBuffer *wrap(Branch *branch, const NjFrameMeta *frame) {
  const bool pack = nj::is_padded(frame) && !takes_video_meta(branch);
  return nj::buffer_of(frame, pack);
}

GstFlowReturn push_frame(Demux *demux, const NjFrameMeta *frame) {
  const std::shared_ptr<Branch> branch = find_branch(demux, frame->source_id);
  if (!branch || !frame->buffer || !gst_pad_is_linked(branch->pad)) return GST_FLOW_OK;
  push_stream_start(branch.get());
  GstFlowReturn flow = GST_FLOW_NOT_NEGOTIATED;
  if (push_caps(branch.get(), frame)) {
    push_segment(branch.get(), segment_of(demux, frame->source_id));
    flow = gst_pad_push(branch->pad, wrap(branch.get(), frame));
  }
  if (flow != GST_FLOW_OK) GST_DEBUG_OBJECT(branch->pad, "%s", gst_flow_get_name(flow));
  std::lock_guard held(demux->lock);
  // A pad that was released meanwhile has no say any more.
  if (demux->branches.count(frame->source_id) == 0) return GST_FLOW_OK;
  return gst_flow_combiner_update_pad_flow(demux->flows, branch->pad, flow);
}

GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  NjStreamDemux *self = NJ_STREAM_DEMUX(parent);
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  GstFlowReturn flow = GST_FLOW_OK;
  if (batch) {
    for (guint i = 0; NjFrameMeta *frame = nj_batch_nth_frame(batch, i); ++i) {
      const GstFlowReturn result = push_frame(self->demux, frame);
      if (result != GST_FLOW_OK) flow = result;
    }
  } else {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("A buffer carries no batch of frames."),
                      ("expected the batches of njstreammux: put njstreammux before this element"));
    flow = GST_FLOW_ERROR;
  }
  gst_buffer_unref(buffer);
  return flow;
}

// ---- Events

void each_branch(Demux *demux, void (*visit)(Branch *)) {
  std::map<guint, std::shared_ptr<Branch>> branches;
  {
    std::lock_guard held(demux->lock);
    branches = demux->branches;
  }
  for (auto &[source_id, branch] : branches) visit(branch.get());
}

void stream_changed(Demux *demux, const nj::StreamEvent &event) {
  const std::shared_ptr<Branch> branch = find_branch(demux, event.source_id);
  switch (event.change) {
    case nj::StreamChange::Segment: {
      std::lock_guard held(demux->lock);
      demux->segments[event.source_id] = event.segment;
      if (branch) branch->segment_sent = false;
      break;
    }
    case nj::StreamChange::Eos:
      if (branch && demux->per_stream_eos) push_eos(branch.get());
      break;
    case nj::StreamChange::PadDeleted: {
      std::lock_guard held(demux->lock);
      demux->segments.erase(event.source_id);
      break;
    }
    default:
      break;
  }
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  Demux *demux = NJ_STREAM_DEMUX(parent)->demux;
  const nj::StreamEvent change = nj::parse_stream_event(event);
  if (change.change != nj::StreamChange::None) {
    stream_changed(demux, change);
    gst_event_unref(event);
    return TRUE;
  }
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:  // each branch has its own
    case GST_EVENT_CAPS:
    case GST_EVENT_SEGMENT:
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_EOS:
      each_branch(demux, push_eos);
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_FLUSH_STOP: {
      each_branch(demux, [](Branch *branch) { branch->segment_sent = branch->eos_sent = false; });
      std::lock_guard held(demux->lock);
      gst_flow_combiner_reset(demux->flows);
      break;
    }
    default:
      break;
  }
  return gst_pad_event_default(pad, parent, event);
}

// ---- Pads

// false: the name is not src_N.
bool source_id_of(const gchar *name, guint *source_id) {
  guint64 number;
  if (!name || !g_str_has_prefix(name, "src_") ||
      !g_ascii_string_to_unsigned(name + 4, 10, 0, G_MAXINT, &number, nullptr))
    return false;
  *source_id = static_cast<guint>(number);
  return true;
}

guint first_free_id(Demux *demux) {
  guint id = 0;
  while (demux->branches.count(id)) ++id;
  return id;
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *pad_template, const gchar *name, const GstCaps *) {
  Demux *demux = NJ_STREAM_DEMUX(element)->demux;
  GstPad *pad;
  {
    std::lock_guard held(demux->lock);
    guint source_id = first_free_id(demux);
    const bool any = !name || g_str_equal(name, "src_%u");
    if ((!any && !source_id_of(name, &source_id)) || demux->branches.count(source_id)) {
      GST_WARNING_OBJECT(element, "no pad \"%s\": expected src_N, N the source's number at the mux, not yet in use",
                         name);
      return nullptr;
    }
    gchar *pad_name = g_strdup_printf("src_%u", source_id);
    pad = gst_pad_new_from_template(pad_template, pad_name);
    g_free(pad_name);
    demux->branches.emplace(source_id, std::make_shared<Branch>(pad, demux->group_id));
    gst_flow_combiner_add_pad(demux->flows, pad);
  }
  gst_pad_set_active(pad, TRUE);
  gst_element_add_pad(element, pad);
  return pad;
}

void release_pad(GstElement *element, GstPad *pad) {
  Demux *demux = NJ_STREAM_DEMUX(element)->demux;
  guint source_id;
  if (!source_id_of(GST_PAD_NAME(pad), &source_id)) return;
  {
    std::lock_guard held(demux->lock);
    demux->branches.erase(source_id);
    gst_flow_combiner_remove_pad(demux->flows, pad);
  }
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(element, pad);
}

// ---- Object

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(nj_stream_demux_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    Demux *demux = NJ_STREAM_DEMUX(element)->demux;
    each_branch(demux, [](Branch *branch) {
      branch->start_sent = branch->eos_sent = branch->segment_sent = false;
      branch->info.reset();
    });
    std::lock_guard held(demux->lock);
    demux->segments.clear();
    gst_flow_combiner_reset(demux->flows);
  }
  return result;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  if (id == kPerStreamEos)
    NJ_STREAM_DEMUX(object)->demux->per_stream_eos = g_value_get_boolean(value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  if (id == kPerStreamEos)
    g_value_set_boolean(value, NJ_STREAM_DEMUX(object)->demux->per_stream_eos.load());
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void finalize(GObject *object) {
  delete NJ_STREAM_DEMUX(object)->demux;
  G_OBJECT_CLASS(nj_stream_demux_parent_class)->finalize(object);
}

}  // namespace

static void nj_stream_demux_class_init(NjStreamDemuxClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  g_object_class_install_property(
      object_class, kPerStreamEos,
      g_param_spec_boolean(
          "per-stream-eos", "Per stream EOS",
          "End src_N as soon as its source ends. If false, all source pads end together with the whole batch stream",
          kDefaultPerStreamEos,
          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)));

  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  element_class->request_new_pad = request_new_pad;
  element_class->release_pad = release_pad;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &source_template);
  gst_element_class_set_static_metadata(
      element_class, "Nightjar stream demux", "Demuxer/Video",
      "Gives the frames of a batch back as one video stream per source, without copying them", "Nightjar");
}

static void nj_stream_demux_init(NjStreamDemux *self) {
  self->demux = new Demux;
  self->sink_pad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink_pad, chain);
  gst_pad_set_event_function(self->sink_pad, sink_event);
  gst_element_add_pad(GST_ELEMENT(self), self->sink_pad);
}

gboolean nj_njstreamdemux_register(GstPlugin *plugin) {
  GST_DEBUG_CATEGORY_INIT(nj_stream_demux_debug, "njstreamdemux", 0, "Nightjar stream demux");
  return gst_element_register(plugin, "njstreamdemux", GST_RANK_NONE, nj_stream_demux_get_type());
}

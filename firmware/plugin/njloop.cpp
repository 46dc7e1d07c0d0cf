// njloop: plays its source again when it ends, for ever and without a gap.
//
//   gst-launch-1.0 uridecodebin uri=file:///clip.mp4 ! njloop ! clocksync ! videoconvert ! autovideosink
//
// At the end of the stream the element keeps the EOS to itself, seeks its source back to the start (from a thread of
// GStreamer's pool: the streaming thread that brought the EOS must get home first), and swallows the flush that the
// seek brings, so that elements behind it keep what they hold. Timestamps go on rising: each round is shifted behind
// the one before it. A source that cannot seek ends in the ordinary way, and the element says so in a warning.
#include <atomic>
#include <initializer_list>

#include "elements.h"

GST_DEBUG_CATEGORY_STATIC(nj_loop_debug);
#define GST_CAT_DEFAULT nj_loop_debug

namespace {

enum Property : guint { kPropLoops = 1 };

// The streaming thread owns all but `rounds` and `seeking`.
struct Loop {
  std::atomic<guint64> rounds{0};                 // completed
  std::atomic<bool> seeking{false};               // between EOS and the flush of our seek
  GstClockTimeDiff shift = 0;                     // added to the timestamps of this round
  GstClockTime end = 0;                           // where the last frame ends, shifted
  GstClockTime last_start = GST_CLOCK_TIME_NONE;  // of the last frame, shifted
  GstClockTime frame_time = 0;                    // distance of the last two frames, for frames without a duration
  bool round_begins = true;                       // no frame since the start or the last seek

  // While nothing streams. In place: the application may be reading `rounds`, a late seek asking for `seeking`.
  void reset() {
    rounds = 0;
    seeking = false;
    shift = 0;
    end = 0;
    last_start = GST_CLOCK_TIME_NONE;
    frame_time = 0;
    round_begins = true;
  }
};

}  // namespace

struct NjLoop {
  GstElement element;
  GstPad *sink;
  GstPad *src;
  Loop *loop;
};

struct NjLoopClass {
  GstElementClass parent;
};

G_DEFINE_TYPE(NjLoop, nj_loop, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(njloop, "njloop", GST_RANK_NONE, nj_loop_get_type())

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static NjLoop *nj_loop_cast(gpointer object) { return static_cast<NjLoop *>(object); }

static void give_up(NjLoop *self) {
  GST_ELEMENT_WARNING(self, RESOURCE, SEEK, ("This source cannot be played again without a restart."),
                      ("the seek to its start was refused"));
  gst_pad_push_event(self->src, gst_event_new_eos());
}

static void seek_to_start(GstElement *element, gpointer) {
  NjLoop *self = nj_loop_cast(element);
  if (!self->loop->seeking) return;  // stopped meanwhile
  GstEvent *seek =
      gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0);
  if (gst_pad_push_event(self->sink, seek)) return;
  if (self->loop->seeking.exchange(false)) give_up(self);
}

static gboolean handle_eos(NjLoop *self, GstEvent *event) {
  Loop &loop = *self->loop;
  if (loop.round_begins) return gst_pad_push_event(self->src, event);  // nothing to repeat: avoids seeking in a circle
  gst_event_unref(event);
  loop.round_begins = true;
  loop.seeking = true;
  loop.rounds++;
  gst_element_call_async(GST_ELEMENT(self), seek_to_start, nullptr, nullptr);
  return TRUE;
}

// Downstream sees one open segment for all rounds.
static gboolean handle_segment(NjLoop *self, GstEvent *event) {
  GstEvent *open_event = nullptr;
  if (self->loop->rounds == 0) {
    GstSegment open;
    gst_event_copy_segment(event, &open);
    open.stop = GST_CLOCK_TIME_NONE;
    open_event = gst_event_new_segment(&open);
    gst_event_set_seqnum(open_event, gst_event_get_seqnum(event));
  }
  gst_event_unref(event);
  return open_event == nullptr || gst_pad_push_event(self->src, open_event);
}

static gboolean nj_loop_sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  NjLoop *self = nj_loop_cast(parent);
  Loop &loop = *self->loop;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_EOS:
      return handle_eos(self, event);
    case GST_EVENT_SEGMENT:
      return handle_segment(self, event);
    case GST_EVENT_FLUSH_START:
      if (!loop.seeking) break;
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_FLUSH_STOP:
      if (!loop.seeking.exchange(false)) break;
      gst_event_unref(event);
      return TRUE;
    default:
      break;
  }
  return gst_pad_event_default(pad, parent, event);
}

// Where the first frame of a round has to go: right behind the last frame of the round before.
static GstClockTimeDiff shift_of_round(const Loop &loop, const GstBuffer *first) {
  return loop.rounds == 0 ? 0 : GST_CLOCK_DIFF(GST_BUFFER_PTS(first), loop.end);
}

static void measure(Loop &loop, const GstBuffer *buffer) {
  const GstClockTime start = GST_BUFFER_PTS(buffer);
  if (loop.last_start != GST_CLOCK_TIME_NONE && start > loop.last_start) loop.frame_time = start - loop.last_start;
  loop.last_start = start;
  loop.end = start + (GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : loop.frame_time);
}

static GstFlowReturn nj_loop_chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  NjLoop *self = nj_loop_cast(parent);
  Loop &loop = *self->loop;
  if (GST_BUFFER_PTS_IS_VALID(buffer)) {
    if (loop.round_begins) loop.shift = shift_of_round(loop, buffer);
    if (loop.shift != 0) {
      buffer = gst_buffer_make_writable(buffer);
      GST_BUFFER_PTS(buffer) += loop.shift;
      GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    }
    measure(loop, buffer);
  }
  loop.round_begins = false;
  return gst_pad_push(self->src, buffer);
}

static GstStateChangeReturn nj_loop_change_state(GstElement *element, GstStateChange transition) {
  const GstStateChangeReturn result = GST_ELEMENT_CLASS(nj_loop_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) nj_loop_cast(element)->loop->reset();
  return result;
}

static void nj_loop_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  if (id == kPropLoops)
    g_value_set_uint64(value, nj_loop_cast(object)->loop->rounds);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void nj_loop_finalize(GObject *object) {
  delete nj_loop_cast(object)->loop;
  G_OBJECT_CLASS(nj_loop_parent_class)->finalize(object);
}

static void nj_loop_init(NjLoop *self) {
  self->loop = new Loop;
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  for (GstPad *pad : {self->sink, self->src}) {
    GST_PAD_SET_PROXY_CAPS(pad);
    GST_PAD_SET_PROXY_ALLOCATION(pad);
    gst_element_add_pad(&self->element, pad);
  }
  gst_pad_set_chain_function(self->sink, nj_loop_chain);
  gst_pad_set_event_function(self->sink, nj_loop_sink_event);
}

static void nj_loop_class_init(NjLoopClass *klass) {
  GST_DEBUG_CATEGORY_INIT(nj_loop_debug, "njloop", 0, "plays a source again");
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->get_property = nj_loop_get_property;
  object_class->finalize = nj_loop_finalize;
  g_object_class_install_property(
      object_class, kPropLoops,
      g_param_spec_uint64("loops", "Loops", "How often the source has been started again", 0, G_MAXUINT64, 0,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

  auto *element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = nj_loop_change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Endless player", "Generic",
                                        "Plays its source again when it ends", "Nightjar");
}

gboolean nj_njloop_register(GstPlugin *plugin) { return GST_ELEMENT_REGISTER(njloop, plugin); }

// njgate: lets at most `max-rate` buffers a second pass, and none while it is closed.
//
//   gst-launch-1.0 -v videotestsrc is-live=true ! njgate max-rate=5 ! jpegenc ! multifilesink location=%03d.jpg
//
// The rate is one of the clock on the wall, not of timestamps or caps: it holds for streams of unknown frame rate too.
// Events always pass, so that what is behind the gate knows its caps before the gate opens.
#include <gst/base/gstbasetransform.h>

#include <atomic>

#include "elements.h"

namespace {

constexpr gboolean kDefaultOpen = TRUE;
constexpr gdouble kDefaultMaxRate = 0;  // no limit

enum Property : guint { kPropOpen = 1, kPropMaxRate };

struct Gate {
  std::atomic<bool> open{kDefaultOpen};
  std::atomic<gdouble> max_rate{kDefaultMaxRate};
  gint64 due = 0;  // µs, monotonic: when the next buffer may pass. Streaming thread only.

  bool admits(gint64 now) {
    if (!open) return false;
    const gdouble rate = max_rate;
    if (rate <= 0) return true;
    if (now < due) return false;
    // A schedule rather than a distance: 15 frames a second through a gate of 10 give 10, not 7.5. After a pause it
    // starts anew.
    const auto period = static_cast<gint64>(G_USEC_PER_SEC / rate);
    due = now - due > period ? now + period : due + period;
    return true;
  }
};

}  // namespace

struct NjGate {
  GstBaseTransform base;
  Gate *gate;
};

struct NjGateClass {
  GstBaseTransformClass base;
};

G_DEFINE_TYPE(NjGate, nj_gate, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(njgate, "njgate", GST_RANK_NONE, nj_gate_get_type())

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static NjGate *nj_gate_cast(gpointer object) { return static_cast<NjGate *>(object); }

static GstFlowReturn nj_gate_transform_ip(GstBaseTransform *base, GstBuffer *) {
  return nj_gate_cast(base)->gate->admits(g_get_monotonic_time()) ? GST_FLOW_OK : GST_BASE_TRANSFORM_FLOW_DROPPED;
}

static void nj_gate_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  Gate &gate = *nj_gate_cast(object)->gate;
  switch (id) {
    case kPropOpen:
      gate.open = g_value_get_boolean(value) != FALSE;
      break;
    case kPropMaxRate:
      gate.max_rate = g_value_get_double(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void nj_gate_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const Gate &gate = *nj_gate_cast(object)->gate;
  switch (id) {
    case kPropOpen:
      g_value_set_boolean(value, gate.open);
      break;
    case kPropMaxRate:
      g_value_set_double(value, gate.max_rate);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void nj_gate_finalize(GObject *object) {
  delete nj_gate_cast(object)->gate;
  G_OBJECT_CLASS(nj_gate_parent_class)->finalize(object);
}

static void nj_gate_init(NjGate *self) {
  self->gate = new Gate;
  gst_base_transform_set_in_place(&self->base, TRUE);
  gst_base_transform_set_passthrough(&self->base, TRUE);
}

static void nj_gate_class_init(NjGateClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = nj_gate_set_property;
  object_class->get_property = nj_gate_get_property;
  object_class->finalize = nj_gate_finalize;
  constexpr auto kAnytime =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  g_object_class_install_property(object_class, kPropOpen,
                                  g_param_spec_boolean("open", "Open", "Let buffers pass", kDefaultOpen, kAnytime));
  g_object_class_install_property(
      object_class, kPropMaxRate,
      g_param_spec_double("max-rate", "Maximum rate", "Buffers per second that pass at most; 0: no limit", 0, 10000,
                          kDefaultMaxRate, kAnytime));

  auto *element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Gate", "Generic",
                                        "Lets buffers pass at a limited rate, or not at all", "Nightjar");
  GST_BASE_TRANSFORM_CLASS(klass)->transform_ip = nj_gate_transform_ip;
}

gboolean nj_njgate_register(GstPlugin *plugin) { return GST_ELEMENT_REGISTER(njgate, plugin); }

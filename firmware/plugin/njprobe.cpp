// njprobe: lets buffers pass and keeps count, so that an application can ask how a stream is doing without a handler on
// the streaming thread.
//
//   gst-launch-1.0 -v videotestsrc num-buffers=30 ! njprobe ! fakesink
//
// Everything is read by polling properties; each costs one atomic load.
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <atomic>
#include <cstdint>

#include "elements.h"
#include "metadata/nj_meta.h"
#include "metadata/nvds.h"

GST_DEBUG_CATEGORY_STATIC(nj_probe_debug);
#define GST_CAT_DEFAULT nj_probe_debug

namespace {

constexpr gint64 kNever = -1;

enum Property : guint {
  kPropBuffers = 1,
  kPropBytes,
  kPropIdle,
  kPropInferred,
  kPropInferredIdle,
  kPropEos,
  kPropWidth,
  kPropHeight,
  kPropFormat,
};

// A count and the monotonic time (µs) at which it last grew. One writer: the streaming thread.
struct Counter {
  std::atomic<guint64> count{0};
  std::atomic<gint64> last_time{kNever};

  void add(guint64 amount, gint64 now) {
    count.fetch_add(amount, std::memory_order_relaxed);
    last_time.store(now, std::memory_order_relaxed);
  }

  // µs since the count last grew; kNever before the first time.
  gint64 idle() const {
    const gint64 last = last_time.load(std::memory_order_relaxed);
    return last == kNever ? kNever : g_get_monotonic_time() - last;
  }
};

struct Probe {
  Counter buffers;
  Counter inferred;
  std::atomic<guint64> bytes{0};
  std::atomic<bool> eos{false};
  std::atomic<gint> width{0};
  std::atomic<gint> height{0};
  std::atomic<const gchar *> format{nullptr};  // interned
};

guint count_inferred(GstBuffer *buffer) {
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  if (batch == nullptr) return nj::nvds::count_inferred(buffer);
  guint inferred = 0;
  for (GList *item = batch->frame_meta_list; item != nullptr; item = item->next)
    if (static_cast<NjFrameMeta *>(item->data)->bInferDone) inferred++;
  return inferred;
}

void note_caps(Probe &probe, const GstCaps *caps) {
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  gint width = 0;
  gint height = 0;
  gst_structure_get_int(structure, "width", &width);
  gst_structure_get_int(structure, "height", &height);
  const gchar *format = gst_structure_get_string(structure, "format");
  probe.width = width;
  probe.height = height;
  probe.format = g_intern_string(format != nullptr ? format : gst_structure_get_name(structure));
}

}  // namespace

struct NjProbe {
  GstBaseTransform base;
  Probe *probe;
};

struct NjProbeClass {
  GstBaseTransformClass base;
};

G_DEFINE_TYPE(NjProbe, nj_probe, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(njprobe, "njprobe", GST_RANK_NONE, nj_probe_get_type())

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static NjProbe *nj_probe_cast(gpointer object) { return static_cast<NjProbe *>(object); }

static GstFlowReturn nj_probe_transform_ip(GstBaseTransform *base, GstBuffer *buffer) {
  Probe &probe = *nj_probe_cast(base)->probe;
  const gint64 now = g_get_monotonic_time();
  probe.buffers.add(1, now);
  probe.bytes.fetch_add(gst_buffer_get_size(buffer), std::memory_order_relaxed);
  if (const guint inferred = count_inferred(buffer); inferred > 0) probe.inferred.add(inferred, now);
  return GST_FLOW_OK;
}

static gboolean nj_probe_sink_event(GstBaseTransform *base, GstEvent *event) {
  Probe &probe = *nj_probe_cast(base)->probe;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
      GstCaps *caps = nullptr;
      gst_event_parse_caps(event, &caps);
      note_caps(probe, caps);
      break;
    }
    case GST_EVENT_EOS:
      probe.eos = true;
      break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_FLUSH_STOP:
      probe.eos = false;
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS(nj_probe_parent_class)->sink_event(base, event);
}

static void nj_probe_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const Probe &probe = *nj_probe_cast(object)->probe;
  switch (id) {
    case kPropBuffers:
      g_value_set_uint64(value, probe.buffers.count);
      break;
    case kPropBytes:
      g_value_set_uint64(value, probe.bytes);
      break;
    case kPropIdle:
      g_value_set_int64(value, probe.buffers.idle());
      break;
    case kPropInferred:
      g_value_set_uint64(value, probe.inferred.count);
      break;
    case kPropInferredIdle:
      g_value_set_int64(value, probe.inferred.idle());
      break;
    case kPropEos:
      g_value_set_boolean(value, probe.eos);
      break;
    case kPropWidth:
      g_value_set_int(value, probe.width);
      break;
    case kPropHeight:
      g_value_set_int(value, probe.height);
      break;
    case kPropFormat:
      g_value_set_static_string(value, probe.format);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void nj_probe_finalize(GObject *object) {
  delete nj_probe_cast(object)->probe;
  G_OBJECT_CLASS(nj_probe_parent_class)->finalize(object);
}

static void nj_probe_init(NjProbe *self) {
  self->probe = new Probe;
  gst_base_transform_set_in_place(&self->base, TRUE);
  gst_base_transform_set_passthrough(&self->base, TRUE);
}

static void install_properties(GObjectClass *object_class) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  const auto install = [&](Property id, GParamSpec *spec) { g_object_class_install_property(object_class, id, spec); };
  install(kPropBuffers, g_param_spec_uint64("buffers", "Buffers", "Buffers that passed since the element was made", 0,
                                            G_MAXUINT64, 0, flags));
  install(kPropBytes, g_param_spec_uint64("bytes", "Bytes", "Bytes in these buffers", 0, G_MAXUINT64, 0, flags));
  install(kPropIdle, g_param_spec_int64("idle", "Idle", "Time since the last buffer, in µs; -1 before the first", -1,
                                        G_MAXINT64, -1, flags));
  install(kPropInferred,
          g_param_spec_uint64("inferred", "Inferred", "Frames that a detector looked at, by their metadata", 0,
                              G_MAXUINT64, 0, flags));
  install(kPropInferredIdle,
          g_param_spec_int64("inferred-idle", "Inferred idle",
                             "Time since the last such frame, in µs; -1 before the first", -1, G_MAXINT64, -1, flags));
  install(kPropEos, g_param_spec_boolean("eos", "EOS", "The stream has ended", FALSE, flags));
  install(kPropWidth,
          g_param_spec_int("width", "Width", "Of the current caps, in pixels; 0 when unknown", 0, G_MAXINT, 0, flags));
  install(kPropHeight, g_param_spec_int("height", "Height", "Of the current caps, in pixels; 0 when unknown", 0,
                                        G_MAXINT, 0, flags));
  install(kPropFormat, g_param_spec_string("format", "Format", "Pixel format of the current caps, or the media type",
                                           nullptr, flags));
}

static void nj_probe_class_init(NjProbeClass *klass) {
  GST_DEBUG_CATEGORY_INIT(nj_probe_debug, "njprobe", 0, "counts what passes");
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->get_property = nj_probe_get_property;
  object_class->finalize = nj_probe_finalize;
  install_properties(object_class);

  auto *element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Stream probe", "Generic",
                                        "Counts the buffers that pass, for polling", "Nightjar");

  auto *transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->transform_ip = nj_probe_transform_ip;
  transform_class->sink_event = nj_probe_sink_event;
  transform_class->passthrough_on_same_caps = TRUE;
}

gboolean nj_njprobe_register(GstPlugin *plugin) { return GST_ELEMENT_REGISTER(njprobe, plugin); }

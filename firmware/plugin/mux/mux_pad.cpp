#include "mux_pad.h"

#include <mutex>

G_DEFINE_TYPE(NjStreamMuxPad, nj_stream_mux_pad, GST_TYPE_PAD)

namespace {

enum Property { kSensorId = 1, kFrames, kDropped };

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  nj::StreamQueue *stream = NJ_STREAM_MUX_PAD(object)->stream;
  if (id != kSensorId) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  const gchar *text = g_value_get_string(value);
  std::lock_guard held(stream->sensor_lock);
  stream->sensor_id = text ? text : "";
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  nj::StreamQueue *stream = NJ_STREAM_MUX_PAD(object)->stream;
  switch (id) {
    case kSensorId: {
      std::lock_guard held(stream->sensor_lock);
      g_value_set_string(value, stream->sensor_id.c_str());
      break;
    }
    case kFrames:
      g_value_set_uint64(value, stream->taken);
      break;
    case kDropped:
      g_value_set_uint64(value, stream->dropped);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

void finalize(GObject *object) {
  delete NJ_STREAM_MUX_PAD(object)->stream;
  G_OBJECT_CLASS(nj_stream_mux_pad_parent_class)->finalize(object);
}

}  // namespace

static void nj_stream_mux_pad_class_init(NjStreamMuxPadClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  constexpr auto kSet =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  constexpr auto kGet = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object_class, kSensorId,
      g_param_spec_string("sensor-id", "Sensor id",
                          "Name of the camera, written to the metadata of its frames. Empty: none", "", kSet));
  g_object_class_install_property(
      object_class, kFrames,
      g_param_spec_uint64("frames", "Frames", "Frames of this source that went into batches", 0, G_MAXUINT64, 0, kGet));
  g_object_class_install_property(
      object_class, kDropped,
      g_param_spec_uint64(
          "dropped", "Dropped",
          "Frames of this source that were dropped: too many waiting (live-source) or too late (sync-inputs)", 0,
          G_MAXUINT64, 0, kGet));
}

static void nj_stream_mux_pad_init(NjStreamMuxPad *self) { self->stream = new nj::StreamQueue(0); }

GstPad *nj_stream_mux_pad_new(GstPadTemplate *pad_template, const gchar *name, guint index) {
  auto *pad = static_cast<GstPad *>(
      g_object_new(NJ_TYPE_STREAM_MUX_PAD, "name", name, "direction", GST_PAD_SINK, "template", pad_template, nullptr));
  NJ_STREAM_MUX_PAD(pad)->stream->index = index;
  return pad;
}

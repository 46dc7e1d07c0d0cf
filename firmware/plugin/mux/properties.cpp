// The properties of njstreammux. All may change while playing.
#include <mutex>

#include "mux_element.h"

namespace {

constexpr guint kMaxBatch = 1024;  // as nvstreammux

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

}  // namespace

void nj::install_mux_properties(GObjectClass *klass) {
  klass->set_property = set_property;
  klass->get_property = get_property;
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

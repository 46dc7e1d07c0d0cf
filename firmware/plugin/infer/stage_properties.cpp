// The properties that inference elements share.
#include <algorithm>

#include "stage_element_private.h"

namespace {

using nj::EngineSettings;

enum Property {
  kBundle = 1,
  kModule,
  kParameters,
  kUniqueId,
  kHostSocket,
  kDeadline,
  kSlots,
  kStats,
};

void set_parameters(NjStageElement *self, const std::string &json) {
  if (!nj::is_json_object(json))
    return nj::warn_bad_value(self, "parameters", json.c_str(), "a JSON object such as {\"iou-threshold\": 0.5}");
  nj::update_settings(self, [&json](EngineSettings &settings) { settings.parameters = json; });
  if (const auto stage = nj::stage_of(self)) stage->set_parameters(json);
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  auto *self = NJ_STAGE_ELEMENT(object);
  const auto text = [value] { return std::string(g_value_get_string(value) ? g_value_get_string(value) : ""); };
  if (id == kParameters) return set_parameters(self, text());
  GST_OBJECT_LOCK(self);
  EngineSettings &settings = self->priv->settings;
  switch (id) {
    case kBundle:
      settings.bundle = text();
      break;
    case kModule:
      settings.module = text();
      break;
    case kUniqueId:
      settings.unique_id = g_value_get_uint(value);
      break;
    case kHostSocket:
      settings.host_socket = text();
      break;
    case kDeadline:
      settings.deadline_ms = g_value_get_uint(value);
      break;
    case kSlots:
      settings.slots = g_value_get_uint(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(self);
}

GstStructure *current_stats(NjStageElement *self) {
  const auto stage = nj::stage_of(self);
  return stage ? stage->statistics.snapshot() : nj::Statistics().snapshot();
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  auto *self = NJ_STAGE_ELEMENT(object);
  const EngineSettings settings = nj::settings_of(self);
  switch (id) {
    case kBundle:
      g_value_set_string(value, settings.bundle.c_str());
      break;
    case kModule:
      g_value_set_string(value, settings.module.c_str());
      break;
    case kParameters:
      g_value_set_string(value, settings.parameters.c_str());
      break;
    case kUniqueId:
      g_value_set_uint(value, settings.unique_id);
      break;
    case kHostSocket:
      g_value_set_string(value, settings.host_socket.c_str());
      break;
    case kDeadline:
      g_value_set_uint(value, settings.deadline_ms);
      break;
    case kSlots:
      g_value_set_uint(value, settings.slots);
      break;
    case kStats:
      g_value_take_boxed(value, current_stats(self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
}

}  // namespace

namespace nj {

void install_stage_properties(GObjectClass *gobject) {
  gobject->set_property = set_property;
  gobject->get_property = get_property;
  const auto flags = nj::kReadyProperty;
  g_object_class_install_property(
      gobject, kBundle,
      g_param_spec_string("bundle", "Bundle", "Directory of the bundle to run (bundle.yaml, module, labels, model)",
                          nullptr, flags));
  g_object_class_install_property(
      gobject, kModule,
      g_param_spec_string("module", "Module",
                          "WebAssembly file to run instead of a bundle's; used when bundle is not set", nullptr,
                          flags));
  g_object_class_install_property(
      gobject, kParameters,
      g_param_spec_string(
          "parameters", "Parameters",
          "JSON object of module parameters that override the bundle's, such as {\"iou-threshold\": 0.5}", nullptr,
          nj::kPlayingProperty));
  g_object_class_install_property(
      gobject, kUniqueId,
      g_param_spec_uint("unique-id", "Unique id",
                        "Id written to the objects that this element finds; unique in the pipeline", 1, G_MAXINT, 15,
                        flags));
  g_object_class_install_property(
      gobject, kHostSocket,
      g_param_spec_string("host-socket", "Host socket",
                          "Unix socket of a running postprocess host; not set: the element starts a host of its own",
                          nullptr, flags));
  g_object_class_install_property(
      gobject, kDeadline,
      g_param_spec_uint("deadline", "Deadline",
                        "Time in ms after which a batch has failed and its frames pass without results", 1, 3600000,
                        nj::kDefaultDeadlineMs, flags));
  g_object_class_install_property(gobject, kSlots,
                                  g_param_spec_uint("slots", "Slots", "Batches in flight at a time", 2,
                                                    nj::link::kMaxSlots, nj::kDefaultSlots, flags));
  g_object_class_install_property(
      gobject, kStats,
      g_param_spec_boxed("stats", "Statistics",
                         "Frames that entered, were inferred, passed without inference, failed (since PAUSED); p50 and "
                         "p99 of preprocess, engine, module and total time in µs",
                         GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

std::shared_ptr<Stage> stage_of(NjStageElement *self) {
  GST_OBJECT_LOCK(self);
  auto stage = self->priv->stage;
  GST_OBJECT_UNLOCK(self);
  return stage;
}

EngineSettings settings_of(NjStageElement *self) {
  GST_OBJECT_LOCK(self);
  EngineSettings settings = self->priv->settings;
  GST_OBJECT_UNLOCK(self);
  return settings;
}

int gpu_of(NjStageElement *self) { return std::max(settings_of(self).gpu_id, 0); }

void update_settings(NjStageElement *self, const std::function<void(EngineSettings &)> &change) {
  GST_OBJECT_LOCK(self);
  change(self->priv->settings);
  GST_OBJECT_UNLOCK(self);
}

void warn_bad_value(NjStageElement *self, const char *property, const char *value, const std::string &expected) {
  GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS,
                      ("%s=%s is not understood and was not taken: expected %s", property, value, expected.c_str()),
                      (nullptr));
}

}  // namespace nj

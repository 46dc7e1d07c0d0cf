// njinfer: finds objects in frames, or looks closer at objects already found, as nvinfer does.
//
//   gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert ! njinfer bundle=bundles/street ! njosd !
//     videoconvert ! autovideosink
//
// Frames are prepared for the network in one pass, straight from the decoder's format, and handed to an engine; several
// batches are in flight at a time and leave in the order in which they came. The pixels are not touched. While the
// engine is away, frames pass without objects.
#include <gst/gst.h>

#include "infer/infer_stage.h"
#include "infer/stage_element.h"

namespace {

enum Property {
  kModel = nj::kFirstSubclassProperty,
  kBatchSize,
  kProcessMode,
  kInterval,
  kIntervalMode,
  kConfidenceThreshold,
  kClassThresholds,
  kFilterOut,
  kDetectedMinWidth,
  kDetectedMinHeight,
  kDetectedMaxWidth,
  kDetectedMaxHeight,
  kTensorMeta,
  kInferOnGieId,
  kInferOnClassIds,
  kInputMinWidth,
  kInputMinHeight,
  kInputMaxWidth,
  kInputMaxHeight,
  kReinferInterval,
  kClassifierType,
  kGpuId,
};

}  // namespace

struct NjInfer {
  NjStageElement parent;
  nj::InferSettings *settings;  // guarded by the object lock
};

struct NjInferClass {
  NjStageElementClass parent_class;
};

GType nj_infer_get_type(void);
G_DEFINE_TYPE(NjInfer, nj_infer, NJ_TYPE_STAGE_ELEMENT)

namespace {

NjInfer *infer(gpointer object) { return static_cast<NjInfer *>(object); }

GType process_mode_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(nj::ProcessMode::Primary), "whole frames", "primary"},
      {static_cast<int>(nj::ProcessMode::Secondary), "objects that another element found", "secondary"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("NjInferProcessMode", values);
  return type;
}

GType interval_mode_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(nj::IntervalMode::Source), "the frames of each source", "source"},
      {static_cast<int>(nj::IntervalMode::Batch), "the batches, whatever is in them, as nvinfer does", "batch"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("NjInferIntervalMode", values);
  return type;
}

// The number that a size or count property writes; nullptr for other properties.
unsigned *number_of(nj::InferSettings &settings, guint id) {
  switch (id) {
    case kInterval:
      return &settings.interval;
    case kDetectedMinWidth:
      return &settings.detected.min_width;
    case kDetectedMinHeight:
      return &settings.detected.min_height;
    case kDetectedMaxWidth:
      return &settings.detected.max_width;
    case kDetectedMaxHeight:
      return &settings.detected.max_height;
    case kInputMinWidth:
      return &settings.input.min_width;
    case kInputMinHeight:
      return &settings.input.min_height;
    case kInputMaxWidth:
      return &settings.input.max_width;
    case kInputMaxHeight:
      return &settings.input.max_height;
    case kReinferInterval:
      return &settings.reinfer_interval;
    default:
      return nullptr;
  }
}

std::string text_of(const GValue *value) { return g_value_get_string(value) ? g_value_get_string(value) : ""; }

// Lists are checked before they are taken. false: the value is no list of that kind.
bool take_list(nj::InferSettings &settings, guint id, const std::string &text) {
  if (id == kClassThresholds) {
    const auto thresholds = nj::parse_class_thresholds(text);
    if (thresholds) settings.class_thresholds = *thresholds;
    return thresholds.has_value();
  }
  const auto classes = nj::parse_class_list(text);
  if (classes) (id == kFilterOut ? settings.filter_out : settings.infer_on_classes) = *classes;
  return classes.has_value();
}

bool take_value(nj::InferSettings &settings, guint id, const GValue *value) {
  if (unsigned *number = number_of(settings, id)) {
    *number = g_value_get_uint(value);
    return true;
  }
  switch (id) {
    case kProcessMode:
      settings.mode = static_cast<nj::ProcessMode>(g_value_get_enum(value));
      return true;
    case kIntervalMode:
      settings.interval_mode = static_cast<nj::IntervalMode>(g_value_get_enum(value));
      return true;
    case kConfidenceThreshold:
      settings.confidence_threshold = g_value_get_double(value);
      return true;
    case kTensorMeta:
      settings.tensor_meta = g_value_get_boolean(value);
      return true;
    case kInferOnGieId:
      settings.infer_on_gie_id = g_value_get_int(value);
      return true;
    case kClassifierType:
      settings.classifier_type = text_of(value);
      return true;
    default:
      return take_list(settings, id, text_of(value));
  }
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  auto *stage_element = NJ_STAGE_ELEMENT(object);
  if (id == kModel)
    return nj::update_settings(stage_element, [value](auto &settings) { settings.model = text_of(value); });
  if (id == kBatchSize)
    return nj::update_settings(stage_element,
                               [value](auto &settings) { settings.batch_size = g_value_get_uint(value); });
  if (id == kGpuId)
    return nj::update_settings(stage_element, [value](auto &settings) { settings.gpu_id = g_value_get_int(value); });

  GST_OBJECT_LOCK(object);
  const bool taken = take_value(*infer(object)->settings, id, value);
  const nj::InferSettings changed = *infer(object)->settings;
  GST_OBJECT_UNLOCK(object);
  if (!taken) {
    const char *expected = id == kClassThresholds ? "class:threshold pairs such as 0:0.5;3:0.6, thresholds 0..1"
                                                  : "class ids 0..65535 such as 0;2;3";
    return nj::warn_bad_value(stage_element, spec->name, text_of(value).c_str(), expected);
  }
  if (const auto stage = nj::stage_of(stage_element)) static_cast<nj::InferStage &>(*stage).change(changed);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const nj::EngineSettings engine = nj::settings_of(NJ_STAGE_ELEMENT(object));
  GST_OBJECT_LOCK(object);
  nj::InferSettings settings = *infer(object)->settings;
  GST_OBJECT_UNLOCK(object);
  if (const unsigned *number = number_of(settings, id)) return g_value_set_uint(value, *number);
  switch (id) {
    case kModel:
      g_value_set_string(value, engine.model.c_str());
      break;
    case kBatchSize:
      g_value_set_uint(value, engine.batch_size);
      break;
    case kGpuId:
      g_value_set_int(value, engine.gpu_id);
      break;
    case kProcessMode:
      g_value_set_enum(value, static_cast<int>(settings.mode));
      break;
    case kIntervalMode:
      g_value_set_enum(value, static_cast<int>(settings.interval_mode));
      break;
    case kConfidenceThreshold:
      g_value_set_double(value, settings.confidence_threshold);
      break;
    case kClassThresholds:
      g_value_set_string(value, nj::format_class_thresholds(settings.class_thresholds).c_str());
      break;
    case kFilterOut:
      g_value_set_string(value, nj::format_class_list(settings.filter_out).c_str());
      break;
    case kTensorMeta:
      g_value_set_boolean(value, settings.tensor_meta);
      break;
    case kInferOnGieId:
      g_value_set_int(value, settings.infer_on_gie_id);
      break;
    case kInferOnClassIds:
      g_value_set_string(value, nj::format_class_list(settings.infer_on_classes).c_str());
      break;
    case kClassifierType:
      g_value_set_string(value, settings.classifier_type.c_str());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
}

void install_number(GObjectClass *gobject, guint id, const char *name, const char *nick, const char *blurb,
                    guint initial) {
  g_object_class_install_property(gobject, id,
                                  g_param_spec_uint(name, nick, blurb, 0, G_MAXINT, initial, nj::kPlayingProperty));
}

void install_model_properties(GObjectClass *gobject) {
  const nj::InferSettings defaults;
  g_object_class_install_property(
      gobject, kModel,
      g_param_spec_string("model", "Model",
                          "ONNX file to run instead of a bundle's; used with module when bundle is not set", nullptr,
                          nj::kReadyProperty));
  g_object_class_install_property(
      gobject, kBatchSize,
      g_param_spec_uint("batch-size", "Batch size",
                        "Frames (or objects) inferred together at most; larger input batches are split", 1,
                        nj::link::kMaxBatch, 1, nj::kReadyProperty));
  g_object_class_install_property(
      gobject, kGpuId,
      g_param_spec_int("gpu-id", "GPU id",
                       "GPU of bundles that run there and of frames in its memory; its CUDA context is offered to the "
                       "elements around from READY on. -1: the first one, when it is needed",
                       -1, G_MAXINT, -1, nj::kReadyProperty));
  g_object_class_install_property(
      gobject, kProcessMode,
      g_param_spec_enum("process-mode", "Process mode",
                        "Look at whole frames, or at objects that another element found", process_mode_type(),
                        static_cast<int>(defaults.mode), nj::kReadyProperty));
  install_number(gobject, kInterval, "interval", "Interval",
                 "Frames of each source (or batches: see interval-mode) that pass without inference between two "
                 "inferred ones; the "
                 "event GST_NVEVENT_INFER_INTERVAL_UPDATE changes it for one source",
                 defaults.interval);
  g_object_class_install_property(
      gobject, kIntervalMode,
      g_param_spec_enum("interval-mode", "Interval mode", "What interval counts", interval_mode_type(),
                        static_cast<int>(defaults.interval_mode), nj::kPlayingProperty));
  g_object_class_install_property(
      gobject, kTensorMeta,
      g_param_spec_boolean("output-tensor-meta", "Output tensor meta",
                           "Attach the raw outputs of the network to the frame", FALSE, nj::kPlayingProperty));
}

void install_object_properties(GObjectClass *gobject) {
  const nj::InferSettings defaults;
  g_object_class_install_property(gobject, kConfidenceThreshold,
                                  g_param_spec_double("confidence-threshold", "Confidence threshold",
                                                      "Least confidence of an object, 0..1; -1 leaves it to the bundle "
                                                      "(setting it back to -1 takes effect at the next start)",
                                                      -1, 1, defaults.confidence_threshold, nj::kPlayingProperty));
  g_object_class_install_property(
      gobject, kClassThresholds,
      g_param_spec_string("class-thresholds", "Class thresholds",
                          "Least confidence by class id, over confidence-threshold: 0:0.5;3:0.6", "",
                          nj::kPlayingProperty));
  g_object_class_install_property(gobject, kFilterOut,
                                  g_param_spec_string("filter-out-class-ids", "Filter out class ids",
                                                      "Classes that are dropped: 0;2;3", "", nj::kPlayingProperty));
  install_number(gobject, kDetectedMinWidth, "detected-min-width", "Detected min width",
                 "Narrower objects are dropped, pixels of the frame", 0);
  install_number(gobject, kDetectedMinHeight, "detected-min-height", "Detected min height",
                 "Lower objects are dropped, pixels of the frame", 0);
  install_number(gobject, kDetectedMaxWidth, "detected-max-width", "Detected max width",
                 "Wider objects are dropped, pixels of the frame; 0: no limit", 0);
  install_number(gobject, kDetectedMaxHeight, "detected-max-height", "Detected max height",
                 "Higher objects are dropped, pixels of the frame; 0: no limit", 0);
}

void install_secondary_properties(GObjectClass *gobject) {
  const nj::InferSettings defaults;
  g_object_class_install_property(
      gobject, kInferOnGieId,
      g_param_spec_int("infer-on-gie-id", "Infer on gie id",
                       "Secondary: unique-id of the element whose objects are looked at; -1: of any", -1, G_MAXINT,
                       defaults.infer_on_gie_id, nj::kPlayingProperty));
  g_object_class_install_property(
      gobject, kInferOnClassIds,
      g_param_spec_string("infer-on-class-ids", "Infer on class ids",
                          "Secondary: classes that are looked at: 0:2:3; empty: all", "", nj::kPlayingProperty));
  install_number(gobject, kInputMinWidth, "input-object-min-width", "Input object min width",
                 "Secondary: narrower objects are not looked at, pixels of the frame", 0);
  install_number(gobject, kInputMinHeight, "input-object-min-height", "Input object min height",
                 "Secondary: lower objects are not looked at, pixels of the frame", 0);
  install_number(gobject, kInputMaxWidth, "input-object-max-width", "Input object max width",
                 "Secondary: wider objects are not looked at, pixels of the frame; 0: no limit", 0);
  install_number(gobject, kInputMaxHeight, "input-object-max-height", "Input object max height",
                 "Secondary: higher objects are not looked at, pixels of the frame; 0: no limit", 0);
  install_number(gobject, kReinferInterval, "secondary-reinfer-interval", "Secondary reinfer interval",
                 "Secondary: frames after which a tracked object is classified again (also when it has grown by 20 %)",
                 defaults.reinfer_interval);
  g_object_class_install_property(
      gobject, kClassifierType,
      g_param_spec_string("classifier-type", "Classifier type",
                          "Name of the attribute that a classifier finds, such as color; empty: the bundle's name", "",
                          nj::kPlayingProperty));
}

std::shared_ptr<nj::Stage> create_stage(NjStageElement *self, const nj::EngineSettings &engine) {
  GST_OBJECT_LOCK(self);
  const nj::InferSettings settings = *infer(self)->settings;
  GST_OBJECT_UNLOCK(self);
  return std::make_shared<nj::InferStage>(GST_ELEMENT(self), engine, settings);
}

void finalize(GObject *object) {
  delete infer(object)->settings;
  G_OBJECT_CLASS(nj_infer_parent_class)->finalize(object);
}

}  // namespace

static void nj_infer_class_init(NjInferClass *klass) {
  auto *gobject = G_OBJECT_CLASS(klass);
  gobject->set_property = set_property;
  gobject->get_property = get_property;
  gobject->finalize = finalize;
  install_model_properties(gobject);
  install_object_properties(gobject);
  install_secondary_properties(gobject);
  NJ_STAGE_ELEMENT_CLASS(klass)->create_stage = create_stage;
  auto *element = GST_ELEMENT_CLASS(klass);
  nj::add_stage_pad_templates(element);
  gst_element_class_set_static_metadata(element, "Nightjar inference", "Filter/Analyzer/Video",
                                        "Finds objects in video with the network and the module of a bundle",
                                        "Nightjar");
}

static void nj_infer_init(NjInfer *self) { self->settings = new nj::InferSettings; }

gboolean nj_njinfer_register(GstPlugin *plugin) {
  return gst_element_register(plugin, "njinfer", GST_RANK_NONE, nj_infer_get_type());
}

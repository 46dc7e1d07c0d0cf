// njanalytics: gives the objects of each frame to an analyze module (a tracker, rules) and takes back objects, track
// ids and events.
//
//   gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert ! njinfer bundle=bundles/street !
//     njanalytics bundle=bundles/bytetrack ! njosd ! videoconvert ! autovideosink
//
// A frame leaves as soon as the module has answered. While the host is away, frames pass unchanged.
#include <gst/gst.h>

#include "analytics/analyze_stage.h"
#include "infer/stage_element.h"

namespace {

enum Property { kUntracked = nj::kFirstSubclassProperty };

constexpr guint kDefaultUniqueId = 17;
// One slot takes the batch of a usual mux; larger batches are split.
constexpr guint kFramesPerSlot = 16;

}  // namespace

struct NjAnalytics {
  NjStageElement parent;
  nj::Untracked untracked;  // guarded by the object lock
};

struct NjAnalyticsClass {
  NjStageElementClass parent_class;
};

GType nj_analytics_get_type(void);
G_DEFINE_TYPE(NjAnalytics, nj_analytics, NJ_TYPE_STAGE_ELEMENT)

namespace {

NjAnalytics *analytics(gpointer object) { return static_cast<NjAnalytics *>(object); }

GType untracked_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(nj::Untracked::Keep), "objects that the module does not continue stay", "keep"},
      {static_cast<int>(nj::Untracked::Remove), "objects that the module does not continue are removed", "remove"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("NjAnalyticsUntracked", values);
  return type;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  if (id != kUntracked) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  const auto untracked = static_cast<nj::Untracked>(g_value_get_enum(value));
  GST_OBJECT_LOCK(object);
  analytics(object)->untracked = untracked;
  GST_OBJECT_UNLOCK(object);
  if (const auto stage = nj::stage_of(NJ_STAGE_ELEMENT(object)))
    static_cast<nj::AnalyzeStage &>(*stage).set_untracked(untracked);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  if (id != kUntracked) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  GST_OBJECT_LOCK(object);
  g_value_set_enum(value, static_cast<int>(analytics(object)->untracked));
  GST_OBJECT_UNLOCK(object);
}

std::shared_ptr<nj::Stage> create_stage(NjStageElement *self, const nj::EngineSettings &engine) {
  GST_OBJECT_LOCK(self);
  const nj::Untracked untracked = analytics(self)->untracked;
  GST_OBJECT_UNLOCK(self);
  return std::make_shared<nj::AnalyzeStage>(GST_ELEMENT(self), engine, untracked);
}

}  // namespace

static void nj_analytics_class_init(NjAnalyticsClass *klass) {
  auto *gobject = G_OBJECT_CLASS(klass);
  gobject->set_property = set_property;
  gobject->get_property = get_property;
  g_object_class_install_property(
      gobject, kUntracked,
      g_param_spec_enum("untracked", "Untracked", "What happens to objects that the module does not continue",
                        untracked_type(), static_cast<int>(nj::Untracked::Keep), nj::kPlayingProperty));
  NJ_STAGE_ELEMENT_CLASS(klass)->create_stage = create_stage;
  auto *element = GST_ELEMENT_CLASS(klass);
  nj::add_stage_pad_templates(element);
  gst_element_class_set_static_metadata(element, "Nightjar analytics", "Filter/Analyzer/Video",
                                        "Tracks objects and concludes events with the module of a bundle", "Nightjar");
}

static void nj_analytics_init(NjAnalytics *self) {
  self->untracked = nj::Untracked::Keep;
  nj::update_settings(NJ_STAGE_ELEMENT(self), [](nj::EngineSettings &settings) {
    settings.unique_id = kDefaultUniqueId;
    settings.batch_size = kFramesPerSlot;
  });
}

gboolean nj_njanalytics_register(GstPlugin *plugin) {
  return gst_element_register(plugin, "njanalytics", GST_RANK_NONE, nj_analytics_get_type());
}

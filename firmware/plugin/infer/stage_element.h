// The GObject shell of inference elements: one sink and one source pad, a task between them, and a Stage that does the
// work. Buffers and serialized events leave in the order in which they came.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

#include "batch_queue.h"
#include "engine_stage.h"
#include "stage.h"

G_BEGIN_DECLS

#define NJ_TYPE_STAGE_ELEMENT (nj_stage_element_get_type())
#define NJ_STAGE_ELEMENT(object) (G_TYPE_CHECK_INSTANCE_CAST((object), NJ_TYPE_STAGE_ELEMENT, NjStageElement))
#define NJ_STAGE_ELEMENT_CLASS(klass) (G_TYPE_CHECK_CLASS_CAST((klass), NJ_TYPE_STAGE_ELEMENT, NjStageElementClass))
#define NJ_STAGE_ELEMENT_GET_CLASS(object) \
  (G_TYPE_INSTANCE_GET_CLASS((object), NJ_TYPE_STAGE_ELEMENT, NjStageElementClass))

struct NjStageElementPrivate;

struct NjStageElement {
  GstElement parent;
  NjStageElementPrivate *priv;
};

struct NjStageElementClass {
  GstElementClass parent_class;
  // A new stage from the settings, at READY -> PAUSED.
  std::shared_ptr<nj::Stage> (*create_stage)(NjStageElement *self, const nj::EngineSettings &settings);
};

GType nj_stage_element_get_type(void);

G_END_DECLS

namespace nj {

constexpr guint kDefaultDeadlineMs = 1000;
constexpr guint kDefaultSlots = 3;

// Properties of subclasses count from here.
constexpr guint kFirstSubclassProperty = 100;

constexpr GParamFlags kReadyProperty =
    GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr GParamFlags kPlayingProperty =
    GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

// Adds the pad templates: batches, or single frames in the formats of supported_formats().
void add_stage_pad_templates(GstElementClass *element_class);

// The running stage; null below PAUSED.
std::shared_ptr<Stage> stage_of(NjStageElement *self);

// The settings that properties write. Holds the object lock meanwhile.
void update_settings(NjStageElement *self, const std::function<void(EngineSettings &)> &change);
EngineSettings settings_of(NjStageElement *self);
// The GPU that the element works on, should it need one.
int gpu_of(NjStageElement *self);

// An object of "name: message" with what a wrong property value was expected to be, in the log.
void warn_bad_value(NjStageElement *self, const char *property, const char *value, const std::string &expected);

}  // namespace nj

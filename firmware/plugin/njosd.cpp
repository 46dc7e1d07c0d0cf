// njosd: draws what the metadata says (boxes, labels, masks, keypoints, trails) into the pictures.
//
//   gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert ! njinfer bundle=build/bundles/street
//     ! njosd ! videoconvert ! autovideosink
//
// Takes single frames and batches of njstreammux, in any format that the mux takes, and draws without converting them.
// A picture that somebody else holds too (a decoder's reference, a tee) is copied first; one on which there is nothing
// to draw passes untouched. Pictures in GPU memory (memory:CUDAMemory) are drawn into there, all of a batch at once.
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <memory>
#include <string>

#include "../cuda/context.h"
#include "../frames/frame_mapper.h"
#include "../metadata/nj_meta.h"
#include "elements.h"
#include "mux/stream_events.h"
#include "osd/gpu_pictures.h"
#include "osd/painter.h"

GST_DEBUG_CATEGORY_STATIC(nj_osd_debug);
#define GST_CAT_DEFAULT nj_osd_debug

namespace {
struct Osd;
}  // namespace

typedef struct {
  GstBaseTransform parent;
  Osd *osd;
} NjOsd;

typedef struct {
  GstBaseTransformClass parent_class;
} NjOsdClass;

GType nj_osd_get_type(void);
#define NJ_OSD(object) (reinterpret_cast<NjOsd *>(object))
G_DEFINE_TYPE(NjOsd, nj_osd, GST_TYPE_BASE_TRANSFORM)

namespace {

using nj::osd::Style;

struct Osd {
  Style style;  // guarded by the object's lock
  guint gpu = 0;
  // Streaming thread only.
  nj::osd::Painter painter;
  std::unique_ptr<nj::osd::GpuPictures> on_gpu;  // made when a picture lies there
  GstVideoInfo info;                             // of single frames
  bool batched = false;
  Style now;  // of the buffer at hand: a property that changes meanwhile counts from the next one
};

enum Property {
  kDisplayText = 1,
  kDisplayBbox,
  kDisplayMask,
  kDisplayClock,
  kDisplayKeypoints,
  kDisplayTrails,
  kDisplayZones,
  kClockFont,
  kClockFontSize,
  kXClockOffset,
  kYClockOffset,
  kClockColor,
  kGpuId,
};

Style style_of(NjOsd *self) {
  GST_OBJECT_LOCK(self);
  Style style = self->osd->style;
  GST_OBJECT_UNLOCK(self);
  return style;
}

// ---- Caps

gboolean set_caps(GstBaseTransform *transform, GstCaps *caps, GstCaps *) {
  Osd *osd = NJ_OSD(transform)->osd;
  osd->batched = gst_caps_features_contains(gst_caps_get_features(caps, 0), NJ_CAPS_FEATURE_BATCH);
  return osd->batched || gst_video_info_from_caps(&osd->info, caps);
}

// ---- Drawing

bool has_work(Osd *osd, GstBuffer *buffer, const Style &style) {
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  if (!batch) return osd->painter.has_work(nullptr, style);
  for (GList *l = batch->frame_meta_list; l; l = l->next)
    if (osd->painter.has_work(static_cast<NjFrameMeta *>(l->data), style)) return true;
  return false;
}

// Without work the buffer goes on as it is, also when it is not ours alone: nothing is copied then.
GstFlowReturn prepare_output_buffer(GstBaseTransform *transform, GstBuffer *input, GstBuffer **output) {
  Osd *osd = NJ_OSD(transform)->osd;
  osd->now = style_of(NJ_OSD(transform));
  if (!has_work(osd, input, osd->now)) {
    *output = input;
    return GST_FLOW_OK;
  }
  return GST_BASE_TRANSFORM_CLASS(nj_osd_parent_class)->prepare_output_buffer(transform, input, output);
}

// Mapping a writable buffer whose memory is shared gives it memory of its own: no copy is made without need.
bool paint_mapped(Osd *osd, GstBuffer *pixels, const GstVideoInfo &info, const NjFrameMeta *frame, std::string *error) {
  GstVideoFrame mapped;
  if (!gst_video_frame_map(&mapped, &info, pixels, GST_MAP_READWRITE)) {
    *error = "its memory cannot be mapped by the CPU; put an element before njosd that gives system memory";
    return false;
  }
  nj::osd::FrameCanvas canvas(&mapped);
  osd->painter.paint(&canvas, frame, osd->now);
  gst_video_frame_unmap(&mapped);
  return true;
}

bool paint(Osd *osd, GstBuffer *pixels, const GstVideoInfo &info, const NjFrameMeta *frame, std::string *error) {
  if (nj::is_on_gpu(pixels) && !osd->on_gpu) osd->on_gpu = nj::osd::make_gpu_pictures(static_cast<int>(osd->gpu));
  // A build without CUDA draws into a copy in system memory, which GStreamer makes.
  if (!nj::is_on_gpu(pixels) || !osd->on_gpu) return paint_mapped(osd, pixels, info, frame, error);
  nj::osd::Canvas *canvas = osd->on_gpu->add(pixels, info, error);
  if (canvas) osd->painter.paint(canvas, frame, osd->now);
  return canvas;
}

bool paint_batched_frame(Osd *osd, NjFrameMeta *frame, std::string *error) {
  if (osd->now.trails) osd->painter.trails().update(frame);
  if (!frame->buffer || !osd->painter.has_work(frame, osd->now)) return true;
  frame->buffer = gst_buffer_make_writable(frame->buffer);
  return paint(osd, frame->buffer, frame->info, frame, error);
}

bool paint_batch(Osd *osd, NjBatchMeta *batch, std::string *error) {
  bool complete = true;
  for (GList *l = batch->frame_meta_list; l; l = l->next)
    complete &= paint_batched_frame(osd, static_cast<NjFrameMeta *>(l->data), error);
  return complete;
}

bool paint_single(Osd *osd, GstBuffer *buffer, NjBatchMeta *batch, std::string *error) {
  const NjFrameMeta *frame = batch ? nj_batch_nth_frame(batch, 0) : nullptr;
  if (frame && osd->now.trails) osd->painter.trails().update(frame);
  return !osd->painter.has_work(frame, osd->now) || paint(osd, buffer, osd->info, frame, error);
}

bool paint_buffer(Osd *osd, GstBuffer *buffer, NjBatchMeta *batch, std::string *error) {
  const bool painted =
      osd->batched ? !batch || paint_batch(osd, batch, error) : paint_single(osd, buffer, batch, error);
  std::string failed;
  if (!osd->on_gpu || osd->on_gpu->finish(&failed)) return painted;
  if (painted) *error = failed;
  return false;
}

GstFlowReturn transform_ip(GstBaseTransform *transform, GstBuffer *buffer) {
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  std::string error;
  if (batch) nj_batch_meta_lock(batch);
  const bool done = paint_buffer(NJ_OSD(transform)->osd, buffer, batch, &error);
  if (batch) nj_batch_meta_unlock(batch);
  if (done) return GST_FLOW_OK;
  GST_ELEMENT_ERROR(transform, STREAM, FAILED, ("A picture cannot be drawn into: %s", error.c_str()), (nullptr));
  return GST_FLOW_ERROR;
}

// A decoder asks for the CUDA context that its frames shall be in.
gboolean query(GstBaseTransform *transform, GstPadDirection direction, GstQuery *query) {
  if (direction == GST_PAD_SINK &&
      nj::answer_cuda_context(GST_ELEMENT(transform), query, static_cast<int>(NJ_OSD(transform)->osd->gpu)))
    return TRUE;
  return GST_BASE_TRANSFORM_CLASS(nj_osd_parent_class)->query(transform, direction, query);
}

// ---- Events

gboolean sink_event(GstBaseTransform *transform, GstEvent *event) {
  nj::osd::Trails &trails = NJ_OSD(transform)->osd->painter.trails();
  const nj::StreamEvent change = nj::parse_stream_event(event);
  if (change.change == nj::StreamChange::PadDeleted || change.change == nj::StreamChange::Eos)
    trails.forget(change.source_id);
  if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) trails.clear();
  return GST_BASE_TRANSFORM_CLASS(nj_osd_parent_class)->sink_event(transform, event);
}

gboolean stop(GstBaseTransform *transform) {
  Osd *osd = NJ_OSD(transform)->osd;
  osd->painter.trails().clear();
  osd->on_gpu.reset();
  return TRUE;
}

// ---- Properties

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  NjOsd *self = NJ_OSD(object);
  GST_OBJECT_LOCK(self);
  Style &style = self->osd->style;
  nj::osd::ClockStyle &clock = style.clock_style;
  switch (id) {
    case kDisplayText:
      style.text = g_value_get_boolean(value);
      break;
    case kDisplayBbox:
      style.boxes = g_value_get_boolean(value);
      break;
    case kDisplayMask:
      style.masks = g_value_get_boolean(value);
      break;
    case kDisplayClock:
      style.clock = g_value_get_boolean(value);
      break;
    case kDisplayKeypoints:
      style.keypoints = g_value_get_boolean(value);
      break;
    case kDisplayTrails:
      style.trails = g_value_get_boolean(value);
      break;
    case kDisplayZones:
      style.zones = g_value_get_boolean(value);
      break;
    case kClockFont:
      clock.font = g_value_get_string(value) ? g_value_get_string(value) : nj::osd::ClockStyle().font;
      break;
    case kClockFontSize:
      clock.font_size = g_value_get_uint(value);
      break;
    case kXClockOffset:
      clock.x = g_value_get_uint(value);
      break;
    case kYClockOffset:
      clock.y = g_value_get_uint(value);
      break;
    case kClockColor:
      clock.color = g_value_get_uint(value);
      break;
    case kGpuId:
      self->osd->gpu = g_value_get_uint(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const Style style = style_of(NJ_OSD(object));
  const nj::osd::ClockStyle &clock = style.clock_style;
  switch (id) {
    case kDisplayText:
      g_value_set_boolean(value, style.text);
      break;
    case kDisplayBbox:
      g_value_set_boolean(value, style.boxes);
      break;
    case kDisplayMask:
      g_value_set_boolean(value, style.masks);
      break;
    case kDisplayClock:
      g_value_set_boolean(value, style.clock);
      break;
    case kDisplayKeypoints:
      g_value_set_boolean(value, style.keypoints);
      break;
    case kDisplayTrails:
      g_value_set_boolean(value, style.trails);
      break;
    case kDisplayZones:
      g_value_set_boolean(value, style.zones);
      break;
    case kClockFont:
      g_value_set_string(value, clock.font.c_str());
      break;
    case kClockFontSize:
      g_value_set_uint(value, clock.font_size);
      break;
    case kXClockOffset:
      g_value_set_uint(value, clock.x);
      break;
    case kYClockOffset:
      g_value_set_uint(value, clock.y);
      break;
    case kClockColor:
      g_value_set_uint(value, clock.color);
      break;
    case kGpuId:
      g_value_set_uint(value, NJ_OSD(object)->osd->gpu);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

constexpr GParamFlags kAnytime =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

void install_properties(GObjectClass *klass) {
  const Style defaults;
  const nj::osd::ClockStyle &clock = defaults.clock_style;
  const auto add = [klass](guint id, GParamSpec *spec) { g_object_class_install_property(klass, id, spec); };
  const auto flag = [&](guint id, const gchar *name, const gchar *nick, const gchar *blurb, gboolean value) {
    add(id, g_param_spec_boolean(name, nick, blurb, value, kAnytime));
  };
  flag(kDisplayText, "display-text", "Display text", "Draw labels with ids", defaults.text);
  flag(
      kDisplayBbox, "display-bbox", "Display boxes",
      "Draw boxes, turned ones too, in the border colour of the object; the default (red) stands for a colour by class",
      defaults.boxes);
  flag(kDisplayMask, "display-mask", "Display masks", "Draw the masks of objects, translucent", defaults.masks);
  flag(kDisplayClock, "display-clock", "Display clock", "Draw the local date and time", defaults.clock);
  flag(kDisplayKeypoints, "display-keypoints", "Display keypoints",
       "Draw keypoints of a confidence of at least 0.3, and the bones of persons with 17 of them", defaults.keypoints);
  flag(kDisplayTrails, "display-trails", "Display trails", "Draw where tracked objects have been in the last 48 frames",
       defaults.trails);
  flag(kDisplayZones, "display-zones", "Display zones",
       "Draw the regions and lines that a module says the frame has, with their counts", defaults.zones);
  add(kClockFont,
      g_param_spec_string("clock-font", "Clock font", "Family name of the clock's font", clock.font.c_str(), kAnytime));
  add(kClockFontSize, g_param_spec_uint("clock-font-size", "Clock font size", "Size of the clock's font in points", 1,
                                        60, clock.font_size, kAnytime));
  add(kXClockOffset,
      g_param_spec_uint("x-clock-offset", "X clock offset", "Left edge of the clock, in pixels of the picture", 0,
                        G_MAXINT, clock.x, kAnytime));
  add(kYClockOffset,
      g_param_spec_uint("y-clock-offset", "Y clock offset", "Upper edge of the clock, in pixels of the picture", 0,
                        G_MAXINT, clock.y, kAnytime));
  add(kClockColor,
      g_param_spec_uint("clock-color", "Clock colour", "Colour of the clock as 0xRRGGBBAA; default: opaque white", 0,
                        G_MAXUINT32, clock.color, kAnytime));
  constexpr auto kBeforeStart =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  add(kGpuId, g_param_spec_uint("gpu-id", "GPU id",
                                "GPU whose memory pictures may lie in (memory:CUDAMemory); they are drawn into there",
                                0, G_MAXINT, 0, kBeforeStart));
}

// ---- Object

void finalize(GObject *object) {
  delete NJ_OSD(object)->osd;
  G_OBJECT_CLASS(nj_osd_parent_class)->finalize(object);
}

void add_pad_templates(GstElementClass *klass) {
  GstCaps *caps = gst_caps_from_string("video/x-raw(" NJ_CAPS_FEATURE_BATCH ")");
  gst_caps_append(caps, nj::frame_caps());
  gst_element_class_add_pad_template(klass, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(klass, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
}

}  // namespace

static void nj_osd_class_init(NjOsdClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);

  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->set_caps = set_caps;
  transform_class->prepare_output_buffer = prepare_output_buffer;
  transform_class->transform_ip = transform_ip;
  transform_class->sink_event = sink_event;
  transform_class->query = query;
  transform_class->stop = stop;

  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  add_pad_templates(element_class);
  gst_element_class_set_static_metadata(
      element_class, "Nightjar on-screen display", "Filter/Editor/Video",
      "Draws the boxes, labels, masks, keypoints and trails of detected objects into video", "Nightjar");
}

static void nj_osd_init(NjOsd *self) {
  self->osd = new Osd;
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

gboolean nj_njosd_register(GstPlugin *plugin) {
  GST_DEBUG_CATEGORY_INIT(nj_osd_debug, "njosd", 0, "Nightjar on-screen display");
  return gst_element_register(plugin, "njosd", GST_RANK_NONE, nj_osd_get_type());
}

// MetadataBatch over Nj metadata.
#include <gst/video/video.h>

#include <algorithm>
#include <cstring>

#include "capture_time.h"
#include "metadata_batch.h"
#include "nj_meta.h"
#include "nvds.h"
#include "object_style.h"

namespace nj {
namespace {

constexpr const char *kFont = "Sans";

class Locked {
 public:
  explicit Locked(NjBatchMeta *batch) : batch_(batch) { nj_batch_meta_lock(batch_); }
  ~Locked() { nj_batch_meta_unlock(batch_); }
  Locked(const Locked &) = delete;
  Locked &operator=(const Locked &) = delete;

 private:
  NjBatchMeta *batch_;
};

Box to_box(const NjBox &box) { return {box.left, box.top, box.width, box.height}; }
NjBox from_box(const Box &box) { return {box.left, box.top, box.width, box.height}; }
Color to_color(const NjColor &color) { return {color.red, color.green, color.blue, color.alpha}; }
NjColor from_color(const Color &color) { return {color.red, color.green, color.blue, color.alpha}; }

void write_text(NjObjectMeta *meta, const Object &object) {
  NjTextParams &text = meta->text_params;
  g_free(text.display_text);
  text.display_text = display_text(object);
  text.x_offset = text_offset(object.box.left);
  text.y_offset = text_offset(object.box.top - kLabelRise);
  text.font_name = kFont;
  text.font_size = kLabelFontSize;
  text.font_color = {1, 1, 1, 1};
  text.set_bg_clr = TRUE;
  text.text_bg_clr = {0, 0, 0, 1};
}

// What a tracker may change.
void write_state(NjObjectMeta *meta, const Object &object) {
  meta->class_id = object.class_id;
  meta->object_id = object.object_id;
  meta->confidence = object.confidence;
  meta->tracker_confidence = object.tracker_confidence;
  meta->tracker_bbox_info = from_box(object.tracker_box);
  meta->track_state = static_cast<NjTrackState>(object.track_state);
  meta->track_age = object.track_age;
  meta->rect_params.left = object.box.left;
  meta->rect_params.top = object.box.top;
  meta->rect_params.width = object.box.width;
  meta->rect_params.height = object.box.height;
  meta->rect_params.rotation_angle = object.angle_degrees;
  cut_label(meta->obj_label, object.label);
  write_text(meta, object);
}

void write_mask(NjObjectMeta *meta, const Object &object) {
  if (object.mask.empty()) return;
  NjMaskParams &mask = meta->mask_params;
  mask.size = static_cast<guint>(object.mask.size() * sizeof(gfloat));
  mask.data = static_cast<gfloat *>(g_memdup2(object.mask.data(), mask.size));
  mask.width = object.mask_width;
  mask.height = object.mask_height;
  mask.threshold = object.mask_threshold;
}

void write_keypoints(NjObjectMeta *meta, const Object &object) {
  meta->num_keypoints = static_cast<guint>(object.keypoints.size());
  meta->keypoints = g_new(NjKeypoint, meta->num_keypoints);
  std::transform(object.keypoints.begin(), object.keypoints.end(), meta->keypoints, [](const Keypoint &point) {
    return NjKeypoint{point.x, point.y, point.confidence};
  });
}

bool has_attribute(const NjObjectMeta *meta, const Attribute &attribute) {
  for (GList *c = meta->classifier_meta_list; c; c = c->next) {
    const auto *classifier = static_cast<const NjClassifierMeta *>(c->data);
    if (g_strcmp0(classifier->classifier_type, attribute.type.c_str()) != 0) continue;
    for (GList *l = classifier->label_info_list; l; l = l->next) {
      const auto *label = static_cast<const NjLabelInfo *>(l->data);
      if (label->result_class_id == attribute.class_id && attribute.label == label->result_label) return true;
    }
  }
  return false;
}

void append_attribute(NjObjectMeta *meta, int component_id, const Attribute &attribute) {
  NjClassifierMeta *classifier = nj_acquire_classifier_meta(meta->batch_meta);
  classifier->unique_component_id = component_id;
  classifier->classifier_type = g_intern_string(attribute.type.c_str());
  NjLabelInfo *label = nj_acquire_label_info(meta->batch_meta);
  cut_label(label->result_label, attribute.label);
  label->result_class_id = attribute.class_id;
  label->result_prob = attribute.confidence;
  nj_classifier_add_label(classifier, label);
  nj_object_add_classifier(meta, classifier);
}

NjUserMeta *acquire_user_data(NjBatchMeta *batch, const UserData &user) {
  return nj_acquire_module_meta(batch, static_cast<guint>(user.component_id), user.bundle.c_str(), user.bytes.data(),
                                user.bytes.size());
}

void append_user_data(NjObjectMeta *meta, const UserData &user) {
  if (!user.bytes.empty()) nj_object_add_user_meta(meta, acquire_user_data(meta->batch_meta, user));
}

std::vector<Attribute> read_attributes(const NjObjectMeta *meta) {
  std::vector<Attribute> attributes;
  for (GList *c = g_list_last(meta->classifier_meta_list); c; c = c->prev) {
    const auto *classifier = static_cast<const NjClassifierMeta *>(c->data);
    for (GList *l = g_list_last(classifier->label_info_list); l; l = l->prev) {
      const auto *label = static_cast<const NjLabelInfo *>(l->data);
      attributes.push_back({classifier->classifier_type ? classifier->classifier_type : "", label->result_label,
                            label->result_class_id, label->result_prob});
    }
  }
  return attributes;
}

void read_mask(const NjObjectMeta *meta, Object *object) {
  const NjMaskParams &mask = meta->mask_params;
  if (!mask.data || !mask.size) return;
  object->mask.assign(mask.data, mask.data + mask.size / sizeof(gfloat));
  object->mask_width = mask.width;
  object->mask_height = mask.height;
  object->mask_threshold = mask.threshold;
}

// All but the parent, which is an index in the caller's list.
Object read_object(const NjObjectMeta *meta) {
  const NjRectParams &rect = meta->rect_params;
  Object object;
  object.component_id = meta->unique_component_id;
  object.class_id = meta->class_id;
  object.object_id = meta->object_id;
  object.box = {rect.left, rect.top, rect.width, rect.height};
  object.detector_box = to_box(meta->detector_bbox_info);
  object.tracker_box = to_box(meta->tracker_bbox_info);
  object.angle_degrees = rect.rotation_angle;
  object.confidence = meta->confidence;
  object.tracker_confidence = meta->tracker_confidence;
  object.track_state = static_cast<TrackState>(meta->track_state);
  object.track_age = meta->track_age;
  object.label = meta->obj_label;
  object.border = to_color(rect.border_color);
  object.border_width = rect.border_width;
  read_mask(meta, &object);
  for (guint i = 0; i < meta->num_keypoints; ++i)
    object.keypoints.push_back({meta->keypoints[i].x, meta->keypoints[i].y, meta->keypoints[i].confidence});
  object.attributes = read_attributes(meta);
  return object;
}

gpointer copy_event(gpointer data, gpointer) {
  return g_memdup2(static_cast<NjUserMeta *>(data)->user_meta_data, sizeof(NjEvent));
}

void release_event(gpointer data, gpointer) { g_free(static_cast<NjUserMeta *>(data)->user_meta_data); }

// An NjTensorMeta with what keeps its data alive; the meta is the first member, so that the pointers are equal.
struct TensorSet {
  NjTensorMeta meta = {};
  std::vector<NjTensorLayer> layers;
  std::vector<std::shared_ptr<const uint8_t>> data;

  TensorSet() = default;
  TensorSet(const TensorSet &other) : meta(other.meta), layers(other.layers), data(other.data) { relink(); }
  TensorSet &operator=(const TensorSet &) = delete;
  void relink() {
    meta.layers = layers.data();
    meta.num_layers = static_cast<guint>(layers.size());
    meta.owner = this;
  }
};

TensorSet *tensor_set(gpointer user) {
  return static_cast<TensorSet *>(static_cast<NjTensorMeta *>(static_cast<NjUserMeta *>(user)->user_meta_data)->owner);
}

gpointer copy_tensors(gpointer data, gpointer) { return &(new TensorSet(*tensor_set(data)))->meta; }
void release_tensors(gpointer data, gpointer) { delete tensor_set(data); }

NjTensorLayer to_layer(const TensorOutput &output) {
  NjTensorLayer layer = {};
  g_strlcpy(layer.name, output.name.c_str(), sizeof layer.name);
  layer.data_type = output.data_type;
  layer.rank = static_cast<guint>(std::min(output.dims.size(), std::size(layer.dims)));
  std::copy_n(output.dims.begin(), layer.rank, layer.dims);
  layer.data = output.data.get();
  layer.bytes = output.bytes;
  return layer;
}

class NjMetadataBatch final : public MetadataBatch {
 public:
  explicit NjMetadataBatch(NjBatchMeta *batch) : lock_(batch) {
    for (GList *l = batch->frame_meta_list; l; l = l->next) frames_.push_back(static_cast<NjFrameMeta *>(l->data));
  }

  uint32_t frame_count() const override { return static_cast<uint32_t>(frames_.size()); }

  FrameInfo frame(uint32_t index) const override {
    const NjFrameMeta *frame = frames_.at(index);
    FrameInfo info;
    info.source_id = frame->source_id;
    info.batch_id = frame->batch_id;
    info.frame_number = frame->frame_num;
    info.pts = frame->buf_pts;
    info.capture = frame->ntp_timestamp;
    info.width = frame->source_frame_width;
    info.height = frame->source_frame_height;
    info.inferred = frame->bInferDone;
    return info;
  }

  std::vector<Object> objects(uint32_t index, std::vector<void *> *handles) const override {
    const std::vector<NjObjectMeta *> metas = oldest_first(frames_.at(index));
    std::vector<Object> objects;
    objects.reserve(metas.size());
    for (const NjObjectMeta *meta : metas) {
      objects.push_back(read_object(meta));
      const auto parent = meta->parent ? std::find(metas.begin(), metas.end(), meta->parent) : metas.end();
      if (parent != metas.end()) objects.back().parent = static_cast<int>(parent - metas.begin());
    }
    if (handles) handles->assign(metas.begin(), metas.end());
    return objects;
  }

  void add_object(uint32_t index, const Object &object) override {
    NjFrameMeta *frame = frames_.at(index);
    NjObjectMeta *meta = nj_acquire_object_meta(frame->batch_meta);
    meta->unique_component_id = object.component_id;
    meta->detector_bbox_info = from_box(object.detector_box);
    meta->rect_params.border_color = from_color(object.border);
    meta->rect_params.border_width = object.border_width;
    write_state(meta, object);
    write_mask(meta, object);
    write_keypoints(meta, object);
    for (const Attribute &attribute : object.attributes) append_attribute(meta, object.component_id, attribute);
    append_user_data(meta, object.user);
    nj_frame_add_object(frame, meta, nth_object(frame, object.parent));
  }

  void update_object(uint32_t, void *handle, const Object &object) override {
    auto *meta = static_cast<NjObjectMeta *>(handle);
    write_state(meta, object);
    for (const Attribute &attribute : object.attributes)
      if (!has_attribute(meta, attribute)) append_attribute(meta, object.component_id, attribute);
    append_user_data(meta, object.user);
  }

  void remove_object(uint32_t index, void *handle) override {
    nj_frame_remove_object(frames_.at(index), static_cast<NjObjectMeta *>(handle));
  }

  void set_inferred(uint32_t index) override { frames_.at(index)->bInferDone = TRUE; }

  void add_event(uint32_t index, const Event &event) override {
    NjEvent *copy = g_new0(NjEvent, 1);
    g_strlcpy(copy->type, event.type.c_str(), sizeof copy->type);
    g_strlcpy(copy->rule, event.rule.c_str(), sizeof copy->rule);
    g_strlcpy(copy->label, event.label.c_str(), sizeof copy->label);
    copy->object_id = event.object_id;
    copy->class_id = event.class_id;
    copy->x = event.x;
    copy->y = event.y;
    copy->value = event.value;
    copy->confidence = event.confidence;
    copy->flags = event.flags;
    nj_frame_add_user_meta(frames_.at(index), acquire_user(index, NJ_EVENT_META, copy, copy_event, release_event));
  }

  bool add_user_data(uint32_t index, const UserData &user) override {
    NjFrameMeta *frame = frames_.at(index);
    if (!user.bytes.empty()) nj_frame_add_user_meta(frame, acquire_user_data(frame->batch_meta, user));
    return true;
  }

  void add_tensors(uint32_t index, void *handle, NetworkOutput output) override {
    auto *set = new TensorSet;
    for (TensorOutput &tensor : output.tensors) {
      set->layers.push_back(to_layer(tensor));
      set->data.push_back(std::move(tensor.data));
    }
    set->meta.unique_id = output.unique_id;
    set->meta.network_width = output.network_width;
    set->meta.network_height = output.network_height;
    set->relink();
    NjUserMeta *user = acquire_user(index, NJ_TENSOR_OUTPUT_META, &set->meta, copy_tensors, release_tensors);
    if (handle) return nj_object_add_user_meta(static_cast<NjObjectMeta *>(handle), user);
    nj_frame_add_user_meta(frames_.at(index), user);
  }

 private:
  static std::vector<NjObjectMeta *> oldest_first(const NjFrameMeta *frame) {
    std::vector<NjObjectMeta *> metas;
    metas.reserve(frame->num_obj_meta);
    for (GList *l = g_list_last(frame->obj_meta_list); l; l = l->prev)
      metas.push_back(static_cast<NjObjectMeta *>(l->data));
    return metas;
  }

  // The object that objects() gives at `index`; NULL for -1.
  static NjObjectMeta *nth_object(const NjFrameMeta *frame, int index) {
    if (index < 0 || static_cast<guint>(index) >= frame->num_obj_meta) return nullptr;
    return static_cast<NjObjectMeta *>(
        g_list_nth_data(frame->obj_meta_list, frame->num_obj_meta - 1 - static_cast<guint>(index)));
  }

  NjUserMeta *acquire_user(uint32_t index, gint type, gpointer data, NjMetaCopyFunc copy, NjMetaReleaseFunc release) {
    NjUserMeta *user = nj_acquire_user_meta(frames_.at(index)->batch_meta);
    user->meta_type = type;
    user->copy_func = copy;
    user->release_func = release;
    user->user_meta_data = data;
    return user;
  }

  Locked lock_;
  std::vector<NjFrameMeta *> frames_;
};

// A plain frame becomes a batch of one. The frame number is the buffer's offset, where its source counts frames there.
NjBatchMeta *add_single_frame(GstBuffer *buffer, const GstVideoInfo &info) {
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 1);
  NjFrameMeta *frame = nj_acquire_frame_meta(batch);
  frame->buf_pts = GST_BUFFER_PTS(buffer);
  frame->ntp_timestamp = capture_time(buffer);
  const guint64 offset = GST_BUFFER_OFFSET(buffer);
  frame->frame_num = offset <= G_MAXINT ? static_cast<gint>(offset) : 0;
  frame->source_frame_width = static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info));
  frame->source_frame_height = static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info));
  frame->info = info;
  nj_batch_add_frame(batch, frame);
  return batch;
}

// Buffers whose frames only a muxer's metadata describes.
bool needs_batch(const GstCaps *caps) {
  const GstCapsFeatures *features = gst_caps_get_features(caps, 0);
  return gst_caps_features_contains(features, NJ_CAPS_FEATURE_BATCH) ||
         gst_caps_features_contains(features, "memory:NVMM");
}

}  // namespace

std::unique_ptr<MetadataBatch> metadata_of(GstBuffer *buffer, const GstCaps *caps, std::string *error) {
  if (nvds::present(buffer)) return nvds::open(buffer, error);
  if (NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer)) return std::make_unique<NjMetadataBatch>(batch);
  GstVideoInfo info;
  if (!caps || needs_batch(caps) || !gst_video_info_from_caps(&info, caps)) {
    *error =
        "the buffer carries no frame metadata and is no single video frame; expected a batch from njstreammux (from "
        "nvstreammux for memory:NVMM) or video/x-raw, put one of them or videoconvert before this element";
    return nullptr;
  }
  return std::make_unique<NjMetadataBatch>(add_single_frame(buffer, info));
}

}  // namespace nj

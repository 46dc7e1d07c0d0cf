// MetadataBatch over DeepStream's metadata. What a replacement of nvinfer has to write is what nvinfer writes:
// elements behind it read every one of these fields.
//
// What NvDs has no field for (keypoints, track state and age) rides on the object as a user meta of our own.
#include <algorithm>
#include <cstring>

#include "nvds.h"
#include "nvds_library.h"
#include "nvds_user_data.h"
#include "object_style.h"

namespace nj::nvds {
namespace {

constexpr gchar kFont[] = "Serif";      // nvinfer's; not const in the headers, and never written to
constexpr int kLargestClassId = 65535;  // nvtracker keeps it in 16 bits

NvBbox_Coords to_coords(const Box &box) { return {box.left, box.top, box.width, box.height}; }
Box from_coords(const NvBbox_Coords &box) { return {box.left, box.top, box.width, box.height}; }
NvOSD_ColorParams to_color(const Color &color) { return {color.red, color.green, color.blue, color.alpha}; }

// Pools zero an element when it comes back, and not when it goes out: one that somebody returned by hand may not be
// clean.
template <typename Meta>
Meta *cleared(Meta *meta) {
  constexpr size_t begin = sizeof(NvDsBaseMeta);
  std::memset(reinterpret_cast<char *>(meta) + begin, 0, sizeof(Meta) - begin);
  return meta;
}

// Rotated boxes came with DeepStream 9.0: without the field, angles are not written.
template <typename Rect>
auto set_angle(Rect &rect, float degrees, int) -> decltype(rect.rotation_angle, void()) {
  rect.rotation_angle = degrees;
}
template <typename Rect>
void set_angle(Rect &, float, long) {}
template <typename Rect>
auto angle_of(const Rect &rect, int) -> decltype(rect.rotation_angle) {
  return rect.rotation_angle;
}
template <typename Rect>
float angle_of(const Rect &, long) {
  return 0;
}

// Labels of 128 bytes and more are kept whole beside the short field.
template <typename Label>
auto set_long_label(Label &label, const std::string &text, int) -> decltype(label.pResult_label, void()) {
  if (text.size() >= MAX_LABEL_SIZE) label.pResult_label = g_strdup(text.c_str());
}
template <typename Label>
void set_long_label(Label &, const std::string &, long) {}
template <typename Label>
auto label_text(const Label &label, int) -> decltype(label.pResult_label, std::string()) {
  return label.pResult_label ? label.pResult_label : label.result_label;
}
template <typename Label>
std::string label_text(const Label &label, long) {
  return label.result_label;
}

void write_text(NvDsObjectMeta *meta, const Object &object) {
  NvOSD_TextParams &text = meta->text_params;
  g_free(text.display_text);
  text.display_text = display_text(object);
  text.x_offset = text_offset(object.box.left);
  text.y_offset = text_offset(object.box.top - kLabelRise);
  text.font_params.font_name = const_cast<char *>(kFont);
  text.font_params.font_size = kLabelFontSize;
  text.font_params.font_color = {1, 1, 1, 1};
  text.set_bg_clr = 1;
  text.text_bg_clr = {0, 0, 0, 1};
}

// What a tracker may change.
void write_state(NvDsObjectMeta *meta, const Object &object) {
  meta->class_id = std::clamp(object.class_id, 0, kLargestClassId);
  meta->object_id = object.object_id;
  meta->confidence = object.confidence;
  meta->tracker_confidence = object.tracker_confidence;
  meta->tracker_bbox_info.org_bbox_coords = to_coords(object.tracker_box);
  meta->rect_params.left = object.box.left;
  meta->rect_params.top = object.box.top;
  meta->rect_params.width = object.box.width;
  meta->rect_params.height = object.box.height;
  set_angle(meta->rect_params, object.angle_degrees, 0);
  cut_label(meta->obj_label, object.label);
  write_text(meta, object);
}

// GLib's memory: the pool frees it.
void write_mask(NvDsObjectMeta *meta, const Object &object) {
  if (object.mask.empty()) return;
  NvOSD_MaskParams &mask = meta->mask_params;
  mask.size = static_cast<unsigned>(object.mask.size() * sizeof(float));
  mask.data = static_cast<float *>(g_memdup2(object.mask.data(), mask.size));
  mask.width = object.mask_width;
  mask.height = object.mask_height;
  mask.threshold = object.mask_threshold;
}

void read_mask(const NvDsObjectMeta *meta, Object *object) {
  const NvOSD_MaskParams &mask = meta->mask_params;
  if (!mask.data || !mask.size) return;
  object->mask.assign(mask.data, mask.data + mask.size / sizeof(float));
  object->mask_width = mask.width;
  object->mask_height = mask.height;
  object->mask_threshold = mask.threshold;
}

std::vector<Attribute> read_attributes(const NvDsObjectMeta *meta) {
  std::vector<Attribute> attributes;
  for (GList *c = g_list_last(meta->classifier_meta_list); c; c = c->prev) {
    const auto *classifier = static_cast<const NvDsClassifierMeta *>(c->data);
    for (GList *l = g_list_last(classifier->label_info_list); l; l = l->prev) {
      const auto *label = static_cast<const NvDsLabelInfo *>(l->data);
      attributes.push_back({classifier->classifier_type ? classifier->classifier_type : "", label_text(*label, 0),
                            label->result_class_id, label->result_prob});
    }
  }
  return attributes;
}

bool has_attribute(const std::vector<Attribute> &attributes, const Attribute &wanted) {
  return std::any_of(attributes.begin(), attributes.end(), [&wanted](const Attribute &attribute) {
    return attribute.type == wanted.type && attribute.class_id == wanted.class_id && attribute.label == wanted.label;
  });
}

class NvdsMetadataBatch final : public MetadataBatch {
 public:
  NvdsMetadataBatch(NvDsBatchMeta *batch, const Library &library) : batch_(batch), library_(library) {
    library_.nvds_acquire_meta_lock(batch_);
    for (GList *l = batch->frame_meta_list; l; l = l->next) frames_.push_back(static_cast<NvDsFrameMeta *>(l->data));
  }
  ~NvdsMetadataBatch() override { library_.nvds_release_meta_lock(batch_); }
  NvdsMetadataBatch(const NvdsMetadataBatch &) = delete;
  NvdsMetadataBatch &operator=(const NvdsMetadataBatch &) = delete;

  uint32_t frame_count() const override { return static_cast<uint32_t>(frames_.size()); }

  FrameInfo frame(uint32_t index) const override { return describe(frames_.at(index)); }

  std::vector<Object> objects(uint32_t index, std::vector<void *> *handles) const override {
    const std::vector<NvDsObjectMeta *> metas = oldest_first(frames_.at(index));
    std::vector<Object> objects;
    objects.reserve(metas.size());
    for (const NvDsObjectMeta *meta : metas) {
      objects.push_back(read_object(meta));
      const auto parent = meta->parent ? std::find(metas.begin(), metas.end(), meta->parent) : metas.end();
      if (parent != metas.end()) objects.back().parent = static_cast<int>(parent - metas.begin());
    }
    if (handles) handles->assign(metas.begin(), metas.end());
    return objects;
  }

  void add_object(uint32_t index, const Object &object) override {
    NvDsFrameMeta *frame = frames_.at(index);
    NvDsObjectMeta *meta = cleared(library_.nvds_acquire_obj_meta_from_pool(batch_));
    meta->unique_component_id = object.component_id;
    meta->detector_bbox_info.org_bbox_coords = to_coords(object.detector_box);
    meta->rect_params.border_color = to_color(object.border);
    meta->rect_params.border_width = object.border_width;
    write_state(meta, object);
    write_mask(meta, object);
    write_extras(meta, object);
    for (const Attribute &attribute : object.attributes) append_attribute(meta, object.component_id, attribute);
    append_user_data(meta, object.user);
    library_.nvds_add_obj_meta_to_frame(frame, meta, nth_object(frame, object.parent));
  }

  void update_object(uint32_t, void *handle, const Object &object) override {
    auto *meta = static_cast<NvDsObjectMeta *>(handle);
    write_state(meta, object);
    write_extras(meta, object);
    const std::vector<Attribute> known = read_attributes(meta);
    for (const Attribute &attribute : object.attributes)
      if (!has_attribute(known, attribute)) append_attribute(meta, object.component_id, attribute);
    append_user_data(meta, object.user);
  }

  void remove_object(uint32_t index, void *handle) override {
    NvDsFrameMeta *frame = frames_.at(index);
    // The library leaves the children alone, and the element would be somebody else's soon.
    for (NvDsObjectMeta *meta : oldest_first(frame))
      if (meta->parent == handle) meta->parent = nullptr;
    library_.nvds_remove_obj_meta_from_frame(frame, static_cast<NvDsObjectMeta *>(handle));
  }

  void set_inferred(uint32_t index) override { frames_.at(index)->bInferDone = TRUE; }

  void add_event(uint32_t index, const Event &event) override {
    add_to_frame(index, user_meta(library_.event, new_event(event), copy_event, release_event));
  }

  bool add_user_data(uint32_t index, const UserData &user) override {
    if (!user.bytes.empty()) add_to_frame(index, module_meta(user));
    return true;
  }

  void add_tensors(uint32_t index, void *handle, NetworkOutput output) override {
    NvDsUserMeta *user =
        user_meta(NVDSINFER_TENSOR_OUTPUT_META, new_tensors(std::move(output)), copy_tensors, release_tensors);
    if (handle) return library_.nvds_add_user_meta_to_obj(static_cast<NvDsObjectMeta *>(handle), user);
    add_to_frame(index, user);
  }

 private:
  static std::vector<NvDsObjectMeta *> oldest_first(const NvDsFrameMeta *frame) {
    std::vector<NvDsObjectMeta *> metas;
    metas.reserve(frame->num_obj_meta);
    for (GList *l = g_list_last(frame->obj_meta_list); l; l = l->prev)
      metas.push_back(static_cast<NvDsObjectMeta *>(l->data));
    return metas;
  }

  // The object that objects() gives at `index`; nullptr for -1.
  static NvDsObjectMeta *nth_object(const NvDsFrameMeta *frame, int index) {
    if (index < 0) return nullptr;
    const std::vector<NvDsObjectMeta *> metas = oldest_first(frame);
    return static_cast<size_t>(index) < metas.size() ? metas[static_cast<size_t>(index)] : nullptr;
  }

  // All but the parent, which is an index in the caller's list.
  Object read_object(const NvDsObjectMeta *meta) const {
    const NvOSD_RectParams &rect = meta->rect_params;
    Object object;
    object.component_id = meta->unique_component_id;
    object.class_id = meta->class_id;
    object.object_id = meta->object_id;
    object.box = {rect.left, rect.top, rect.width, rect.height};
    object.detector_box = from_coords(meta->detector_bbox_info.org_bbox_coords);
    object.tracker_box = from_coords(meta->tracker_bbox_info.org_bbox_coords);
    object.angle_degrees = angle_of(rect, 0);
    object.confidence = meta->confidence;
    object.tracker_confidence = meta->tracker_confidence;
    object.label.assign(meta->obj_label, strnlen(meta->obj_label, sizeof meta->obj_label));
    object.border = {rect.border_color.red, rect.border_color.green, rect.border_color.blue, rect.border_color.alpha};
    object.border_width = rect.border_width;
    read_mask(meta, &object);
    if (const ObjectExtras *extras = find_extras(meta->obj_user_meta_list, library_.object_extras)) {
      object.track_state = extras->track_state;
      object.track_age = extras->track_age;
      object.keypoints = extras->keypoints;
    }
    object.attributes = read_attributes(meta);
    return object;
  }

  // Only where there is something to say: an object as nvinfer's own otherwise. Keypoints stay when an update has none.
  void write_extras(NvDsObjectMeta *meta, const Object &object) {
    ObjectExtras *known = find_extras(meta->obj_user_meta_list, library_.object_extras);
    const bool tracked = object.track_state != TrackState::None || object.track_age != 0;
    if (!known && !tracked && object.keypoints.empty()) return;
    if (!known) {
      known = new ObjectExtras;
      library_.nvds_add_user_meta_to_obj(meta, user_meta(library_.object_extras, known, copy_extras, release_extras));
      known->keypoints = object.keypoints;
    }
    known->track_state = object.track_state;
    known->track_age = object.track_age;
  }

  void append_attribute(NvDsObjectMeta *meta, int component_id, const Attribute &attribute) {
    NvDsClassifierMeta *classifier = cleared(library_.nvds_acquire_classifier_meta_from_pool(batch_));
    classifier->unique_component_id = component_id;
    // Borrowed by the meta and by its copies, for ever.
    classifier->classifier_type = g_intern_string(attribute.type.c_str());
    NvDsLabelInfo *label = cleared(library_.nvds_acquire_label_info_meta_from_pool(batch_));
    cut_label(label->result_label, attribute.label);
    set_long_label(*label, attribute.label, 0);
    label->result_class_id = attribute.class_id;
    label->result_prob = attribute.confidence;
    library_.nvds_add_label_info_meta_to_classifier(classifier, label);
    library_.nvds_add_classifier_meta_to_object(meta, classifier);
  }

  void append_user_data(NvDsObjectMeta *meta, const UserData &user) {
    if (!user.bytes.empty()) library_.nvds_add_user_meta_to_obj(meta, module_meta(user));
  }

  NvDsUserMeta *module_meta(const UserData &user) {
    return user_meta(library_.module, new_module_data(user), copy_module_data, release_module_data);
  }

  void add_to_frame(uint32_t index, NvDsUserMeta *user) {
    library_.nvds_add_user_meta_to_frame(frames_.at(index), user);
  }

  NvDsUserMeta *user_meta(NvDsMetaType type, void *data, NvDsMetaCopyFunc copy, NvDsMetaReleaseFunc release) {
    return acquire_user_meta(library_, batch_, type, data, copy, release);
  }

  NvDsBatchMeta *batch_;
  const Library &library_;
  std::vector<NvDsFrameMeta *> frames_;
};

}  // namespace

bool supported() { return true; }

bool present(const GstBuffer *buffer) { return batch_of(buffer) != nullptr; }

std::unique_ptr<MetadataBatch> open(GstBuffer *buffer, std::string *error) {
  NvDsBatchMeta *batch = batch_of(buffer);
  const Library *functions = library(error);
  if (!functions || !fits(batch, error)) return nullptr;
  return std::make_unique<NvdsMetadataBatch>(batch, *functions);
}

}  // namespace nj::nvds

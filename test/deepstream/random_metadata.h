// NvDs metadata made of a seed: what applications, nvinfer and nvtracker may put on a buffer.
#pragma once

#include <nvdsmeta_schema.h>

#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "metadata/nvds.h"
#include "nvds_frames.h"

namespace nvds_for_tests {

class RandomMetadata {
 public:
  // `frames`: objects on frames (msg2p-newapi); otherwise event messages.
  RandomMetadata(unsigned seed, bool frames) : random_(seed) {
    buffer_ = gst_buffer_new();
    add_batch(buffer_, {{0, number(0, 100000)}, {3, number(0, 100000)}});
    for (guint i = 0; i < 2; i++) {
      NvDsFrameMeta *frame = nth_frame(buffer_, i);
      const int count = number(0, 5);
      for (int k = 0; k < count; k++) frames ? add_object(frame) : add_event(frame);
      if (frames && chance(0.2)) add_message(frame);
    }
  }
  ~RandomMetadata() {
    if (buffer_) gst_buffer_unref(buffer_);
  }
  RandomMetadata(const RandomMetadata &) = delete;
  RandomMetadata &operator=(const RandomMetadata &) = delete;

  // The caller owns it; what the metadata points at lives as long as this. Once.
  GstBuffer *buffer() const { return std::exchange(buffer_, nullptr); }

 private:
  int number(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  bool chance(double share) { return std::bernoulli_distribution(share)(random_); }
  float pixels() {
    const double scale = chance(0.1) ? 1e6 : 2000;
    return static_cast<float>(std::uniform_real_distribution<double>(-scale / 10, scale)(random_));
  }
  float share() { return static_cast<float>(std::uniform_real_distribution<double>(0, 1)(random_)); }
  guint64 id() {
    return chance(0.3) ? UNTRACKED_OBJECT_ID : std::uniform_int_distribution<guint64>(0, G_MAXUINT64)(random_);
  }
  const char *word() {
    static const char *words[] = {"car",  "person", "",     "a|b",  "say \"hi\"", "back\\slash", "tab\there", "größe",
                                  "a\nb", "/",      "\x7f", "\x01", "🚗",          "日本",        "road sign"};
    return words[number(0, G_N_ELEMENTS(words) - 1)];
  }
  gchar *text() { return texts_.emplace_back(word()).data(); }

  void add_object(NvDsFrameMeta *frame) {
    NvDsBatchMeta *batch = frame->base_meta.batch_meta;
    NvDsObjectMeta *object = nvds_acquire_obj_meta_from_pool(batch);
    object->unique_component_id = number(1, 20);
    object->class_id = number(0, 80);
    object->object_id = id();
    object->confidence = chance(0.1) ? -0.1f : share();
    object->tracker_confidence = share();
    object->rect_params.left = pixels();
    object->rect_params.top = pixels();
    object->rect_params.width = pixels();
    object->rect_params.height = pixels();
    g_strlcpy(object->obj_label, word(), sizeof object->obj_label);
    object->text_params.display_text = g_strdup(word());
    for (int i = number(0, 3); i > 0; i--) add_classifier(object);
    NvDsObjectMeta *parent = chance(0.2) ? newest_object(frame) : nullptr;
    nvds_add_obj_meta_to_frame(frame, object, parent);
  }

  void add_classifier(NvDsObjectMeta *object) {
    static const char *types[] = {"color", "make", "", nullptr};
    NvDsBatchMeta *batch = object->base_meta.batch_meta;
    NvDsClassifierMeta *classifier = nvds_acquire_classifier_meta_from_pool(batch);
    classifier->classifier_type = types[number(0, 3)];
    for (int i = number(0, 3); i > 0; i--) {
      NvDsLabelInfo *label = nvds_acquire_label_info_meta_from_pool(batch);
      g_strlcpy(label->result_label, word(), sizeof label->result_label);
      label->result_class_id = static_cast<guint>(number(0, 9));
      label->result_prob = share();
      nvds_add_label_info_meta_to_classifier(classifier, label);
    }
    nvds_add_classifier_meta_to_object(object, classifier);
  }

  void attach(NvDsFrameMeta *frame, NvDsMetaType type, void *data) {
    NvDsUserMeta *user = nvds_acquire_user_meta_from_pool(frame->base_meta.batch_meta);
    user->base_meta.meta_type = type;
    user->base_meta.copy_func = nullptr;
    user->base_meta.release_func = nullptr;
    user->user_meta_data = data;
    nvds_add_user_meta_to_frame(frame, user);
  }

  void add_message(NvDsFrameMeta *frame) {
    const std::string &message = texts_.emplace_back(word());
    attach(frame, NVDS_CUSTOM_MSG_BLOB,
           &messages_.emplace_back(
               NvDsCustomMsgInfo{const_cast<char *>(message.data()), static_cast<guint>(message.size())}));
  }

  void add_event(NvDsFrameMeta *frame) {
    static const NvDsObjectType types[] = {
        NVDS_OBJECT_TYPE_VEHICLE,  NVDS_OBJECT_TYPE_PERSON,   NVDS_OBJECT_TYPE_FACE,        NVDS_OBJECT_TYPE_BAG,
        NVDS_OBJECT_TYPE_BICYCLE,  NVDS_OBJECT_TYPE_ROADSIGN, NVDS_OBJECT_TYPE_VEHICLE_EXT, NVDS_OBJECT_TYPE_PERSON_EXT,
        NVDS_OBJECT_TYPE_FACE_EXT, NVDS_OBJECT_TYPE_PRODUCT,  NVDS_OBJECT_TYPE_PRODUCT_EXT, NVDS_OBJECT_TYPE_UNKNOWN};
    NvDsEventMsgMeta &event = events_.emplace_back();
    event.type = static_cast<NvDsEventType>(number(NVDS_EVENT_ENTRY, NVDS_EVENT_RESET));
    event.objType = types[number(0, G_N_ELEMENTS(types) - 1)];
    event.bbox = {pixels(), pixels(), pixels(), pixels()};
    event.location = {pixels(), pixels(), pixels()};
    event.coordinate = {pixels(), pixels(), pixels()};
    // Both have groups in the configuration.
    event.sensorId = event.placeId = event.moduleId = chance(0.5) ? 0 : 3;
    event.frameId = number(0, 1 << 20);
    event.confidence = share();
    event.trackingId = id();
    event.ts = texts_.emplace_back("2026-07-20T08:15:30.123Z").data();
    event.objectId = text();
    event.sensorStr = chance(0.3) ? text() : nullptr;
    event.videoPath = chance(0.3) ? text() : nullptr;
    if (chance(0.7)) add_extension(event);
    if (chance(0.2)) event.objSignature = {numbers(4), 4};
    if (chance(0.2)) event.embedding = {floats(5), 5};
    if (event.objType == NVDS_OBJECT_TYPE_PERSON && chance(0.3)) add_pose(event);
    if (chance(0.2)) add_3d(event);
    attach(frame, NVDS_EVENT_MSG_META, &event);
  }

  template <typename Extension>
  Extension &extend(NvDsEventMsgMeta &event, std::deque<Extension> &all) {
    event.extMsg = &all.emplace_back();
    event.extMsgSize = sizeof(Extension);
    return all.back();
  }

  void add_extension(NvDsEventMsgMeta &event) {
    switch (event.objType) {
      case NVDS_OBJECT_TYPE_VEHICLE:
      case NVDS_OBJECT_TYPE_VEHICLE_EXT: {
        NvDsVehicleObjectExt &vehicle = extend(event, vehicles_);
        vehicle = {text(), text(), text(), text(), text(), text(), mask(event)};
        break;
      }
      case NVDS_OBJECT_TYPE_PERSON:
      case NVDS_OBJECT_TYPE_PERSON_EXT: {
        NvDsPersonObjectExt &person = extend(event, persons_);
        person = {text(), text(), text(), text(), static_cast<guint>(number(0, 99)), mask(event)};
        break;
      }
      case NVDS_OBJECT_TYPE_FACE:
      case NVDS_OBJECT_TYPE_FACE_EXT: {
        NvDsFaceObjectExt &face = extend(event, faces_);
        face = {text(), text(), text(), text(), text(), text(), text(), static_cast<guint>(number(0, 99)), mask(event)};
        break;
      }
      case NVDS_OBJECT_TYPE_PRODUCT:
      case NVDS_OBJECT_TYPE_PRODUCT_EXT: {
        NvDsProductObjectExt &product = extend(event, products_);
        product = {text(), text(), text(), mask(event)};
        break;
      }
      default:
        break;
    }
  }

  // Polygons, for the types that have them; the others have no such field.
  GList *mask(const NvDsEventMsgMeta &event) {
    const bool extended = event.objType == NVDS_OBJECT_TYPE_VEHICLE_EXT ||
                          event.objType == NVDS_OBJECT_TYPE_PERSON_EXT || event.objType == NVDS_OBJECT_TYPE_FACE_EXT ||
                          event.objType == NVDS_OBJECT_TYPE_PRODUCT_EXT;
    GList *polygons = nullptr;
    for (int i = extended ? number(0, 2) : 0; i > 0; i--) {
      GArray *polygon = g_array_new(FALSE, FALSE, sizeof(gdouble));
      for (int k = 2 * number(3, 5); k > 0; k--) {
        const gdouble value = pixels();
        g_array_append_val(polygon, value);
      }
      polygons = g_list_prepend(polygons, polygon);
    }
    return polygons;
  }

  double *numbers(int count) {
    std::vector<double> &all = doubles_.emplace_back();
    for (int i = 0; i < count; i++) all.push_back(pixels());
    return all.data();
  }

  float *floats(int count) {
    std::vector<float> &all = floats_.emplace_back();
    for (int i = 0; i < count; i++) all.push_back(pixels());
    return all.data();
  }

  void add_pose(NvDsEventMsgMeta &event) {
    std::vector<NvDsJoint> &joints = joints_.emplace_back();
    for (int i = number(1, 18); i > 0; i--) joints.push_back({pixels(), pixels(), pixels(), share()});
    event.pose = {joints.data(), static_cast<int>(joints.size()), number(0, 2)};
  }

  void add_3d(NvDsEventMsgMeta &event) {
    std::vector<gint> &points = points_.emplace_back();
    for (int i = 2 * number(1, 4); i > 0; i--) points.push_back(number(-10, 2000));
    event.has3DTracking = true;
    event.visibility = share();
    event.singleView3DTracking.ptWorldFeet[0] = pixels();
    event.singleView3DTracking.ptWorldFeet[1] = pixels();
    event.singleView3DTracking.ptImgFeet[0] = pixels();
    event.singleView3DTracking.ptImgFeet[1] = pixels();
    event.singleView3DTracking.convexHull = {points.data(), static_cast<guint>(points.size() / 2)};
  }

  std::mt19937 random_;
  mutable GstBuffer *buffer_ = nullptr;
  std::deque<std::string> texts_;
  std::deque<NvDsCustomMsgInfo> messages_;
  std::deque<NvDsEventMsgMeta> events_;
  std::deque<NvDsVehicleObjectExt> vehicles_;
  std::deque<NvDsPersonObjectExt> persons_;
  std::deque<NvDsFaceObjectExt> faces_;
  std::deque<NvDsProductObjectExt> products_;
  std::deque<std::vector<double>> doubles_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<NvDsJoint>> joints_;
  std::deque<std::vector<gint>> points_;
};

// The same metadata on a new buffer as Nightjar's own. Takes the buffer.
inline GstBuffer *as_nj(GstBuffer *nvds) {
  GstBuffer *buffer = gst_buffer_new();
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 2);
  std::string error;
  REQUIRE(nj::nvds::visit_frames(
      nvds, [batch](guint, const NjFrameMeta *frame) { nj_batch_copy_frame(batch, frame); }, &error));
  gst_buffer_unref(nvds);
  return buffer;
}

}  // namespace nvds_for_tests

#include "object_records.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../infer/object_reader.h"

namespace nj {

namespace {

constexpr float kDegreesPerRadian = 57.29577951f;
constexpr float kTrackerOnly = -0.1f;  // confidence of objects that no detector saw in this frame, as NvDs writes it

uint32_t flags_of(const Object &object) {
  if (object.object_id == kUntrackedObject) return 0;
  if (object.track_state == TrackState::New) return link::kObjectTracked | link::kObjectNew;
  return object.track_state == TrackState::Predicted ? link::kObjectTracked | link::kObjectPredicted
                                                     : link::kObjectTracked;
}

// Elements of others may say NaN. A module that passes it on would lose the results of the whole batch.
float number(float value) { return std::isfinite(value) ? value : 0; }

link::ObjectRecord to_record(const Object &object) {
  link::ObjectRecord record = {};
  record.left = number(object.box.left);
  record.top = number(object.box.top);
  record.width = number(object.box.width);
  record.height = number(object.box.height);
  record.angle = number(object.angle_degrees / kDegreesPerRadian);
  record.confidence = number(object.confidence);
  record.class_id = object.class_id;
  record.object_id = object.object_id;
  record.flags = flags_of(object);
  record.tracker_confidence = number(object.tracker_confidence);
  record.parent = object.parent;
  record.input = -1;
  record.component_id = object.component_id;
  record.age = object.track_age;
  return record;
}

TrackState track_state(const link::ObjectRecord &record) {
  if (!(record.flags & link::kObjectTracked)) return TrackState::None;
  if (record.flags & link::kObjectNew) return TrackState::New;
  return record.flags & link::kObjectPredicted ? TrackState::Predicted : TrackState::Active;
}

template <size_t kSize>
std::string text_of(const char (&text)[kSize]) {
  return std::string(text, strnlen(text, kSize));
}

bool finite(const link::ObjectRecord &r) {
  return std::isfinite(r.left) && std::isfinite(r.top) && std::isfinite(r.width) && std::isfinite(r.height) &&
         std::isfinite(r.angle);
}

std::string unknown_label(int class_id) { return "class_" + std::to_string(class_id); }

// `object`: nullptr when the event is about none of this frame.
std::string label_of_event(const link::EventRecord &event, const link::ObjectRecord *object,
                           const std::vector<Object> &inputs, const LabelMemory &labels) {
  if (event.class_id < 0) return {};
  if (!object) return labels.find(event.class_id);
  const bool is_continued = object->input >= 0 && static_cast<size_t>(object->input) < inputs.size();
  const bool is_same_class = is_continued && inputs[object->input].class_id == object->class_id;
  return is_same_class ? inputs[object->input].label
                       : labels.find(static_cast<int>(object->component_id), object->class_id);
}

void take_tracking(Object &object, const link::ObjectRecord &record, uint32_t frame_width, uint32_t frame_height) {
  object.track_state = track_state(record);
  if (object.track_state == TrackState::None) return;
  object.object_id = record.object_id;
  object.track_age = record.age;
  object.tracker_confidence = record.tracker_confidence;
  if (!finite(record)) return;
  object.tracker_box = {record.left, record.top, record.width, record.height};
  object.angle_degrees = record.angle * kDegreesPerRadian;
  const Box inside = clipped(object.tracker_box, frame_width, frame_height);
  // A rotated box stays whole: cutting its upright box would move what is drawn.
  if (inside.width > 0) object.box = object.angle_degrees != 0 ? object.tracker_box : inside;
}

// The aux bytes of a frame, filled from the start.
struct Arena {
  uint8_t *at;
  size_t capacity;
  size_t mask_room = 0;
  size_t used = 0;

  bool add(const void *data, size_t bytes) {
    if (bytes == 0 || bytes > capacity - used) return false;
    std::memcpy(at + used, data, bytes);
    used += bytes;
    return true;
  }
};

template <typename T>
size_t bytes_of(const std::vector<T> &values) {
  return values.size() * sizeof(T);
}

size_t attribute_bytes(const Object &object) { return object.attributes.size() * sizeof(RecordExtras::Attribute); }

// The group is the place of its type among those of the object: a record has no room for texts.
std::vector<RecordExtras::Attribute> attributes_of(const Object &object) {
  std::vector<RecordExtras::Attribute> attributes;
  std::vector<std::string> types;
  for (const Attribute &attribute : object.attributes) {
    const auto known = std::find(types.begin(), types.end(), attribute.type);
    const auto group = static_cast<uint32_t>(known - types.begin());
    if (known == types.end()) types.push_back(attribute.type);
    attributes.push_back({group, attribute.class_id, attribute.confidence});
  }
  return attributes;
}

// What finds no room is left out: mask, keypoints or attributes, each whole.
void write_extras(const Object &object, link::ObjectRecord &record, Arena &arena) {
  const size_t begin = arena.used;
  const size_t mask_bytes = bytes_of(object.mask);
  const bool is_whole = object.mask.size() == size_t{object.mask_width} * object.mask_height;
  if (is_whole && mask_bytes <= arena.mask_room && arena.add(object.mask.data(), mask_bytes)) {
    arena.mask_room -= mask_bytes;
    record.mask_width = object.mask_width;
    record.mask_height = object.mask_height;
  }
  if (arena.add(object.keypoints.data(), bytes_of(object.keypoints))) record.keypoints = object.keypoints.size();
  if (arena.add(attributes_of(object).data(), attribute_bytes(object))) record.attributes = object.attributes.size();
  record.aux_bytes = arena.used - begin;
  record.aux = record.aux_bytes > 0 ? begin : 0;
}

}  // namespace

uint32_t write_records(const std::vector<Object> &objects, link::ObjectRecord *records, uint32_t max_objects,
                       uint8_t *aux, uint32_t aux_bytes, uint32_t *aux_used) {
  const uint32_t count = std::min<size_t>(objects.size(), max_objects);
  Arena arena{aux, aux ? aux_bytes : 0};
  size_t small = 0;  // masks leave room for the rest of all objects
  for (uint32_t i = 0; i < count; i++) small += bytes_of(objects[i].keypoints) + attribute_bytes(objects[i]);
  arena.mask_room = arena.capacity > small ? arena.capacity - small : 0;
  for (uint32_t i = 0; i < count; i++) {
    records[i] = to_record(objects[i]);
    if (records[i].parent >= static_cast<int32_t>(count)) records[i].parent = -1;
    write_extras(objects[i], records[i], arena);
  }
  *aux_used = arena.used;
  return count;
}

void LabelMemory::learn(const std::vector<Object> &objects) {
  for (const Object &object : objects) {
    std::string &label = labels_[{object.component_id, object.class_id}];
    if (label != object.label) label = object.label;
    std::string &last = last_[object.class_id];
    if (last != object.label) last = object.label;
  }
}

std::string LabelMemory::find(int component_id, int class_id) const {
  const auto known = labels_.find({component_id, class_id});
  // A tracker may not say who had found what it predicts.
  return known == labels_.end() ? find(class_id) : known->second;
}

std::string LabelMemory::find(int class_id) const {
  const auto known = last_.find(class_id);
  return known == last_.end() ? unknown_label(class_id) : known->second;
}

bool is_unchanged(const Object &object, const link::ObjectRecord &record) {
  const link::ObjectRecord before = to_record(object);
  return record.left == before.left && record.top == before.top && record.width == before.width &&
         record.height == before.height && record.angle == before.angle && record.flags == before.flags &&
         record.object_id == before.object_id && record.class_id == before.class_id && record.age == before.age &&
         record.tracker_confidence == before.tracker_confidence;
}

Object continued(const Object &object, const link::ObjectRecord &record, const LabelMemory &labels,
                 uint32_t frame_width, uint32_t frame_height) {
  Object result = object;
  result.attributes.clear();  // those of the object stay as they are; only new ones would be listed here
  if (record.class_id != object.class_id) {
    result.class_id = record.class_id;
    result.label = labels.find(object.component_id, record.class_id);
  }
  if (!is_unchanged(object, record)) take_tracking(result, record, frame_width, frame_height);
  return result;
}

Object created(const link::ObjectRecord &record, int component_id, const LabelMemory &labels, uint32_t frame_width,
               uint32_t frame_height) {
  Object object;
  object.component_id = record.component_id ? static_cast<int>(record.component_id) : component_id;
  object.class_id = record.class_id;
  object.label = labels.find(object.component_id, record.class_id);
  object.confidence = kTrackerOnly;
  take_tracking(object, record, frame_width, frame_height);
  if (object.track_state == TrackState::None && finite(record))
    object.box = clipped({record.left, record.top, record.width, record.height}, frame_width, frame_height);
  return object;
}

std::vector<uint8_t> user_of(const link::ObjectRecord &record, const uint8_t *aux) {
  if (record.user_bytes == 0 || !aux) return {};
  const size_t before = size_t{record.mask_width} * record.mask_height * sizeof(float) +
                        size_t{record.keypoints} * sizeof(Keypoint) +
                        size_t{record.attributes} * sizeof(RecordExtras::Attribute);
  const uint8_t *begin = aux + record.aux + before;
  return {begin, begin + record.user_bytes};
}

std::vector<uint8_t> user_of(const link::FrameRecord &record, const uint8_t *aux) {
  if (record.user_bytes == 0 || !aux) return {};
  return {aux + record.user, aux + record.user + record.user_bytes};
}

Event read_event(const link::EventRecord &record, const link::ObjectRecord *objects, uint32_t count,
                 const std::vector<Object> &inputs, const LabelMemory &labels) {
  const bool has_object = record.object >= 0 && static_cast<uint32_t>(record.object) < count;
  const link::ObjectRecord *object = has_object ? &objects[record.object] : nullptr;
  Event event;
  event.type = text_of(record.type);
  event.rule = text_of(record.rule);
  event.label = text_of(record.label);
  if (event.label.empty()) event.label = label_of_event(record, object, inputs, labels);
  event.object_id = record.object_id;
  event.class_id = record.class_id;
  event.x = record.x;
  event.y = record.y;
  event.value = record.value;
  event.flags = record.flags;
  if (object) event.confidence = object->confidence;
  return event;
}

}  // namespace nj

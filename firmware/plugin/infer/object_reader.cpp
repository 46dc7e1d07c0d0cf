#include "object_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nj {

namespace {

constexpr int kLargestClassId = 65535;  // trackers keep it in 16 bits
constexpr float kDegreesPerRadian = 57.29577951f;
// Smaller angles are axis-aligned, as for drawing.
constexpr float kSmallestAngle = 0.001f;

bool finite(const link::ObjectRecord &r) {
  return std::isfinite(r.left) && std::isfinite(r.top) && std::isfinite(r.width) && std::isfinite(r.height) &&
         std::isfinite(r.angle) && std::isfinite(r.confidence);
}

// The rows and columns of a mask that lie over `part` of `whole`, so that the mask still fits the clipped box.
void crop_mask(Object &object, const Box &whole, const Box &part) {
  if (object.mask.empty() || whole.width <= 0 || whole.height <= 0) return;
  const auto cells = [](float offset, float extent, float full, uint32_t count) {
    const auto begin = std::min<uint32_t>(std::lround(offset / full * count), count - 1);
    const auto end = std::clamp<uint32_t>(std::lround((offset + extent) / full * count), begin + 1, count);
    return std::pair{begin, end};
  };
  const auto [left, right] = cells(part.left - whole.left, part.width, whole.width, object.mask_width);
  const auto [top, bottom] = cells(part.top - whole.top, part.height, whole.height, object.mask_height);
  std::vector<float> cut;
  cut.reserve(size_t{right - left} * (bottom - top));
  for (uint32_t row = top; row < bottom; row++) {
    const float *cells_of_row = object.mask.data() + size_t{row} * object.mask_width;
    cut.insert(cut.end(), cells_of_row + left, cells_of_row + right);
  }
  object.mask = std::move(cut);
  object.mask_width = right - left;
  object.mask_height = bottom - top;
}

// Reads `count` values of a frame's arena, which aligns to 4 bytes only.
template <typename Value>
bool take(const uint8_t *&at, const uint8_t *end, size_t count, std::vector<Value> &values) {
  if (static_cast<size_t>(end - at) < count * sizeof(Value)) return false;
  values.resize(count);
  if (count) std::memcpy(values.data(), at, count * sizeof(Value));
  at += count * sizeof(Value);
  return true;
}

bool passes(const Object &object, const InferSettings &settings) {
  return !settings.filter_out.count(object.class_id) && object.confidence >= settings.threshold(object.class_id) &&
         settings.detected.allow(object.box.width, object.box.height);
}

}  // namespace

Box to_frame(const Box &network, const Geometry &g) {
  return {(network.left - g.offset_x) / g.scale_x, (network.top - g.offset_y) / g.scale_y, network.width / g.scale_x,
          network.height / g.scale_y};
}

Box clipped(const Box &box, uint32_t frame_width, uint32_t frame_height) {
  const float left = std::max(box.left, 0.f), top = std::max(box.top, 0.f);
  const float right = std::min(box.left + box.width, static_cast<float>(frame_width));
  const float bottom = std::min(box.top + box.height, static_cast<float>(frame_height));
  if (right <= left || bottom <= top) return {};
  // Unclipped sides keep their exact numbers.
  const bool same_width = left == box.left && right == box.left + box.width;
  const bool same_height = top == box.top && bottom == box.top + box.height;
  return {left, top, same_width ? box.width : right - left, same_height ? box.height : bottom - top};
}

RecordExtras read_extras(const link::ObjectRecord &record, const uint8_t *aux, size_t aux_bytes) {
  RecordExtras extras;
  if (!aux || record.aux > aux_bytes || record.aux_bytes > aux_bytes - record.aux) return extras;
  const uint8_t *at = aux + record.aux, *end = at + record.aux_bytes;
  if (!take(at, end, size_t{record.mask_width} * record.mask_height, extras.mask)) return extras;
  if (!take(at, end, record.keypoints, extras.keypoints)) return extras;
  take(at, end, record.attributes, extras.attributes);
  return extras;
}

bool is_whole_picture(const link::ObjectRecord &record) {
  return record.attributes > 0 && record.width == 0 && record.height == 0;
}

std::string label_of(const EngineInfo &info, int class_id) {
  if (class_id >= 0 && static_cast<size_t>(class_id) < info.labels.size()) return info.labels[class_id];
  return "class_" + std::to_string(class_id);
}

std::vector<Attribute> read_attributes(const RecordExtras &extras, const ReadContext &context) {
  const std::string &own = context.settings.classifier_type;
  const std::string &type = own.empty() ? context.info.bundle_name : own;
  std::vector<Attribute> attributes;
  for (const RecordExtras::Attribute &found : extras.attributes) {
    if (!std::isfinite(found.confidence) || found.confidence < context.settings.threshold(found.class_id)) continue;
    // A model with several heads numbers them; the first keeps the plain name.
    const std::string group = found.group ? type + "-" + std::to_string(found.group) : type;
    attributes.push_back({group, label_of(context.info, found.class_id), found.class_id, found.confidence});
  }
  return attributes;
}

std::optional<Object> read_object(const link::ObjectRecord &record, const RecordExtras &extras,
                                  const ReadContext &context) {
  if (!finite(record) || record.class_id < 0 || record.class_id > kLargestClassId) return std::nullopt;
  Object object;
  object.component_id = context.unique_id;
  object.class_id = record.class_id;
  object.confidence = std::clamp(record.confidence, 0.f, 1.f);
  object.label = label_of(context.info, record.class_id);
  object.detector_box = to_frame({record.left, record.top, record.width, record.height}, context.geometry);
  object.box = clipped(object.detector_box, context.frame_width, context.frame_height);
  if (object.box.width <= 0) return std::nullopt;
  const float degrees = record.angle * kDegreesPerRadian;
  const bool rotated = std::abs(degrees) > kSmallestAngle;
  // Cutting the upright box of a rotated one would move what is drawn: it stays whole.
  if (rotated) object.box = object.detector_box;
  object.angle_degrees = rotated ? degrees : 0;
  if (!passes(object, context.settings)) return std::nullopt;

  object.mask = extras.mask;
  object.mask_width = extras.mask.empty() ? 0 : record.mask_width;
  object.mask_height = extras.mask.empty() ? 0 : record.mask_height;
  if (!rotated) crop_mask(object, object.detector_box, object.box);
  for (const Keypoint &point : extras.keypoints) {
    const Box at = to_frame({point.x, point.y, 0, 0}, context.geometry);
    object.keypoints.push_back({at.left, at.top, point.confidence});
  }
  object.attributes = read_attributes(extras, context);
  return object;
}

}  // namespace nj

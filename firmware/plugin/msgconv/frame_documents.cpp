// nvmsgconv's schemas, new API: straight from frame and object metas.
//
// Coordinates are the frame's pixels. nvmsgconv means to scale them from the muxer's to the source's resolution, but
// its factor is always 1; our muxer never scales, so they are the source's pixels here.
#include <cstring>

#include "documents.h"
#include "text.h"

namespace nj::msgconv {

namespace {

Json frame_place_json(const Context &context, int number) {
  if (!context.site) return {};
  const auto found = context.site->places.find(number);
  if (found == context.site->places.end()) return {};
  const Place &place = found->second;
  Json sub_field = Json::object()
                       .set("id", place.sub_fields[0])
                       .set("name", place.sub_fields[1])
                       .set("level", place.sub_fields[2])
                       .set("coordinate", place_coordinate_json(place));
  return place_json(place).set("place-sub-field", std::move(sub_field));
}

// Confidence and one member per classifier label: {"confidence": 0.9, "color": "blue"}.
Json attributes_json(const NjObjectMeta *object) {
  Json attributes = Json::object().set("confidence", static_cast<double>(object->confidence));
  for (const GList *c = object->classifier_meta_list; c; c = c->next) {
    const auto *classifier = static_cast<const NjClassifierMeta *>(c->data);
    if (!classifier->classifier_type || !*classifier->classifier_type) continue;
    for (const GList *l = classifier->label_info_list; l; l = l->next) {
      attributes.set(classifier->classifier_type, static_cast<const NjLabelInfo *>(l->data)->result_label);
    }
  }
  return attributes;
}

Json object_json(const NjObjectMeta *object) {
  const NjRectParams &rect = object->rect_params;
  return Json::object()
      .set("id", std::to_string(object->object_id))
      .set("speed", 0.0)
      .set("direction", 0.0)
      .set("orientation", 0.0)
      .set(object->obj_label, attributes_json(object))
      .set("bbox", bbox_json(rect.left, rect.top, rect.width, rect.height))
      .set("location", Json::object())
      .set("coordinate", Json::object());
}

// Texts that the application attached to the frame.
Json custom_messages(const NjFrameMeta *frame) {
  Json messages = Json::array();
  for (const GList *u = frame->frame_user_meta_list; u; u = u->next) {
    const auto *user = static_cast<const NjUserMeta *>(u->data);
    if (user->meta_type == NJ_CUSTOM_MSG_BLOB && user->user_meta_data) {
      messages.add(static_cast<const char *>(user->user_meta_data));
    }
  }
  return messages;
}

void add_custom_messages(Json &document, const NjFrameMeta *frame) {
  Json messages = custom_messages(frame);
  if (!messages.empty()) document.set("customMessage", std::move(messages));
}

// "|#|label1|label2|confidence", or nothing for an object that no classifier saw.
std::string classifier_text(const NjObjectMeta *object) {
  if (!object->classifier_meta_list) return "";
  std::string text = "|#";
  for (const GList *c = object->classifier_meta_list; c; c = c->next) {
    const auto *classifier = static_cast<const NjClassifierMeta *>(c->data);
    for (const GList *l = classifier->label_info_list; l; l = l->next) {
      text += std::string("|") + static_cast<const NjLabelInfo *>(l->data)->result_label;
    }
  }
  return text + "|" + six_digits(object->confidence);
}

std::string object_text(const NjObjectMeta *object) {
  const NjRectParams &rect = object->rect_params;
  const float right = rect.left + rect.width, bottom = rect.top + rect.height;
  return std::to_string(object->object_id) + "|" + six_digits(rect.left) + "|" + six_digits(rect.top) + "|" +
         six_digits(right) + "|" + six_digits(bottom) + "|" + object->obj_label + classifier_text(object);
}

}  // namespace

Json frame_full(const Context &context, const NjFrameMeta *frame, const NjObjectMeta *object,
                const std::string &timestamp) {
  const int number = static_cast<int>(frame->source_id);
  Json document = Json::object();
  document.set("messageid", context.environment->uuid())
      .set("mdsversion", "1.0")
      .set("@timestamp", timestamp)
      .set("place", frame_place_json(context, number))
      .set("sensor", sensor_json(context, number))
      .set("analyticsModule", analytics_json(context, number))
      .set("object", object_json(object))
      .set("event", Json::object().set("id", context.environment->uuid()).set("type", ""))
      .set("videoPath", "");
  add_custom_messages(document, frame);
  return document;
}

Json frame_minimal(const Context &context, const NjFrameMeta *frame, const std::string &timestamp) {
  Json objects = Json::array();
  for (const GList *o = frame->obj_meta_list; o; o = o->next) {
    objects.add(object_text(static_cast<const NjObjectMeta *>(o->data)));
  }
  Json document = Json::object();
  document.set("version", "4.0")
      .set("id", std::to_string(frame->frame_num))
      .set("@timestamp", timestamp)
      .set("sensorId", frame_sensor_id(context, frame))
      .set("objects", std::move(objects));
  add_custom_messages(document, frame);
  return document;
}

}  // namespace nj::msgconv

// What Nightjar adds to nvmsgconv's payloads. 64-bit numbers are decimal strings, as nvmsgconv's own object ids are:
// many JSON readers know only doubles.
#include <cstring>

#include "documents.h"
#include "module_data.h"
#include "text.h"

namespace nj::msgconv {

namespace {

const char *track_state_name(NjTrackState state) {
  switch (state) {
    case NJ_TRACK_NEW:
      return "new";
    case NJ_TRACK_ACTIVE:
      return "active";
    case NJ_TRACK_PREDICTED:
      return "predicted";
    default:
      return "none";
  }
}

Json keypoints_json(const NjObjectMeta *object) {
  Json points = Json::array();
  for (guint i = 0; i < object->num_keypoints; i++) {
    const NjKeypoint &point = object->keypoints[i];
    points.add(Json::object()
                   .set("x", static_cast<double>(point.x))
                   .set("y", static_cast<double>(point.y))
                   .set("confidence", static_cast<double>(point.confidence)));
  }
  return points;
}

void add_module_data(Json &json, const GList *user_metas) {
  Json data = module_data_json(user_metas);
  if (!data.empty()) json.set("user", std::move(data));
}

Json object_extension(const NjObjectMeta *object) {
  const NjRectParams &rect = object->rect_params;
  Json json = Json::object();
  json.set("id", std::to_string(object->object_id))
      .set("classId", Json::integer(object->class_id))
      .set("label", object->obj_label)
      .set("confidence", static_cast<double>(object->confidence))
      .set("box", Json::object()
                      .set("left", static_cast<double>(rect.left))
                      .set("top", static_cast<double>(rect.top))
                      .set("width", static_cast<double>(rect.width))
                      .set("height", static_cast<double>(rect.height)))
      .set("angleDegrees", static_cast<double>(rect.rotation_angle));
  if (object->track_state != NJ_TRACK_NONE) {
    json.set("track", Json::object()
                          .set("state", track_state_name(object->track_state))
                          .set("ageFrames", Json::integer(object->track_age)));
  }
  if (object->num_keypoints > 0) json.set("keypoints", keypoints_json(object));
  add_module_data(json, object->obj_user_meta_list);
  return json;
}

Json camera_json(const NjFrameMeta *frame) { return frame->sensor_id ? Json(frame->sensor_id) : Json(); }

void add_frame_fields(Json &json, const NjFrameMeta *frame) {
  json.set("source", Json::integer(frame->source_id))
      .set("camera", camera_json(frame))
      .set("frame", Json::integer(frame->frame_num))
      .set("captureNs", std::to_string(frame->ntp_timestamp))
      .set("ptsNs", std::to_string(frame->buf_pts))
      .set("width", Json::integer(frame->source_frame_width))
      .set("height", Json::integer(frame->source_frame_height));
}

// Fixed arrays of NjEvent may be full to the last byte.
template <size_t N>
std::string bounded(const gchar (&text)[N]) {
  return std::string(text, strnlen(text, N));
}

// "in" or "out" for a line that was crossed, null for events without a direction.
Json direction_json(const NjEvent *event) {
  if (event->flags & NJ_EVENT_IN) return Json("in");
  return event->flags & NJ_EVENT_OUT ? Json("out") : Json();
}

Json event_subject(const NjEvent *event) {
  if (event->object_id == NJ_UNTRACKED_OBJECT_ID && event->class_id < 0) return {};
  return Json::object()
      .set("id", std::to_string(event->object_id))
      .set("classId", Json::integer(event->class_id))
      .set("label", bounded(event->label))
      .set("confidence", static_cast<double>(event->confidence));
}

}  // namespace

Json nightjar_member(const Context &, const NjFrameMeta *frame, const NjObjectMeta *only) {
  Json json = Json::object().set("version", "1.0");
  add_frame_fields(json, frame);
  json.set("inferred", Json::boolean(frame->bInferDone));
  if (only) return json.set("object", object_extension(only));
  add_module_data(json, frame->frame_user_meta_list);
  Json objects = Json::array();
  for (const GList *o = frame->obj_meta_list; o; o = o->next) {
    objects.add(object_extension(static_cast<const NjObjectMeta *>(o->data)));
  }
  return json.set("objects", std::move(objects));
}

Json nightjar_event(const Context &context, const NjFrameMeta *frame, const NjEvent *event,
                    const std::string &timestamp) {
  Json document = Json::object();
  document.set("version", "1.0")
      .set("id", context.environment->uuid())
      .set("@timestamp", timestamp)
      .set("sensorId", frame_sensor_id(context, frame))
      .set("type", bounded(event->type))
      .set("rule", bounded(event->rule))
      .set("value", event->value)
      .set("direction", direction_json(event))
      .set("position", Json::object().set("x", static_cast<double>(event->x)).set("y", static_cast<double>(event->y)))
      .set("object", event_subject(event));
  Json source = Json::object();
  add_frame_fields(source, frame);
  return document.set("nightjar", std::move(source));
}

}  // namespace nj::msgconv

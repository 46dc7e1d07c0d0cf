// nvmsgconv's minimal schema, event mode: one document per frame with all its events, each object one line of text.
#include "event_msg.h"
#include "pose.h"
#include "text.h"

namespace nj::msgconv {

namespace {

const char *type_name(const NjEventMsgMeta *event) {
  switch (event->objType) {
    case NJ_OBJECT_TYPE_VEHICLE:
      return "Vehicle";
    case NJ_OBJECT_TYPE_FACE:
      return "Face";
    case NJ_OBJECT_TYPE_PERSON:
      return "Person";
    case NJ_OBJECT_TYPE_BAG:
      return "Bag";
    case NJ_OBJECT_TYPE_BICYCLE:
      return "Bicycle";
    case NJ_OBJECT_TYPE_ROADSIGN:
      return "RoadSign";
    case NJ_OBJECT_TYPE_CUSTOM:
      return "Custom";
    case NJ_OBJECT_TYPE_PRODUCT:
      return "Product";
    case NJ_OBJECT_TYPE_UNKNOWN:
      return event->objectId ? event->objectId : "Unknown";
    default:
      return "Unknown";
  }
}

std::string or_empty(const gchar *text) { return text ? text : ""; }

std::string vehicle_text(const NjVehicleObject *vehicle) {
  return "|#|" + or_empty(vehicle->type) + "|" + or_empty(vehicle->make) + "|" + or_empty(vehicle->model) + "|" +
         or_empty(vehicle->color) + "|" + or_empty(vehicle->license) + "|" + or_empty(vehicle->region);
}

std::string person_text(const NjPersonObject *person) {
  return "|#|" + or_empty(person->gender) + "|" + std::to_string(person->age) + "|" + or_empty(person->hair) + "|" +
         or_empty(person->cap) + "|" + or_empty(person->apparel);
}

// The empty field before the colour of the eyes is nvmsgconv's.
std::string face_text(const NjFaceObject *face) {
  return "|#|" + or_empty(face->gender) + "|" + std::to_string(face->age) + "|" + or_empty(face->hair) + "|" +
         or_empty(face->cap) + "|" + or_empty(face->glasses) + "|" + or_empty(face->facialhair) + "|" +
         or_empty(face->name) + "||" + or_empty(face->eyecolor);
}

std::string product_text(const NjProductObject *product) {
  return "|#|" + or_empty(product->brand) + "|" + or_empty(product->type) + "|" + or_empty(product->shape);
}

std::string pose_text(const NjJoints &pose) {
  static const char *const heads[] = {"|#|pose2D|", "|#|pose25D|", "|#|pose3D|"};
  if (!pose.num_joints || pose.pose_type < 0 || pose.pose_type > 2) return "";
  std::string text = heads[pose.pose_type];
  for (int i = 0; i < pose.num_joints; i++) {
    const NjJoint &joint = pose.joints[i];
    const char *name = joint_name(pose.pose_type, i);
    if (!name) break;
    text += std::string(name) + "," + six_decimals(joint.x) + "," + six_decimals(joint.y) + ",";
    if (pose.pose_type != 0) text += six_decimals(joint.z) + ",";
    text += six_decimals(joint.confidence) + "|";
  }
  return text;
}

std::string attributes_text(const NjEventMsgMeta *event) {
  if (!event->extMsg || !event->extMsgSize) return "|#||||||";
  switch (event->objType) {
    case NJ_OBJECT_TYPE_VEHICLE:
    case NJ_OBJECT_TYPE_VEHICLE_EXT:
      return vehicle_text(extension_of<NjVehicleObject>(event));
    case NJ_OBJECT_TYPE_PERSON:
      return person_text(extension_of<NjPersonObject>(event)) + pose_text(event->pose);
    case NJ_OBJECT_TYPE_PERSON_EXT:
      return person_text(extension_of<NjPersonObject>(event));
    case NJ_OBJECT_TYPE_FACE:
    case NJ_OBJECT_TYPE_FACE_EXT:
      return face_text(extension_of<NjFaceObject>(event));
    case NJ_OBJECT_TYPE_PRODUCT:
    case NJ_OBJECT_TYPE_PRODUCT_EXT:
      return product_text(extension_of<NjProductObject>(event));
    default:
      return "";
  }
}

std::string object_text(const NjEventMsgMeta *event) {
  if (event->objType == NJ_OBJECT_TYPE_DUMMY) return "";
  const NjRect &box = event->bbox;
  const float right = box.left + box.width, bottom = box.top + box.height;
  return std::to_string(event->trackingId) + "|" + six_digits(box.left) + "|" + six_digits(box.top) + "|" +
         six_digits(right) + "|" + six_digits(bottom) + "|" + type_name(event) + attributes_text(event) + "|" +
         six_digits(event->confidence);
}

std::string embedding_text(const NjEmbedding &embedding) {
  if (!embedding.embedding_vector || !embedding.embedding_length) return "";
  std::string text = "|#|embedding|";
  for (guint i = 0; i < embedding.embedding_length; i++) {
    text += (i ? "," : "") + six_digits(embedding.embedding_vector[i]);
  }
  return text + "|";
}

std::string tracking_text(const NjEventMsgMeta *event) {
  if (!event->has3DTracking) return "";
  const Nj3DTracking &tracking = event->singleView3DTracking;
  std::string text = "#|SV3DT|" + six_decimals(event->visibility) + "|" + six_decimals(tracking.ptImgFeet[0]) + "," +
                     six_decimals(tracking.ptImgFeet[1]) + "|" + six_decimals(tracking.ptWorldFeet[0]) + "," +
                     six_decimals(tracking.ptWorldFeet[1]) + "|";
  for (guint i = 0; i < 2 * tracking.convexHull.numFilled; i++) {
    text += (i ? "," : "") + std::to_string(tracking.convexHull.points[i]);
  }
  return text + "|";
}

std::string mask_text(const NjEventMsgMeta *event, const GList *mask) {
  std::string text = std::to_string(event->trackingId) + "|" + std::to_string(g_list_length(const_cast<GList *>(mask)));
  for (const GList *m = mask; m; m = m->next) {
    const auto *polygon = static_cast<const GArray *>(m->data);
    if (m != mask) text += "|#";
    for (guint i = 0; i < polygon->len; i++) text += "|" + six_digits(g_array_index(polygon, gdouble, i));
  }
  return text;
}

Json masks_json(const std::vector<const NjEventMsgMeta *> &events) {
  Json masks = Json::array();
  for (const NjEventMsgMeta *event : events) {
    if (!event->extMsg) continue;
    if (const GList *mask = mask_of(event)) masks.add(mask_text(event, mask));
  }
  return masks;
}

// The config's sensor id ("" when it has no such group), or "0" without a config.
std::string config_sensor_id(const Context &context, int number) {
  if (!context.site) return "0";
  const auto found = context.site->sensors.find(number);
  return found == context.site->sensors.end() ? "" : found->second.id;
}

Json event_msg_document(int frame, Json timestamp, std::string sensor, Json objects) {
  return Json::object()
      .set("version", "4.0")
      .set("id", std::to_string(frame))
      .set("@timestamp", std::move(timestamp))
      .set("sensorId", std::move(sensor))
      .set("objects", std::move(objects));
}

}  // namespace

Json event_msg_minimal(const Context &context, const std::vector<const NjEventMsgMeta *> &events) {
  Json objects = Json::array();
  for (const NjEventMsgMeta *event : events) {
    objects.add(object_text(event) + embedding_text(event->embedding) + tracking_text(event));
  }
  const NjEventMsgMeta *first = events.front();
  std::string sensor = first->sensorStr ? first->sensorStr : config_sensor_id(context, first->sensorId);
  Json document = event_msg_document(first->frameId, first->ts, std::move(sensor), std::move(objects));
  Json masks = masks_json(events);
  if (!masks.empty()) document.set("masks", std::move(masks));
  return document;
}

Json event_msg_none(const Context &context, const NjFrameMeta *frame, const std::string &timestamp) {
  return event_msg_document(frame->frame_num, timestamp, config_sensor_id(context, static_cast<int>(frame->source_id)),
                            Json::array());
}

}  // namespace nj::msgconv

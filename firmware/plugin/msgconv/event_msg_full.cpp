// nvmsgconv's full schema, event mode: one document per NjEventMsgMeta.
#include "event_msg.h"
#include "pose.h"
#include "text.h"

namespace nj::msgconv {

namespace {

const char *event_name(NjEventType type) {
  switch (type) {
    case NJ_EVENT_ENTRY:
      return "entry";
    case NJ_EVENT_EXIT:
      return "exit";
    case NJ_EVENT_MOVING:
      return "moving";
    case NJ_EVENT_STOPPED:
      return "stopped";
    case NJ_EVENT_EMPTY:
      return "empty";
    case NJ_EVENT_PARKED:
      return "parked";
    case NJ_EVENT_RESET:
      return "reset";
    default:
      return nullptr;
  }
}

// How a kind of event describes the spot: the member's name and the names of the three place-sub-fields.
struct Spot {
  const char *name;
  const char *fields[3];
};
const Spot kAisle = {"aisle", {"id", "name", "level"}};
const Spot kParkingSpot = {"parkingSpot", {"id", "type", "level"}};
const Spot kEntrance = {"entrance", {"name", "lane", "level"}};

const Spot *spot_of(const NjEventMsgMeta *event) {
  switch (event->type) {
    case NJ_EVENT_MOVING:
    case NJ_EVENT_STOPPED:
      return &kAisle;
    case NJ_EVENT_EMPTY:
    case NJ_EVENT_PARKED:
      return &kParkingSpot;
    case NJ_EVENT_ENTRY:
    case NJ_EVENT_EXIT:
      return event->objType == NJ_OBJECT_TYPE_VEHICLE ? &kAisle : &kEntrance;
    default:
      return nullptr;
  }
}

Json event_place_json(const Context &context, const NjEventMsgMeta *event) {
  if (!context.site) return {};
  const auto found = context.site->places.find(event->placeId);
  if (found == context.site->places.end()) return {};
  const Place &place = found->second;
  Json document = place_json(place);
  if (const Spot *spot = spot_of(event)) {
    Json fields = Json::object();
    for (int i = 0; i < 3; i++) fields.set(spot->fields[i], place.sub_fields[static_cast<size_t>(i)]);
    document.set(spot->name, fields.set("coordinate", place_coordinate_json(place)));
  }
  return document;
}

// nvmsgconv writes 1.0 for an object whose attributes nobody gave.
double attribute_confidence(const NjEventMsgMeta *event) { return event->extMsgSize ? event->confidence : 1.0; }

// The attribute objects. An extMsgSize without extMsg gives {}, as in nvmsgconv. The *Ext types begin like the plain
// ones.
Json vehicle_json(const NjEventMsgMeta *event) {
  static NjVehicleObject unknown = {const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>(""),
                                    const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>("")};
  const auto *vehicle = event->extMsgSize ? extension_of<NjVehicleObject>(event) : &unknown;
  if (!vehicle) return Json::object();
  return Json::object()
      .set("type", vehicle->type)
      .set("make", vehicle->make)
      .set("model", vehicle->model)
      .set("color", vehicle->color)
      .set("licenseState", vehicle->region)
      .set("license", vehicle->license)
      .set("confidence", attribute_confidence(event));
}

Json person_json(const NjEventMsgMeta *event) {
  static NjPersonObject unknown = {const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>(""),
                                   const_cast<gchar *>(""), 0};
  const auto *person = event->extMsgSize ? extension_of<NjPersonObject>(event) : &unknown;
  if (!person) return Json::object();
  return Json::object()
      .set("age", Json::integer(person->age))
      .set("gender", person->gender)
      .set("hair", person->hair)
      .set("cap", person->cap)
      .set("apparel", person->apparel)
      .set("confidence", attribute_confidence(event));
}

Json face_json(const NjEventMsgMeta *event) {
  static NjFaceObject unknown = {
      const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>(""),
      const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>(""), 0};
  const auto *face = event->extMsgSize ? extension_of<NjFaceObject>(event) : &unknown;
  if (!face) return Json::object();
  return Json::object()
      .set("age", Json::integer(face->age))
      .set("gender", face->gender)
      .set("hair", face->hair)
      .set("cap", face->cap)
      .set("glasses", face->glasses)
      .set("facialhair", face->facialhair)
      .set("name", face->name)
      .set("eyecolor", face->eyecolor)
      .set("confidence", attribute_confidence(event));
}

Json product_json(const NjEventMsgMeta *event) {
  static NjProductObject unknown = {const_cast<gchar *>(""), const_cast<gchar *>(""), const_cast<gchar *>("")};
  const auto *product = event->extMsgSize ? extension_of<NjProductObject>(event) : &unknown;
  if (!product) return Json::object();
  return Json::object().set("brand", product->brand).set("type", product->type).set("shape", product->shape);
}

void add_attributes(Json &object, const NjEventMsgMeta *event) {
  switch (event->objType) {
    case NJ_OBJECT_TYPE_VEHICLE:
    case NJ_OBJECT_TYPE_VEHICLE_EXT:
      object.set("vehicle", vehicle_json(event));
      break;
    case NJ_OBJECT_TYPE_PERSON:
    case NJ_OBJECT_TYPE_PERSON_EXT:
      object.set("person", person_json(event));
      break;
    case NJ_OBJECT_TYPE_FACE:
    case NJ_OBJECT_TYPE_FACE_EXT:
      object.set("face", face_json(event));
      break;
    case NJ_OBJECT_TYPE_PRODUCT:
    case NJ_OBJECT_TYPE_PRODUCT_EXT:
      object.set("product", product_json(event));
      break;
    case NJ_OBJECT_TYPE_UNKNOWN:
      if (event->objectId) object.set(event->objectId, Json::object());
      break;
    default:
      break;
  }
}

// Polygons, each a flat list of x and y. nvmsgconv leaves out those of products here, and so do we.
void add_mask(Json &object, const NjEventMsgMeta *event) {
  if (event->objType == NJ_OBJECT_TYPE_PRODUCT_EXT) return;
  const GList *mask = mask_of(event);
  if (!mask) return;
  Json polygons = Json::array();
  for (; mask; mask = mask->next) {
    const auto *polygon = static_cast<const GArray *>(mask->data);
    Json numbers = Json::array();
    for (guint i = 0; i < polygon->len; i++) numbers.add(g_array_index(polygon, gdouble, i));
    polygons.add(std::move(numbers));
  }
  object.set("maskoutline", std::move(polygons));
}

void add_signature(Json &object, const NjObjectSignature &signature) {
  if (!signature.size) return;
  Json numbers = Json::array();
  for (guint i = 0; i < signature.size; i++) numbers.add(signature.signature[i]);
  object.set("signature", std::move(numbers));
}

Json pose_json(const NjJoints &pose) {
  Json joints = Json::object();
  for (int i = 0; i < pose.num_joints; i++) {
    const NjJoint &joint = pose.joints[i];
    const char *name = joint_name(pose.pose_type, i);
    if (!name || !(joint.confidence > 0)) continue;
    Json place = Json::object().set("x", Json::integer(truncated(joint.x))).set("y", Json::integer(truncated(joint.y)));
    if (pose.pose_type != 0) place.set("z", Json::integer(truncated(joint.z)));
    joints.set(name, place.set("confidence", static_cast<double>(joint.confidence)));
  }
  return joints;
}

void add_embedding(Json &object, const NjEmbedding &embedding) {
  if (!embedding.embedding_vector || !embedding.embedding_length) return;
  Json numbers = Json::array();
  for (guint i = 0; i < embedding.embedding_length; i++)
    numbers.add(static_cast<double>(embedding.embedding_vector[i]));
  object.set("embedding", Json::object()
                              .set("embedding_length", Json::integer(embedding.embedding_length))
                              .set("embedding_vector", std::move(numbers)));
}

// Both foot points stand in footLocation2D and footLocation3D is empty: nvmsgconv's slip, which its consumers know.
void add_3d_tracking(Json &object, const NjEventMsgMeta *event) {
  if (!event->has3DTracking) return;
  const Nj3DTracking &tracking = event->singleView3DTracking;
  Json feet = Json::array();
  for (gfloat value : tracking.ptImgFeet) feet.add(static_cast<double>(value));
  for (gfloat value : tracking.ptWorldFeet) feet.add(static_cast<double>(value));
  Json hull = Json::array();
  for (guint i = 0; i < 2 * tracking.convexHull.numFilled; i++) {
    hull.add(static_cast<double>(tracking.convexHull.points[i]));
  }
  object.set("SV3DT", Json::object()
                          .set("visibility", static_cast<double>(event->visibility))
                          .set("footLocation2D", std::move(feet))
                          .set("footLocation3D", Json::array())
                          .set("convexHull", std::move(hull)));
}

Json event_object_json(const NjEventMsgMeta *event) {
  Json object = Json::object();
  object.set("id", std::to_string(event->trackingId)).set("speed", 0.0).set("direction", 0.0).set("orientation", 0.0);
  add_attributes(object, event);
  object.set("bbox", bbox_json(event->bbox.left, event->bbox.top, event->bbox.width, event->bbox.height));
  add_mask(object, event);
  add_signature(object, event->objSignature);
  object.set("location", location_json(event->location.lat, event->location.lon, event->location.alt))
      .set("coordinate", coordinate_json(event->coordinate.x, event->coordinate.y, event->coordinate.z))
      .set("pose", pose_json(event->pose));
  add_embedding(object, event->embedding);
  add_3d_tracking(object, event);
  return object;
}

}  // namespace

const GList *mask_of(const NjEventMsgMeta *event) {
  switch (event->objType) {
    case NJ_OBJECT_TYPE_VEHICLE_EXT: {
      const auto *object = extension_of<NjVehicleObjectExt>(event);
      return object ? object->mask : nullptr;
    }
    case NJ_OBJECT_TYPE_PERSON_EXT: {
      const auto *object = extension_of<NjPersonObjectExt>(event);
      return object ? object->mask : nullptr;
    }
    case NJ_OBJECT_TYPE_FACE_EXT: {
      const auto *object = extension_of<NjFaceObjectExt>(event);
      return object ? object->mask : nullptr;
    }
    case NJ_OBJECT_TYPE_PRODUCT_EXT: {
      const auto *object = extension_of<NjProductObjectExt>(event);
      return object ? object->mask : nullptr;
    }
    default:
      return nullptr;
  }
}

Json event_msg_full(const Context &context, const NjEventMsgMeta *event) {
  Json document = Json::object();
  document.set("messageid", context.environment->uuid())
      .set("mdsversion", "1.0")
      .set("@timestamp", event->ts)
      .set("place", event_place_json(context, event))
      .set("sensor", sensor_json(context, event->sensorId))
      .set("analyticsModule", analytics_json(context, event->moduleId))
      .set("object", event_object_json(event));
  Json occurrence = Json::object().set("id", context.environment->uuid());
  if (const char *name = event_name(event->type)) occurrence.set("type", name);
  document.set("event", std::move(occurrence)).set("videoPath", event->videoPath ? event->videoPath : "");
  return document;
}

}  // namespace nj::msgconv

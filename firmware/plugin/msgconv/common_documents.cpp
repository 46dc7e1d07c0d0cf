// Pieces that the documents of both APIs share.
#include "documents.h"
#include "text.h"

namespace nj::msgconv {

Environment system_environment() { return {realtime_nanoseconds, random_uuid}; }

Json location_json(double lat, double lon, double alt) {
  return Json::object().set("lat", lat).set("lon", lon).set("alt", alt);
}

Json coordinate_json(double x, double y, double z) { return Json::object().set("x", x).set("y", y).set("z", z); }

Json bbox_json(float left, float top, float width, float height) {
  const float right = left + width, bottom = top + height;
  return Json::object()
      .set("topleftx", Json::integer(truncated(left)))
      .set("toplefty", Json::integer(truncated(top)))
      .set("bottomrightx", Json::integer(truncated(right)))
      .set("bottomrighty", Json::integer(truncated(bottom)));
}

Json sensor_json(const Context &context, int number) {
  if (!context.site) return {};
  const auto found = context.site->sensors.find(number);
  if (found == context.site->sensors.end()) return {};
  const Sensor &sensor = found->second;
  return Json::object()
      .set("id", sensor.id)
      .set("type", sensor.type)
      .set("description", sensor.description)
      .set("location", location_json(sensor.location[0], sensor.location[1], sensor.location[2]))
      .set("coordinate", coordinate_json(sensor.coordinate[0], sensor.coordinate[1], sensor.coordinate[2]));
}

Json analytics_json(const Context &context, int number) {
  if (!context.site) return {};
  const auto found = context.site->analytics.find(number);
  if (found == context.site->analytics.end()) return {};
  const Analytics &module = found->second;
  return Json::object()
      .set("id", module.id)
      .set("description", module.description)
      .set("source", module.source)
      .set("version", module.version);
}

Json place_json(const Place &place) {
  return Json::object()
      .set("id", place.id)
      .set("name", place.name)
      .set("type", place.type)
      .set("location", location_json(place.location[0], place.location[1], place.location[2]));
}

Json place_coordinate_json(const Place &place) {
  return coordinate_json(place.coordinate[0], place.coordinate[1], place.coordinate[2]);
}

std::string frame_sensor_id(const Context &context, const NjFrameMeta *frame) {
  if (context.site) {
    const auto found = context.site->sensors.find(static_cast<int>(frame->source_id));
    if (found != context.site->sensors.end()) return found->second.id;
  }
  return frame->sensor_id ? frame->sensor_id : "0";
}

}  // namespace nj::msgconv

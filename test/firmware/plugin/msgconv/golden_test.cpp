// The documents of nvmsgconv, byte for byte. The golden files were printed by json-glib.
#include <doctest/doctest.h>

#include "metas.h"

using namespace nj::msgconv;
using namespace nj::msgconv::test;

namespace {

Site site(std::array<double, 3> location_of_sensor, std::array<double, 3> coordinate) {
  Site site;
  site.sensors[3] = {"cam-07", "Camera", "over gate 2", location_of_sensor, coordinate};
  site.places[3] = {"dock-1",  "North dock",
                    "yard",    {location_of_sensor[0], location_of_sensor[1], 0},
                    {1, 2, 0}, {"gate-2", "gate", "P0"}};
  site.analytics[3] = {"m1", "detection", "njinfer", "1.0"};
  return site;
}

std::string only(const std::vector<Document> &documents) {
  REQUIRE(documents.size() == 1);
  CHECK(documents[0].kind == NJ_PAYLOAD_OBJECTS);
  return documents[0].text;
}

}  // namespace

TEST_CASE("full schema from frames") {
  Frame frame(3, 360);
  frame.classify(frame.object(42, "car", {100, 200, 210.75f, 155.5f}, 0.9f), "color", "blue");
  Settings settings;
  settings.from_frames = true;
  const Converter converter(
      settings, site({52.37, 4.9, 6.5}, {5.2, 10.1, 11.2}),
      environment({"3c6d1a52-8f0e-4d0b-9b61-0c2b7b1f6a11", "b0a7a1f4-5a7b-4b9e-8d8b-6a8f0f2a9c77"}));
  CHECK(only(converter.convert(&frame.meta)) == golden("frame-full"));
}

TEST_CASE("minimal schema from frames, newest object first") {
  Frame frame(3, 360);
  frame.classify(frame.object(43, "person", {640, 120, 60.5f, 180}, 0.87f), "age", "adult");
  frame.object(42, "car", {100.5f, 200.25f, 210.25f, 154.75f}, 0.9f);
  Settings settings;
  settings.from_frames = true;
  settings.schema = Schema::Minimal;
  const Converter converter(settings, site({}, {}), environment());
  CHECK(only(converter.convert(&frame.meta)) == golden("frame-minimal"));
}

TEST_CASE("full schema from event metas") {
  Frame frame(0, 361);
  NjVehicleObject vehicle{};
  gchar type[] = "sedan", none[] = "", color[] = "blue", time[] = "2026-07-20T08:15:30.123Z";
  vehicle = {type, none, none, color, none, none};
  NjEventMsgMeta event{};
  event.type = NJ_EVENT_MOVING;
  event.objType = NJ_OBJECT_TYPE_VEHICLE;
  event.bbox = {200, 100, 210, 155};
  event.sensorId = event.placeId = event.moduleId = 3;
  event.confidence = 0.75;
  event.trackingId = 42;
  event.ts = time;
  event.extMsg = &vehicle;
  event.extMsgSize = sizeof(vehicle);
  frame.user(NJ_EVENT_MSG_META, &event);
  const Converter converter(
      Settings{}, site({52, 4.5, 6.5}, {5, 10, 11}),
      environment({"9b0f1b1e-6d0a-4c53-9e2b-5f6f0c8d2a10", "e4a7c0de-1f55-4d0c-8f3e-2b9d7a6c5b40"}));
  CHECK(only(converter.convert(&frame.meta)) == golden("event-full"));
}

TEST_CASE("minimal schema from event metas, newest first") {
  Frame frame(0, 361);
  gchar type[] = "sedan", make[] = "Bugatti", model[] = "M", color[] = "blue", license[] = "CA 444",
        region[] = "California";
  NjVehicleObject vehicle = {type, make, model, color, region, license};
  gchar time[] = "2026-07-20T08:15:30.156Z", camera[] = "cam-07";
  NjEventMsgMeta car{}, person{};
  car.objType = NJ_OBJECT_TYPE_VEHICLE;
  car.bbox = {200, 100, 210, 155};
  car.trackingId = 42;
  car.confidence = 0.8;
  car.frameId = 361;
  car.ts = time;
  car.sensorStr = camera;
  car.extMsg = &vehicle;
  car.extMsgSize = sizeof(vehicle);
  person.objType = NJ_OBJECT_TYPE_PERSON;
  person.bbox = {120, 640, 60.5f, 180};
  person.trackingId = 43;
  person.confidence = 0.87;
  frame.user(NJ_EVENT_MSG_META, &person);
  frame.user(NJ_EVENT_MSG_META, &car);
  Settings settings;
  settings.schema = Schema::Minimal;
  const Converter converter(settings, std::nullopt, environment());
  CHECK(only(converter.convert(&frame.meta)) == golden("event-minimal"));
}

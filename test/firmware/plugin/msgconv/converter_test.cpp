#include <doctest/doctest.h>

#include "metas.h"

using namespace nj::msgconv;
using namespace nj::msgconv::test;

namespace {

Settings new_api(Schema schema) {
  Settings settings;
  settings.from_frames = true;
  settings.schema = schema;
  settings.frame_interval = 1;
  return settings;
}

// The documents of a frame without objects.
std::vector<Document> documents_of_empty(const Converter &converter, gint number) {
  Frame frame(0, number);
  return converter.convert(&frame.meta);
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("frames between two intervals give no payload") {
  Settings settings = new_api(Schema::Minimal);
  settings.frame_interval = 30;
  const Converter converter(settings, std::nullopt, environment());
  CHECK(documents_of_empty(converter, 30).size() == 1);
  CHECK(documents_of_empty(converter, 31).empty());
  CHECK(documents_of_empty(converter, 0).size() == 1);
}

TEST_CASE("the full schema gives one document per object, the minimal one per frame even without objects") {
  Frame frame(0, 1);
  frame.object(1, "car", {0, 0, 1, 1}, 0.5f);
  frame.object(2, "bus", {0, 0, 1, 1}, 0.5f);
  CHECK(Converter(new_api(Schema::Full), Site{}, environment()).convert(&frame.meta).size() == 2);
  const auto empty = documents_of_empty(Converter(new_api(Schema::Minimal), std::nullopt, environment()), 1);
  REQUIRE(empty.size() == 1);
  CHECK(contains(empty[0].text, "\"objects\" : []"));
}

TEST_CASE("sources without groups in the config have null members") {
  Frame frame(5, 1);
  frame.object(1, "car", {0, 0, 1, 1}, 0.5f);
  const auto documents = Converter(new_api(Schema::Full), Site{}, environment()).convert(&frame.meta);
  REQUIRE(documents.size() == 1);
  CHECK(contains(documents[0].text, "\"place\" : null,\n  \"sensor\" : null,\n  \"analyticsModule\" : null"));
}

TEST_CASE("an object that no tracker saw has nvmsgconv's id for that") {
  Frame frame(0, 1);
  frame.object(NJ_UNTRACKED_OBJECT_ID, "car", {0, 0, 1, 1}, 0.5f);
  const auto documents = Converter(new_api(Schema::Minimal), std::nullopt, environment()).convert(&frame.meta);
  CHECK(contains(documents.at(0).text, "\"18446744073709551615|0|0|1|1|car\""));
}

TEST_CASE("the sensor id is the config's, else the camera's, else 0") {
  Frame frame(1, 1);
  gchar camera[] = "gate";
  auto sensor = [&](std::optional<Site> site) {
    return Converter(new_api(Schema::Minimal), std::move(site), environment()).convert(&frame.meta).at(0).text;
  };
  CHECK(contains(sensor(std::nullopt), "\"sensorId\" : \"0\""));
  frame.meta.sensor_id = camera;
  CHECK(contains(sensor(Site{}), "\"sensorId\" : \"gate\""));
  Site site;
  site.sensors[1].id = "cam-1";
  CHECK(contains(sensor(site), "\"sensorId\" : \"cam-1\""));
}

TEST_CASE("the timestamp is the capture time unless conversion is asked for or no capture time is known") {
  Frame frame(0, 1);
  Settings settings = new_api(Schema::Minimal);
  auto text = [&] { return Converter(settings, std::nullopt, environment()).convert(&frame.meta).at(0).text; };
  CHECK(contains(text(), "\"2026-07-20T08:15:30.123Z\""));
  settings.timestamp = Clock::Conversion;
  CHECK(contains(text(), "\"2026-07-20T08:15:31.000Z\""));
  settings.timestamp = Clock::Capture;
  frame.meta.ntp_timestamp = 0;
  CHECK(contains(text(), "\"2026-07-20T08:15:31.000Z\""));
}

TEST_CASE("texts of the application are added at the end, newest first") {
  Frame frame(0, 1);
  gchar first[] = "belt \"2\"", second[] = "door open";
  frame.user(NJ_CUSTOM_MSG_BLOB, first);
  frame.user(NJ_CUSTOM_MSG_BLOB, second);
  const auto documents = Converter(new_api(Schema::Minimal), std::nullopt, environment()).convert(&frame.meta);
  CHECK(contains(documents.at(0).text, "\"customMessage\" : [\n    \"door open\",\n    \"belt \\\"2\\\"\"\n  ]\n}"));
}

TEST_CASE("extensions are the last member and leave the rest as it is") {
  Frame frame(2, 7);
  gchar camera[] = "gate";
  frame.meta.sensor_id = camera;
  NjObjectMeta &object = frame.object(42, "car", {10.5f, 20, 30, 40}, 0.75f);
  object.class_id = 3;
  object.rect_params.rotation_angle = 12.5f;
  object.track_state = NJ_TRACK_PREDICTED;
  object.track_age = 9;
  NjKeypoint keypoint = {1, 2, 0.5f};
  object.keypoints = &keypoint;
  object.num_keypoints = 1;
  Settings settings = new_api(Schema::Minimal);
  const std::string plain = Converter(settings, std::nullopt, environment()).convert(&frame.meta).at(0).text;
  settings.extensions = true;
  const std::string extended = Converter(settings, std::nullopt, environment()).convert(&frame.meta).at(0).text;
  const std::string start = plain.substr(0, plain.size() - 2) + ",\n  \"nightjar\" : {";
  CHECK(extended.substr(0, start.size()) == start);
  CHECK(extended == golden("frame-minimal-extended"));
}

TEST_CASE("an event of an analyze module becomes a document of its own") {
  Frame frame(2, 7);
  gchar camera[] = "gate";
  frame.meta.sensor_id = camera;
  NjEvent event{};
  strcpy(event.type, "line-crossing");
  strcpy(event.rule, "exit");
  strcpy(event.label, "car");
  event.object_id = 42;
  event.class_id = 0;
  event.x = 320.5f;
  event.y = 200;
  event.value = 17;
  event.flags = NJ_EVENT_OUT;
  event.confidence = 0.75f;
  frame.user(NJ_EVENT_META, &event);
  Settings settings;
  const Converter silent(settings, Site{}, environment());
  CHECK(silent.convert(&frame.meta).empty());
  settings.events = true;
  const auto documents =
      Converter(settings, Site{}, environment({"7b1d6c0e-3a52-4d8a-9f0f-2f4f5f9c1d22"})).convert(&frame.meta);
  REQUIRE(documents.size() == 1);
  CHECK(documents[0].kind == NJ_PAYLOAD_EVENT);
  CHECK(documents[0].text == golden("event"));
}

TEST_CASE("the events of a frame come in the order in which the module told them") {
  Frame frame(0, 7);
  NjEvent appeared{}, crossed{};
  strcpy(appeared.type, "appeared");
  strcpy(crossed.type, "line-crossing");
  frame.user(NJ_EVENT_META, &appeared);
  frame.user(NJ_EVENT_META, &crossed);
  Settings settings;
  settings.events = true;
  const auto documents = Converter(settings, Site{}, environment()).convert(&frame.meta);
  REQUIRE(documents.size() == 2);
  CHECK(contains(documents[0].text, "\"appeared\""));
  CHECK(contains(documents[1].text, "\"line-crossing\""));
}

TEST_CASE("comp-id keeps only the events of one component") {
  Frame frame(0, 1);
  NjEventMsgMeta mine{}, other{};
  mine.componentId = 4;
  other.componentId = 5;
  frame.user(NJ_EVENT_MSG_META, &mine);
  frame.user(NJ_EVENT_MSG_META, &other);
  Settings settings;
  CHECK(Converter(settings, Site{}, environment()).convert(&frame.meta).size() == 2);
  settings.component_id = 4;
  CHECK(Converter(settings, Site{}, environment()).convert(&frame.meta).size() == 1);
}

TEST_CASE("a dummy payload stands for a frame without events and never replaces an event") {
  Settings settings;
  settings.schema = Schema::Minimal;
  settings.dummy_payload = true;
  const Converter converter(settings, std::nullopt, environment());
  const auto dummy = documents_of_empty(converter, 8);
  REQUIRE(dummy.size() == 1);
  CHECK(contains(dummy[0].text, "\"id\" : \"8\""));
  CHECK(contains(dummy[0].text, "\"objects\" : []"));
  Frame frame(0, 9);
  NjEventMsgMeta event{};
  event.objType = NJ_OBJECT_TYPE_BAG;
  frame.user(NJ_EVENT_MSG_META, &event);
  CHECK(contains(converter.convert(&frame.meta).at(0).text, "|Bag|"));
}

TEST_CASE("a pose with more joints than names does not crash") {
  Frame frame(0, 1);
  NjJoint joints[40] = {};
  for (auto &joint : joints) joint.confidence = 1;
  NjPersonObject body{};
  NjEventMsgMeta person{};
  person.objType = NJ_OBJECT_TYPE_PERSON;
  person.extMsg = &body;
  person.extMsgSize = sizeof(body);
  person.pose = {joints, 40, 0};
  frame.user(NJ_EVENT_MSG_META, &person);
  Settings settings;
  CHECK(contains(Converter(settings, Site{}, environment()).convert(&frame.meta).at(0).text, "left-ear"));
  settings.schema = Schema::Minimal;
  CHECK(contains(Converter(settings, Site{}, environment()).convert(&frame.meta).at(0).text, "left-ear"));
}

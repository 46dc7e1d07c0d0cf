#include "plugin/msgconv/site.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

using namespace nj::msgconv;

namespace {

struct Loaded {
  std::optional<Site> site;
  std::string error;
  std::vector<std::string> warnings;
};

Loaded load(const std::string &suffix, const std::string &text) {
  char path[] = "/tmp/njmsgconv-site-XXXXXX";
  close(mkstemp(path));
  const std::string named = path + suffix;
  std::rename(path, named.c_str());
  std::ofstream(named) << text;
  Loaded loaded;
  loaded.site = load_site(named, &loaded.error, &loaded.warnings);
  std::remove(named.c_str());
  return loaded;
}

const char kKeyFile[] =
    "[sensor0]\nenable=1\nid=cam-07\ntype=Camera\nlocation=52.37;4.9;6.5\ndescription=over gate 2\n"
    "coordinate=5.2;10.1;11.2\n"
    "[place0]\nenable=1\nid=dock-1\ntype=yard\nname=North dock\nplace-sub-field1=gate-2\n"
    "[analytics0]\nenable=1\nid=m1\nsource=njinfer\nversion=1.0\n";

}  // namespace

TEST_CASE("a key file gives sensors, places and analytics by number") {
  const Loaded loaded = load(".txt", kKeyFile);
  REQUIRE_MESSAGE(loaded.site, loaded.error);
  const Sensor &sensor = loaded.site->sensors.at(0);
  CHECK(sensor.id == "cam-07");
  CHECK(sensor.description == "over gate 2");
  CHECK(sensor.location == std::array<double, 3>{52.37, 4.9, 6.5});
  CHECK(loaded.site->places.at(0).sub_fields[0] == "gate-2");
  CHECK(loaded.site->analytics.at(0).source == "njinfer");
  CHECK(loaded.warnings.empty());
}

TEST_CASE("YAML gives the same as a key file") {
  const Loaded loaded = load(".yml",
                             "# the yard\n---\nsensor0:\n  enable: 1\n  id: cam-07   # by the gate\n"
                             "  location: 52.37;4.9;6.5\n  description: \"over \\\"gate\\\" 2\"\n\n"
                             "place3:\n  enable: true\n  name: 'driver''s dock'\n");
  REQUIRE_MESSAGE(loaded.site, loaded.error);
  CHECK(loaded.site->sensors.at(0).id == "cam-07");
  CHECK(loaded.site->sensors.at(0).description == "over \"gate\" 2");
  CHECK(loaded.site->sensors.at(0).location[1] == 4.9);
  CHECK(loaded.site->places.at(3).name == "driver's dock");
}

TEST_CASE("a table gives one source per row, with the values that nvmsgconv fixes") {
  const Loaded loaded =
      load(".csv", "cameraId,id,description,x,f1,f2,f3\n9,cam-a,north,-,gate,west,P1\n,cam-b,south,-,g,w,P2,x,y\n\n");
  REQUIRE_MESSAGE(loaded.site, loaded.error);
  CHECK(loaded.site->sensors.size() == 2);
  CHECK(loaded.site->sensors.at(1).id == "cam-b");
  CHECK(loaded.site->sensors.at(0).type == "Camera");
  CHECK(loaded.site->places.at(0).name == "endeavor");
  CHECK(loaded.site->places.at(1).sub_fields[2] == "P2");
  CHECK(loaded.site->analytics.at(0).version == "1.0");
}

TEST_CASE("groups that are not enabled are skipped") {
  CHECK(load(".txt", "[sensor0]\nid=a\n[sensor1]\nenable=0\nid=b\n").site->sensors.empty());
}

TEST_CASE("unknown groups and keys are named in warnings and skipped") {
  const Loaded loaded = load(".txt", "[message-broker]\nx=1\n[sensor0]\nenable=1\nidd=a\n");
  REQUIRE(loaded.site);
  REQUIRE(loaded.warnings.size() == 2);
  CHECK(loaded.warnings[0].find("[message-broker]") != std::string::npos);
  CHECK(loaded.warnings[1].find("\"idd\"") != std::string::npos);
}

TEST_CASE("a broken file is refused with a message that names file, place and expectation") {
  const std::tuple<const char *, const char *, const char *> cases[] = {
      {".txt", "[sensor0]\nenable=1\nlocation=52.37;4.9\n", "lat;lon;alt"},
      {".txt", "[sensorX]\nenable=1\n", "[sensorX]"},
      {".txt", "sensor0\n", "not a key file"},
      {".txt", "[sensor0]\nenable=1\n[sensor00]\nenable=1\n", "twice"},
      {".yml", "sensor0:\n  enable: 1\n  id: [a, b]\n", "line 3"},
      {".yml", "  enable: 1\n", "line 1"},
      {".csv", "header\na,b,c\n", "7 columns"},
  };
  for (const auto &[suffix, text, expected] : cases) {
    const Loaded loaded = load(suffix, text);
    CHECK_FALSE(loaded.site);
    CHECK_MESSAGE(loaded.error.find(expected) != std::string::npos, loaded.error);
    CHECK_MESSAGE(loaded.error.find(suffix) != std::string::npos, loaded.error);
  }
}

TEST_CASE("a missing file is named") {
  std::string error;
  std::vector<std::string> warnings;
  CHECK_FALSE(load_site("/nowhere/site.txt", &error, &warnings));
  CHECK(error.find("/nowhere/site.txt") != std::string::npos);
}

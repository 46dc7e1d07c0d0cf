// The file behind njmsgconv's `config` property: what the payloads say about the place, the camera and the analytics of
// each source. Groups and keys are nvmsgconv's.
//
//   [sensor0]     enable, id, type, description, location (lat;lon;alt), coordinate (x;y;z)
//   [place0]      enable, id, name, type, location, coordinate, place-sub-field1, -field2, -field3
//   [analytics0]  enable, id, description, source, version
//
// The number is the source id (event mode: sensorId, placeId, moduleId). A group without enable=1 is skipped. Three
// notations, told apart by the file's name: a key file, YAML (.yml, .yaml) with the same groups and keys, and a table
// (.csv) with one row per source from 0: sensor id in column 2, description in 3, the place-sub-fields in 5 to 7,
// columns 1, 4 and 8 up ignored and everything else fixed, as nvmsgconv reads it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nj::msgconv {

struct Sensor {
  std::string id, type, description;
  std::array<double, 3> location{};    // latitude, longitude (degrees), altitude
  std::array<double, 3> coordinate{};  // x, y, z of the site's own plan
};

struct Place {
  std::string id, name, type;
  std::array<double, 3> location{};
  std::array<double, 3> coordinate{};
  std::array<std::string, 3> sub_fields;
};

struct Analytics {
  std::string id, description, source, version;
};

struct Site {
  std::map<int, Sensor> sensors;
  std::map<int, Place> places;
  std::map<int, Analytics> analytics;
};

struct ConfigGroup {
  std::string name;
  std::vector<std::pair<std::string, std::string>> entries;
};

// Reads `path`. On failure: nothing, and *error says file, group or line, what was expected and what was there. Unknown
// groups and keys are skipped and named in *warnings.
std::optional<Site> load_site(const std::string &path, std::string *error, std::vector<std::string> *warnings);

// The notations, from text; used by load_site. They set *error (without the file's name) and return nothing on failure.
std::optional<std::vector<ConfigGroup>> read_key_file(const std::string &text, std::string *error);
std::optional<std::vector<ConfigGroup>> read_yaml_groups(const std::string &text, std::string *error);
std::optional<Site> read_csv_site(const std::string &text, std::string *error);

}  // namespace nj::msgconv

#include "site.h"

#include <glib.h>

#include <cstring>

namespace nj::msgconv {

namespace {

bool is_true(const std::string &value) { return value == "1" || value == "true" || value == "True" || value == "TRUE"; }

bool is_enabled(const ConfigGroup &group) {
  for (const auto &[key, value] : group.entries) {
    if (key == "enable") return is_true(value);
  }
  return false;
}

// "sensor12" with prefix "sensor" -> 12; nothing when no number follows.
std::optional<int> group_number(const std::string &name, const char *prefix) {
  const char *digits = name.c_str() + strlen(prefix);
  guint64 number = 0;
  if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXINT, &number, nullptr)) return std::nullopt;
  return static_cast<int>(number);
}

// "52.37;4.9;0" -> three numbers.
bool parse_triple(const std::string &text, std::array<double, 3> &triple) {
  const char *p = text.c_str();
  for (size_t i = 0; i < 3; i++) {
    char *end = nullptr;
    triple[i] = g_ascii_strtod(p, &end);
    if (end == p) return false;
    p = end + strspn(end, " \t");
    if (*p == ';') {
      p++;
    } else if (i < 2) {
      return false;
    }
  }
  return p[strspn(p, " \t")] == '\0';
}

struct Loader {
  Site site;
  std::string *error;
  std::vector<std::string> *warnings;

  bool fail(const ConfigGroup &group, const std::string &what) {
    *error = "group [" + group.name + "]: " + what;
    return false;
  }

  bool triple(const ConfigGroup &group, const std::string &key, const std::string &value, const char *expected,
              std::array<double, 3> &out) {
    if (parse_triple(value, out)) return true;
    return fail(group, key + " must be three numbers, " + expected + ", but is \"" + value + "\"");
  }

  void unknown_key(const ConfigGroup &group, const std::string &key) {
    if (key != "enable") warnings->push_back("unknown key \"" + key + "\" in group [" + group.name + "] is ignored");
  }

  bool sensor(const ConfigGroup &group, Sensor &out) {
    for (const auto &[key, value] : group.entries) {
      if (key == "id")
        out.id = value;
      else if (key == "type")
        out.type = value;
      else if (key == "description")
        out.description = value;
      else if (key == "location") {
        if (!triple(group, key, value, "lat;lon;alt", out.location)) return false;
      } else if (key == "coordinate") {
        if (!triple(group, key, value, "x;y;z", out.coordinate)) return false;
      } else
        unknown_key(group, key);
    }
    return true;
  }

  bool place(const ConfigGroup &group, Place &out) {
    for (const auto &[key, value] : group.entries) {
      if (key == "id")
        out.id = value;
      else if (key == "name")
        out.name = value;
      else if (key == "type")
        out.type = value;
      else if (key == "location") {
        if (!triple(group, key, value, "lat;lon;alt", out.location)) return false;
      } else if (key == "coordinate") {
        if (!triple(group, key, value, "x;y;z", out.coordinate)) return false;
      } else if (key == "place-sub-field1")
        out.sub_fields[0] = value;
      else if (key == "place-sub-field2")
        out.sub_fields[1] = value;
      else if (key == "place-sub-field3")
        out.sub_fields[2] = value;
      else
        unknown_key(group, key);
    }
    return true;
  }

  bool module(const ConfigGroup &group, Analytics &out) {
    for (const auto &[key, value] : group.entries) {
      if (key == "id")
        out.id = value;
      else if (key == "description")
        out.description = value;
      else if (key == "source")
        out.source = value;
      else if (key == "version")
        out.version = value;
      else
        unknown_key(group, key);
    }
    return true;
  }

  template <typename Item>
  bool keep(const ConfigGroup &group, const char *prefix, std::map<int, Item> &items,
            bool (Loader::*parse)(const ConfigGroup &, Item &)) {
    const auto number = group_number(group.name, prefix);
    if (!number)
      return fail(group, std::string("a source number must follow \"") + prefix + "\", as in [" + prefix + "0]");
    if (!is_enabled(group)) return true;
    Item item;
    if (!(this->*parse)(group, item)) return false;
    if (!items.emplace(*number, std::move(item)).second) return fail(group, "its number occurs twice");
    return true;
  }

  bool add(const ConfigGroup &group) {
    if (g_str_has_prefix(group.name.c_str(), "sensor")) return keep(group, "sensor", site.sensors, &Loader::sensor);
    if (g_str_has_prefix(group.name.c_str(), "place")) return keep(group, "place", site.places, &Loader::place);
    if (g_str_has_prefix(group.name.c_str(), "analytics")) {
      return keep(group, "analytics", site.analytics, &Loader::module);
    }
    warnings->push_back("unknown group [" + group.name + "] is ignored");
    return true;
  }
};

std::optional<Site> site_from(const std::optional<std::vector<ConfigGroup>> &groups, std::string *error,
                              std::vector<std::string> *warnings) {
  if (!groups) return std::nullopt;
  Loader loader{{}, error, warnings};
  for (const auto &group : *groups) {
    if (!loader.add(group)) return std::nullopt;
  }
  return loader.site;
}

}  // namespace

std::optional<Site> load_site(const std::string &path, std::string *error, std::vector<std::string> *warnings) {
  gchar *bytes = nullptr;
  gsize size = 0;
  GError *failure = nullptr;
  if (!g_file_get_contents(path.c_str(), &bytes, &size, &failure)) {
    *error = failure->message;  // names the file
    g_error_free(failure);
    return std::nullopt;
  }
  const std::string text(bytes, size);
  g_free(bytes);

  std::optional<Site> site;
  if (g_str_has_suffix(path.c_str(), ".csv")) {
    site = read_csv_site(text, error);
  } else if (g_str_has_suffix(path.c_str(), ".yml") || g_str_has_suffix(path.c_str(), ".yaml")) {
    site = site_from(read_yaml_groups(text, error), error, warnings);
  } else {
    site = site_from(read_key_file(text, error), error, warnings);
  }
  if (!site) *error = "\"" + path + "\": " + *error;
  return site;
}

}  // namespace nj::msgconv

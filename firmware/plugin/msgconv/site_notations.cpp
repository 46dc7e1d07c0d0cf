// The three notations of a site file (site.h).
#include <glib.h>

#include <sstream>

#include "site.h"

namespace nj::msgconv {

namespace {

std::string stripped(const std::string &text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// A plain, 'single' or "double" quoted scalar with an optional comment behind it. Only the escapes \" and \\ are known.
bool yaml_scalar(const std::string &text, std::string &out) {
  if (text.empty()) return true;
  const char quote = text[0];
  if (quote != '"' && quote != '\'') {
    if (std::string("[{&*!|>%@`").find(quote) != std::string::npos) return false;
    const auto comment = text.find(" #");
    out = stripped(quote == '#' ? "" : text.substr(0, comment));
    return true;
  }
  size_t i = 1;
  for (; i < text.size(); i++) {
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) {
      out += text[++i];
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) break;
      out += text[i++];  // '' inside single quotes
    } else {
      out += text[i];
    }
  }
  if (i >= text.size()) return false;
  const std::string rest = stripped(text.substr(i + 1));
  return rest.empty() || rest[0] == '#';
}

// "key: value" -> key and the text after the colon; false when there is no colon.
bool split_entry(const std::string &line, std::string &key, std::string &value) {
  const auto colon = line.find(':');
  if (colon == std::string::npos) return false;
  if (colon + 1 < line.size() && line[colon + 1] != ' ' && line[colon + 1] != '\t') return false;
  key = stripped(line.substr(0, colon));
  value = stripped(line.substr(colon + 1));
  return !key.empty();
}

std::vector<std::string> csv_cells(const std::string &line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  std::string cell;
  while (std::getline(stream, cell, ',')) cells.push_back(stripped(cell));
  return cells;
}

// What nvmsgconv writes for every row of a table.
Place csv_place(const std::vector<std::string> &cells) {
  Place place;
  place.id = "Id";
  place.name = "endeavor";
  place.type = "building/garage";
  place.sub_fields = {cells[4], cells[5], cells[6]};
  return place;
}

}  // namespace

std::optional<std::vector<ConfigGroup>> read_key_file(const std::string &text, std::string *error) {
  GKeyFile *file = g_key_file_new();
  GError *failure = nullptr;
  if (!g_key_file_load_from_data(file, text.c_str(), text.size(), G_KEY_FILE_NONE, &failure)) {
    *error = std::string("not a key file ([group] lines with key=value below): ") + failure->message;
    g_error_free(failure);
    g_key_file_free(file);
    return std::nullopt;
  }
  std::vector<ConfigGroup> groups;
  gchar **names = g_key_file_get_groups(file, nullptr);
  for (gchar **name = names; *name; name++) {
    ConfigGroup group{*name, {}};
    gchar **keys = g_key_file_get_keys(file, *name, nullptr, nullptr);
    for (gchar **key = keys; key && *key; key++) {
      gchar *value = g_key_file_get_string(file, *name, *key, nullptr);
      group.entries.emplace_back(*key, value ? stripped(value) : "");
      g_free(value);
    }
    g_strfreev(keys);
    groups.push_back(std::move(group));
  }
  g_strfreev(names);
  g_key_file_free(file);
  return groups;
}

std::optional<std::vector<ConfigGroup>> read_yaml_groups(const std::string &text, std::string *error) {
  std::vector<ConfigGroup> groups;
  std::istringstream stream(text);
  std::string line;
  for (int number = 1; std::getline(stream, line); number++) {
    const std::string content = stripped(line);
    if (content.empty() || content[0] == '#' || content == "---" || content == "...") continue;
    const bool is_group = line[0] != ' ' && line[0] != '\t';
    std::string key, value, scalar;
    const bool understood =
        split_entry(content, key, value) && yaml_scalar(value, scalar) && (is_group ? scalar.empty() : !groups.empty());
    if (!understood) {
      *error = "line " + std::to_string(number) +
               ": expected a group (\"sensor0:\") or, indented below one, \"key: value\", not \"" + content + "\"";
      return std::nullopt;
    }
    if (is_group) {
      groups.push_back({key, {}});
    } else {
      groups.back().entries.emplace_back(key, scalar);
    }
  }
  return groups;
}

std::optional<Site> read_csv_site(const std::string &text, std::string *error) {
  Site site;
  std::istringstream stream(text);
  std::string line;
  std::getline(stream, line);  // the names of the columns
  int source = 0;
  for (int number = 2; std::getline(stream, line); number++) {
    if (stripped(line).empty()) continue;
    const auto cells = csv_cells(line);
    if (cells.size() < 7) {
      *error =
          "line " + std::to_string(number) + ": expected at least 7 columns, found " + std::to_string(cells.size());
      return std::nullopt;
    }
    Sensor sensor;
    sensor.id = cells[1];
    sensor.type = "Camera";
    sensor.description = cells[2];
    site.sensors[source] = sensor;
    site.places[source] = csv_place(cells);
    site.analytics[source] = {"", "", "", "1.0"};
    source++;
  }
  return site;
}

}  // namespace nj::msgconv

// A JSON document that prints exactly as json-glib's json_to_string(node, TRUE) does: nvmsgconv writes with that
// library, and consumers may compare or hash payloads.
//
// Its text rules: two spaces per level, `"name" : value`, one member or element per line, members in the order in which
// they were first set (setting one again replaces the value and keeps the place), `[]` for an empty array, `{`, the
// indentation of its level and `}` for an empty object, numbers with %.17g and ".0" when nothing else says that it is
// no integer. No line feed at the end.
//
// Three things differ, because json-glib writes what is not JSON there: numbers that are not finite are null, U+001F is
// escaped like the other control characters, and bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nj::msgconv {

class Json {
 public:
  Json() = default;  // null
  Json(double value) : kind_(Kind::Double), double_(value) {}
  Json(std::string text) : kind_(Kind::String), text_(std::move(text)) {}
  Json(const char *text);  // NULL is null

  static Json integer(int64_t value);
  static Json boolean(bool value);
  static Json object();
  static Json array();

  Json &set(const std::string &name, Json value);  // objects only
  Json &add(Json element);                         // arrays only
  bool empty() const { return elements_.empty(); }

  std::string text() const;

 private:
  enum class Kind { Null, Boolean, Integer, Double, String, Array, Object };

  void print(std::string &out, size_t level) const;
  void print_double(std::string &out) const;
  void print_array(std::string &out, size_t level) const;
  void print_object(std::string &out, size_t level) const;

  Kind kind_ = Kind::Null;
  int64_t integer_ = 0;
  double double_ = 0;
  std::string text_;
  std::vector<std::string> names_;  // of the members, beside elements_
  std::vector<Json> elements_;
};

}  // namespace nj::msgconv

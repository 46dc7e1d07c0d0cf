#include "json.h"

#include <glib.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nj::msgconv {

namespace {

void append_escaped_byte(std::string &out, unsigned char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (byte >= 0x20 && byte != 0x7f) {
    out += static_cast<char>(byte);
    return;
  }
  static const char digits[] = "0123456789abcdef";
  out += "\\u00";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

void append_quoted(std::string &out, const std::string &text) {
  out += '"';
  if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr)) {
    for (unsigned char byte : text) append_escaped_byte(out, byte);
  } else {
    gchar *valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
    for (const char *p = valid; *p; p++) append_escaped_byte(out, static_cast<unsigned char>(*p));
    g_free(valid);
  }
  out += '"';
}

void indent(std::string &out, size_t level) { out.append(2 * level, ' '); }

}  // namespace

Json::Json(const char *text) {
  if (!text) return;
  kind_ = Kind::String;
  text_ = text;
}

Json Json::integer(int64_t value) {
  Json json;
  json.kind_ = Kind::Integer;
  json.integer_ = value;
  return json;
}

Json Json::boolean(bool value) {
  Json json;
  json.kind_ = Kind::Boolean;
  json.integer_ = value;
  return json;
}

Json Json::object() {
  Json json;
  json.kind_ = Kind::Object;
  return json;
}

Json Json::array() {
  Json json;
  json.kind_ = Kind::Array;
  return json;
}

Json &Json::set(const std::string &name, Json value) {
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) {
    elements_[static_cast<size_t>(found - names_.begin())] = std::move(value);
    return *this;
  }
  names_.push_back(name);
  elements_.push_back(std::move(value));
  return *this;
}

Json &Json::add(Json element) {
  elements_.push_back(std::move(element));
  return *this;
}

std::string Json::text() const {
  std::string out;
  print(out, 0);
  return out;
}

void Json::print(std::string &out, size_t level) const {
  switch (kind_) {
    case Kind::Null:
      out += "null";
      break;
    case Kind::Boolean:
      out += integer_ ? "true" : "false";
      break;
    case Kind::Integer:
      out += std::to_string(integer_);
      break;
    case Kind::Double:
      print_double(out);
      break;
    case Kind::String:
      append_quoted(out, text_);
      break;
    case Kind::Array:
      print_array(out, level);
      break;
    case Kind::Object:
      print_object(out, level);
      break;
  }
}

void Json::print_double(std::string &out) const {
  if (!std::isfinite(double_)) {
    out += "null";
    return;
  }
  gchar digits[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_dtostr(digits, sizeof(digits), double_);
  out += digits;
  if (!strpbrk(digits, ".e")) out += ".0";
}

void Json::print_array(std::string &out, size_t level) const {
  if (elements_.empty()) {
    out += "[]";
    return;
  }
  out += '[';
  for (size_t i = 0; i < elements_.size(); i++) {
    out += i == 0 ? "\n" : ",\n";
    indent(out, level + 1);
    elements_[i].print(out, level + 1);
  }
  out += '\n';
  indent(out, level);
  out += ']';
}

void Json::print_object(std::string &out, size_t level) const {
  out += '{';
  for (size_t i = 0; i < elements_.size(); i++) {
    out += i == 0 ? "\n" : ",\n";
    indent(out, level + 1);
    append_quoted(out, names_[i]);
    out += " : ";
    elements_[i].print(out, level + 1);
  }
  if (!elements_.empty()) out += '\n';
  indent(out, level);
  out += '}';
}

}  // namespace nj::msgconv

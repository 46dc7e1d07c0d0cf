#include "module_data.h"

#include <glib.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace nj::msgconv {

namespace {

using Parsed = nlohmann::ordered_json;  // members stay in the order in which the module wrote them

// Deeper documents count as bytes: what follows is recursive.
constexpr int kDeepest = 64;

Json converted(const Parsed &value) {
  switch (value.type()) {
    case Parsed::value_t::object: {
      Json object = Json::object();
      for (const auto &[name, member] : value.items()) object.set(name, converted(member));
      return object;
    }
    case Parsed::value_t::array: {
      Json array = Json::array();
      for (const Parsed &element : value) array.add(converted(element));
      return array;
    }
    case Parsed::value_t::string:
      return Json(value.get<std::string>());
    case Parsed::value_t::boolean:
      return Json::boolean(value.get<bool>());
    case Parsed::value_t::number_integer:
      return Json::integer(value.get<int64_t>());
    case Parsed::value_t::number_unsigned:
      // Beyond what a signed number holds, the nearest double is what most readers see anyway.
      return value.get<uint64_t>() <= INT64_MAX ? Json::integer(static_cast<int64_t>(value.get<uint64_t>()))
                                                : Json(value.get<double>());
    case Parsed::value_t::number_float:
      return Json(value.get<double>());
    default:
      return {};
  }
}

std::optional<Json> parsed(std::string_view text) {
  if (text.empty() || (text.front() != '{' && text.front() != '[')) return std::nullopt;
  bool is_deep = false;
  const auto watch = [&is_deep](int depth, Parsed::parse_event_t, Parsed &) {
    is_deep = is_deep || depth > kDeepest;
    return !is_deep;
  };
  const Parsed document = Parsed::parse(text, watch, /*allow_exceptions=*/false);
  if (is_deep || document.is_discarded()) return std::nullopt;
  return converted(document);
}

Json module_json(const NjModuleMeta *meta) {
  Json json = Json::object().set("bundle", meta->bundle);
  const std::string_view text(reinterpret_cast<const char *>(meta->data), meta->bytes);
  if (std::optional<Json> data = parsed(text)) return json.set("data", std::move(*data));
  gchar *base64 = g_base64_encode(meta->data, meta->bytes);
  json.set("base64", base64);
  g_free(base64);
  return json;
}

}  // namespace

Json module_data_json(const GList *user_metas) {
  Json array = Json::array();
  for (const GList *l = user_metas; l; l = l->next) {
    const auto *user = static_cast<const NjUserMeta *>(l->data);
    if (user->meta_type == NJ_MODULE_META) array.add(module_json(static_cast<NjModuleMeta *>(user->user_meta_data)));
  }
  return array;
}

}  // namespace nj::msgconv

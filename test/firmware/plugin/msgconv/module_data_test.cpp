// What modules write beside their objects, as it appears in the extension fields.
#include "plugin/msgconv/module_data.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>

using namespace nj::msgconv;

namespace {

class Metas {
 public:
  ~Metas() { g_list_free(list_); }

  Metas &add(const char *bundle, std::string data) {
    texts_.push_back(std::move(data));
    NjModuleMeta &meta = metas_.emplace_back();
    g_strlcpy(meta.bundle, bundle, sizeof meta.bundle);
    meta.data = reinterpret_cast<const guint8 *>(texts_.back().data());
    meta.bytes = texts_.back().size();
    NjUserMeta &user = users_.emplace_back();
    user.meta_type = NJ_MODULE_META;
    user.user_meta_data = &meta;
    list_ = g_list_prepend(list_, &user);
    return *this;
  }

  // Without white space.
  std::string text() const {
    std::string text;
    for (const char c : module_data_json(list_).text())
      if (c != ' ' && c != '\n') text += c;
    return text;
  }

 private:
  std::deque<std::string> texts_;
  std::deque<NjModuleMeta> metas_;
  std::deque<NjUserMeta> users_;
  GList *list_ = nullptr;
};

}  // namespace

TEST_CASE("JSON of a module stays JSON, its members in their order") {
  CHECK(Metas().add("zones", R"({"b":[1,2.5,-3],"a":{"text":"é","yes":true,"none":null}})").text() ==
        R"([{"bundle":"zones","data":{"b":[1,2.5,-3],"a":{"text":"é","yes":true,"none":null}}}])");
}

TEST_CASE("everything else is base64") {
  CHECK(Metas().add("mine", std::string("\0\1\2", 3)).text() == R"([{"bundle":"mine","base64":"AAEC"}])");
  CHECK(Metas().add("mine", "{broken").text() == R"([{"bundle":"mine","base64":"e2Jyb2tlbg=="}])");
  CHECK(Metas().add("mine", "17").text() == R"([{"bundle":"mine","base64":"MTc="}])");
}

TEST_CASE("a document that is too deep is bytes") {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  CHECK(Metas().add("mine", deep).text().find("base64") != std::string::npos);
}

TEST_CASE("modules stand in the order of the list, and nothing is there without one") {
  CHECK(Metas().add("one", "[1]").add("two", "[2]").text() ==
        R"([{"bundle":"two","data":[2]},{"bundle":"one","data":[1]}])");
  CHECK(Metas().text() == "[]");
}

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "plugin/msgconv/json.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "plugin/msgconv/text.h"

using namespace nj::msgconv;

TEST_CASE("doubles have seventeen digits and never look like integers") {
  const std::pair<double, const char *> cases[] = {
      {0, "0.0"},
      {-0.0, "-0.0"},
      {1, "1.0"},
      {52.37, "52.369999999999997"},
      {static_cast<double>(0.9f), "0.89999997615814209"},
      {1e16, "10000000000000000.0"},
      {1e17, "1e+17"},
      {1e-7, "9.9999999999999995e-08"},
      {5e-324, "4.9406564584124654e-324"},
  };
  for (const auto &[value, text] : cases) CHECK(Json(value).text() == text);
}

TEST_CASE("numbers that are not finite are null, for JSON has no word for them") {
  CHECK(Json(std::nan("")).text() == "null");
  CHECK(Json(std::numeric_limits<double>::infinity()).text() == "null");
}

TEST_CASE("control characters, quotes and backslashes are escaped, other characters are not") {
  CHECK(Json("\x01\b\t\n\x0b\f\r\x1f\"\\/\x7f").text() == "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\\u007f\"");
  CHECK(Json("caf\xc3\xa9 \xf0\x9f\x98\x80").text() == "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"");
}

TEST_CASE("bytes that are not UTF-8 become replacement characters") {
  CHECK(Json("a\xff"
             "b")
            .text() ==
        "\"a\xef\xbf\xbd"
        "b\"");
}

TEST_CASE("a NULL string is null and an empty one is not") {
  CHECK(Json(static_cast<const char *>(nullptr)).text() == "null");
  CHECK(Json("").text() == "\"\"");
}

TEST_CASE("empty arrays are closed at once, empty objects after the indentation of their level") {
  CHECK(Json::array().text() == "[]");
  CHECK(Json::object().text() == "{}");
  CHECK(Json::object().set("location", Json::object()).text() == "{\n  \"location\" : {  }\n}");
  CHECK(Json::array().add(Json::array().add(Json::object())).text() == "[\n  [\n    {    }\n  ]\n]");
}

TEST_CASE("members keep the place of their first setting and the value of their last") {
  const Json json = Json::object().set("a", 1.0).set("b", 2.0).set("a", "again");
  CHECK(json.text() == "{\n  \"a\" : \"again\",\n  \"b\" : 2.0\n}");
}

TEST_CASE("six digits are written as a C++ stream writes them") {
  CHECK(six_digits(1279.46875) == "1279.47");
  CHECK(six_digits(1234567) == "1.23457e+06");
  CHECK(six_digits(640) == "640");
  CHECK(six_digits(0.0001f) == "0.0001");
}

TEST_CASE("a bounding box is cut toward zero and never overflows") {
  CHECK(truncated(-1.9) == -1);
  CHECK(truncated(310.99) == 310);
  CHECK(truncated(std::nan("")) == 0);
  CHECK(truncated(1e300) == std::numeric_limits<int64_t>::max());
}

TEST_CASE("times are UTC with milliseconds, cut, not rounded") {
  CHECK(utc_milliseconds(1784535330123999999u) == "2026-07-20T08:15:30.123Z");
  CHECK(utc_milliseconds(0) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("uuids are version 4, lower case, and differ") {
  const std::string uuid = random_uuid();
  CHECK(uuid.size() == 36);
  CHECK(uuid[14] == '4');
  CHECK(uuid.find_first_not_of("0123456789abcdef-") == std::string::npos);
  CHECK(uuid != random_uuid());
}

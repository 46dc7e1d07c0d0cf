#include "text.h"

#include <glib.h>

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

namespace nj::msgconv {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

std::string formatted(const char *format, double value) {
  char digits[400];  // %f of the largest double has 309 digits before the point
  g_ascii_formatd(digits, sizeof(digits), format, value);
  return digits;
}

}  // namespace

std::string six_digits(double value) { return formatted("%.6g", value); }

std::string six_decimals(double value) { return formatted("%f", value); }

int64_t truncated(double value) {
  constexpr double beyond = 9223372036854775808.0;  // 2^63
  if (std::isnan(value)) return 0;
  if (value >= beyond) return std::numeric_limits<int64_t>::max();
  if (value < -beyond) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

std::string utc_milliseconds(uint64_t nanoseconds) {
  const time_t seconds = static_cast<time_t>(nanoseconds / kSecond);
  struct tm utc {};
  gmtime_r(&seconds, &utc);
  char date[64];
  const size_t length = strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
  char fraction[8];
  snprintf(fraction, sizeof(fraction), ".%03" PRIu64 "Z", nanoseconds % kSecond / 1'000'000);
  return std::string(date, length) + fraction;
}

std::string random_uuid() {
  gchar *uuid = g_uuid_string_random();
  std::string text = uuid;
  g_free(uuid);
  return text;
}

uint64_t realtime_nanoseconds() {
  struct timespec now {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace nj::msgconv

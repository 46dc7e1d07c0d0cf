// Numbers, times and ids as nvmsgconv's payloads spell them. Independent of the process' locale.
#pragma once

#include <cstdint>
#include <string>

namespace nj::msgconv {

std::string six_digits(double value);    // a C++ stream's default: 1279.46875 -> 1279.47, 1234567 -> 1.23457e+06
std::string six_decimals(double value);  // std::to_string(double): 0.5 -> 0.500000
int64_t truncated(double value);         // toward zero; 0 for NaN, the nearest limit beyond 64 bits
std::string utc_milliseconds(uint64_t nanoseconds);  // since the epoch -> 2026-07-20T08:15:30.123Z
std::string random_uuid();                           // version 4, lower case
uint64_t realtime_nanoseconds();                     // since the epoch, now

}  // namespace nj::msgconv

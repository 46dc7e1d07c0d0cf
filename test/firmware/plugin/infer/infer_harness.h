// What the tests of njinfer share: the element on plain frames of 128x64 and a network of 64x64.
#pragma once

#include "stage_harness.h"

namespace nj::test {

// Scale 0.5, 16 rows of padding above and below: 40x20 at (20, 20) of the frame.
inline Result one_car(const SeenPicture &) { return {{object_at(10, 26, 20, 10)}, {}, {}}; }

struct InferHarness : StageHarness {
  explicit InferHarness(Host &host, const char *caps = kPlainCaps) : StageHarness(host, "njinfer", caps) {}
};

inline GstClockTime frame_time(int number) { return number * GST_SECOND / 30; }

}  // namespace nj::test

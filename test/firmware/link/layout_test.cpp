// What a hostile header can say, one field at a time.
#include "link/layout.h"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>

using namespace nj::link;

namespace {

constexpr uint64_t kBytes = 1 << 20;

LinkHeader good() {
  LinkHeader h{};
  h.magic = kMagic;
  h.major = kMajor;
  h.kind = 1;
  h.slot_count = 2;
  h.total_bytes = kBytes;
  h.first_slot = 4096;
  h.slot_stride = 65536;
  h.max_batch = 2;
  h.max_objects = 10;
  h.max_events = 4;
  h.aux_bytes = 128;
  h.generation = 1;
  h.frames = 256;
  h.objects_in = 512;
  h.objects_out = 2432;
  h.events_out = 4352;
  h.aux_in = 5376;
  h.aux_out = 5632;
  h.tensor_count = 1;
  strcpy(h.tensors[0].name, "images");
  h.tensors[0].rank = 4;
  const uint32_t dims[] = {2, 3, 8, 8};
  memcpy(h.tensors[0].dims, dims, sizeof dims);
  h.tensors[0].offset = 5888;
  h.tensors[0].frame_bytes = 768;
  h.tensors[0].is_input = 1;
  return h;
}

struct Attack {
  const char *name;
  const char *expected;  // part of the message
  std::function<void(LinkHeader &)> change;
};

const Attack kAttacks[] = {
    {"another magic number", "magic", [](LinkHeader &h) { h.magic = 0x464C457F; }},
    {"another major version", "version 2", [](LinkHeader &h) { h.major = 2; }},
    {"an unknown kind", "kind", [](LinkHeader &h) { h.kind = 3; }},
    {"no slots", "slot_count", [](LinkHeader &h) { h.slot_count = 0; }},
    {"too many slots", "slot_count", [](LinkHeader &h) { h.slot_count = kMaxSlots + 1; }},
    {"a batch of 0", "max_batch", [](LinkHeader &h) { h.max_batch = 0; }},
    {"a batch too large", "max_batch", [](LinkHeader &h) { h.max_batch = kMaxBatch + 1; }},
    {"too many objects", "max_objects", [](LinkHeader &h) { h.max_objects = UINT32_MAX; }},
    {"more objects than the section holds", "overlaps", [](LinkHeader &h) { h.max_objects = 11; }},
    {"too many events", "max_events", [](LinkHeader &h) { h.max_events = UINT32_MAX; }},
    {"an arena too large", "aux_bytes", [](LinkHeader &h) { h.aux_bytes = UINT32_MAX; }},
    {"an arena of odd size", "aux_bytes", [](LinkHeader &h) { h.aux_bytes = 126; }},
    {"generation 0", "generation", [](LinkHeader &h) { h.generation = 0; }},
    {"more bytes than are mapped", "total_bytes", [](LinkHeader &h) { h.total_bytes = kBytes + 1; }},
    {"slots beyond the end", "slots do not fit", [](LinkHeader &h) { h.slot_count = 16; }},
    {"a first slot beyond the end", "first_slot", [](LinkHeader &h) { h.first_slot = kBytes + 64; }},
    {"a first slot inside the header", "first_slot", [](LinkHeader &h) { h.first_slot = 64; }},
    {"a stride that overflows", "slot_stride", [](LinkHeader &h) { h.slot_stride = UINT64_MAX - 63; }},
    {"a section beyond the slot", "objects_out", [](LinkHeader &h) { h.objects_out = 65536 - 64; }},
    {"a section at the end of all numbers", "frames", [](LinkHeader &h) { h.frames = UINT64_MAX - 63; }},
    {"a section on the slot header", "aux_in", [](LinkHeader &h) { h.aux_in = 64; }},
    {"a section out of line", "events_out", [](LinkHeader &h) { h.events_out += 4; }},
    {"sections one upon the other", "overlaps", [](LinkHeader &h) { h.objects_in = h.objects_out; }},
    {"too many tensors", "tensor_count", [](LinkHeader &h) { h.tensor_count = kMaxTensors + 1; }},
    {"a name without an end", "no end", [](LinkHeader &h) { memset(h.tensors[0].name, 'x', 64); }},
    {"an unknown data type", "data type", [](LinkHeader &h) { h.tensors[0].data_type = 6; }},
    {"a rank too high", "rank", [](LinkHeader &h) { h.tensors[0].rank = 9; }},
    {"another batch in a tensor", "dims[0]", [](LinkHeader &h) { h.tensors[0].dims[0] = 1; }},
    {"an empty dimension", "dimension", [](LinkHeader &h) { h.tensors[0].dims[1] = 0; }},
    {"a shape that overflows", "too large",
     [](LinkHeader &h) { h.tensors[0].dims[1] = h.tensors[0].dims[2] = h.tensors[0].dims[3] = UINT32_MAX; }},
    {"frame_bytes beside the shape", "frame_bytes", [](LinkHeader &h) { h.tensors[0].frame_bytes = 764; }},
    {"a tensor beyond the slot", "tensor images", [](LinkHeader &h) { h.tensors[0].offset = 65536; }},
};

}  // namespace

TEST_CASE("a sound header passes") {
  std::string error;
  CHECK_MESSAGE(check_header(good(), kBytes, &error), error);
}

TEST_CASE("an unsound header is refused, and the message names the field") {
  for (const Attack &attack : kAttacks) {
    CAPTURE(attack.name);
    LinkHeader header = good();
    attack.change(header);
    std::string error;
    CHECK_FALSE(check_header(header, kBytes, &error));
    CHECK_MESSAGE(error.find(attack.expected) != std::string::npos, error);
  }
}

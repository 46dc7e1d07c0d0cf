// golden.bin is a link of one slot in which every field has a value of its own. protocol.test.ts reads and writes the
// same file, so that no offset can move in one language alone.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "link/layout.h"
#include "link/protocol.h"

using namespace nj::link;

namespace {

constexpr size_t kFirstSlot = 4096, kBytes = 8192;

std::vector<uint8_t> golden_file() {
  std::ifstream file(std::string(std::getenv("NJ_TEST_DATA")) + "/link/golden.bin", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TensorDescriptor tensor(const char *name, DataType type, std::vector<uint32_t> dims, uint64_t offset, uint64_t bytes) {
  TensorDescriptor result{};
  strcpy(result.name, name);
  result.data_type = uint32_t(type);
  result.rank = uint32_t(dims.size());
  std::copy(dims.begin(), dims.end(), result.dims);
  result.offset = offset;
  result.frame_bytes = bytes;
  result.scale = 1;
  return result;
}

LinkHeader header() {
  LinkHeader h{};
  h.magic = kMagic;
  h.major = kMajor;
  h.minor = kMinor;
  h.kind = uint32_t(Kind::Detect);
  h.slot_count = 1;
  h.total_bytes = kBytes;
  h.first_slot = kFirstSlot;
  h.slot_stride = 4096;
  h.max_batch = 1;
  h.max_objects = 1;
  h.max_events = 1;
  h.aux_bytes = 64;
  h.tensor_count = 2;
  h.generation = 7;
  h.frames = 256;
  h.objects_in = 384;
  h.objects_out = 512;
  h.events_out = 640;
  h.aux_in = 768;
  h.aux_out = 832;
  for (uint32_t i = 0; i < kBellCount; ++i) h.bells[i].value = 0x100 + i;
  h.stop.value = 0x200;
  h.tensors[0] = tensor("images", DataType::Float32, {1, 3, 2, 2}, 896, 48);
  h.tensors[0].is_input = 1;
  h.tensors[1] = tensor("output0", DataType::Int8, {1, 5}, 960, 5);
  h.tensors[1].scale = 0.5f;
  h.tensors[1].zero_point = -3;
  return h;
}

SlotHeader slot() {
  SlotHeader s{};
  s.state = uint32_t(SlotState::Failed);
  s.batch = 1;
  s.sequence = 0x1111111122222222;
  s.submitted = 1001;
  s.engine_start = 1002;
  s.engine_end = 1003;
  s.module_start = 1004;
  s.module_end = 1005;
  s.error_code = uint32_t(LinkError::Overflow);
  strcpy(s.error, "too many objects");
  return s;
}

FrameRecord frame() {
  FrameRecord f{};
  f.source_id = 3;
  f.frame_number = -4;
  f.pts = 0x3333333344444444;
  f.capture = 0x5555555566666666;
  f.width = 1920;
  f.height = 1080;
  f.scale_x = 0.25f;
  f.scale_y = 0.5f;
  f.offset_x = 1.5f;
  f.offset_y = 2.5f;
  f.objects_in = 1;
  f.objects_out = 1;
  f.events_out = 1;
  f.aux_in = 12;
  f.aux_out = 16;
  f.flags = kFrameInferred | kFrameDiscontinuity;
  f.user = 20;
  f.user_bytes = 21;
  return f;
}

ObjectRecord object() {
  ObjectRecord o{};
  o.left = 1.25f;
  o.top = 2.25f;
  o.width = 3.25f;
  o.height = 4.25f;
  o.angle = -0.5f;
  o.confidence = 0.75f;
  o.class_id = 17;
  o.flags = kObjectTracked | kObjectPredicted | kObjectNew;
  o.object_id = 0x7777777788888888;
  o.tracker_confidence = 0.625f;
  o.parent = -1;
  o.input = 5;
  o.component_id = 6;
  o.aux = 8;
  o.aux_bytes = 40;
  o.mask_width = 9;
  o.mask_height = 10;
  o.keypoints = 11;
  o.attributes = 12;
  o.age = 13;
  o.user_bytes = 22;
  return o;
}

EventRecord event() {
  EventRecord e{};
  strcpy(e.type, "line-crossing");
  strcpy(e.rule, "gate");
  strcpy(e.label, "fahrräder");
  e.object_id = kUntracked;
  e.class_id = 18;
  e.object = -1;
  e.x = 5.5f;
  e.y = 6.5f;
  e.value = 1.0 / 3;
  e.flags = 19;
  return e;
}

template <typename Record>
void put(std::vector<uint8_t> &bytes, size_t offset, const Record &record) {
  memcpy(bytes.data() + offset, &record, sizeof record);
}

std::vector<uint8_t> written() {
  std::vector<uint8_t> bytes(kBytes);
  const LinkHeader h = header();
  put(bytes, 0, h);
  put(bytes, kFirstSlot, slot());
  put(bytes, kFirstSlot + h.frames, frame());
  put(bytes, kFirstSlot + h.objects_in, object());
  ObjectRecord out = object();
  out.object_id = kUntracked;
  put(bytes, kFirstSlot + h.objects_out, out);
  put(bytes, kFirstSlot + h.events_out, event());
  bytes[kFirstSlot + h.aux_in] = 0xA1;
  bytes[kFirstSlot + h.aux_out] = 0xA2;
  const float pixel = 0.125f;
  put(bytes, kFirstSlot + h.tensors[0].offset, pixel);
  bytes[kFirstSlot + h.tensors[1].offset] = uint8_t(-5);
  return bytes;
}

}  // namespace

TEST_CASE("the bytes of every record are those of the golden file") {
  const auto golden = golden_file();
  const auto bytes = written();
  REQUIRE(golden.size() == bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    CAPTURE(i);
    REQUIRE(int(bytes[i]) == int(golden[i]));
  }
}

TEST_CASE("the golden header passes the check") {
  LinkHeader copy;
  const auto golden = golden_file();
  REQUIRE(golden.size() >= sizeof copy);
  memcpy(&copy, golden.data(), sizeof copy);
  std::string error;
  CHECK_MESSAGE(check_header(copy, golden.size(), &error), error);
}

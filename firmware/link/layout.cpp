#include "layout.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace nj::link {
namespace {

constexpr uint64_t kAlign = 64;

struct Section {
  std::string name;
  uint64_t offset;
  uint64_t bytes;
};

// Stops at the first failure and keeps its words.
class Check {
 public:
  explicit Check(std::string *error) : error_(error) {}

  bool ok() const { return ok_; }

  void fail(const std::string &message) {
    if (ok_) *error_ = "link header: " + message;
    ok_ = false;
  }

  void range(const std::string &name, uint64_t value, uint64_t low, uint64_t high) {
    if (value < low || value > high)
      fail(name + " is " + std::to_string(value) + ", expected " + std::to_string(low) + " to " + std::to_string(high));
  }

  // `bytes` bytes at `offset` lie between low and end.
  void place(const std::string &name, uint64_t offset, uint64_t bytes, uint64_t low, uint64_t end) {
    if (offset % kAlign != 0) fail(name + " at " + std::to_string(offset) + " is not a multiple of 64");
    if (offset < low || offset > end || bytes > end - offset)
      fail(name + " at " + std::to_string(offset) + " with " + std::to_string(bytes) + " bytes lies outside of " +
           std::to_string(low) + " to " + std::to_string(end));
  }

 private:
  std::string *error_;
  bool ok_ = true;
};

void check_version(const LinkHeader &header, Check &check) {
  if (header.magic != kMagic) check.fail("wrong magic number: this is not a link");
  if (header.major != kMajor)
    check.fail("version " + std::to_string(header.major) + " of the protocol, this side speaks " +
               std::to_string(kMajor));
}

void check_counts(const LinkHeader &header, uint64_t bytes, Check &check) {
  if (header.kind != uint32_t(Kind::Detect) && header.kind != uint32_t(Kind::Analyze))
    check.fail("kind is " + std::to_string(header.kind) + ", expected 1 or 2");
  check.range("slot_count", header.slot_count, 1, kMaxSlots);
  check.range("max_batch", header.max_batch, 1, kMaxBatch);
  check.range("max_objects", header.max_objects, 0, kMaxObjects);
  check.range("max_events", header.max_events, 0, kMaxEvents);
  check.range("aux_bytes", header.aux_bytes, 0, kMaxAuxBytes);
  if (header.aux_bytes % 4 != 0) check.fail("aux_bytes is not a multiple of 4");
  check.range("generation", header.generation, 1, UINT32_MAX);
  check.range("tensor_count", header.tensor_count, 0, kMaxTensors);
  check.range("total_bytes", header.total_bytes, sizeof(LinkHeader), std::min(bytes, kMaxBytes));
}

// Nothing here can overflow: total_bytes is at most kMaxBytes and slot_count at most kMaxSlots.
void check_slots(const LinkHeader &header, Check &check) {
  check.place("first_slot", header.first_slot, 0, sizeof(LinkHeader), header.total_bytes);
  check.place("slot_stride", header.slot_stride, 0, sizeof(SlotHeader), header.total_bytes);
  if (check.ok() && header.slot_count * header.slot_stride > header.total_bytes - header.first_slot)
    check.fail("the slots do not fit into total_bytes");
}

void check_tensor(const TensorDescriptor &tensor, uint32_t batch, Check &check) {
  if (!memchr(tensor.name, 0, sizeof tensor.name) || !tensor.name[0])
    return check.fail("a tensor name is empty or has no end");
  const std::string name = std::string("tensor ") + tensor.name;
  uint64_t expected = data_type_bytes(tensor.data_type);
  if (expected == 0) return check.fail(name + ": data type " + std::to_string(tensor.data_type) + " is unknown");
  check.range(name + ": rank", tensor.rank, 1, kMaxRank);
  if (!check.ok()) return;
  if (tensor.dims[0] != batch) check.fail(name + ": dims[0] is not the batch");
  for (uint32_t i = 1; i < tensor.rank && check.ok(); ++i) {
    check.range(name + ": a dimension", tensor.dims[i], 1, UINT32_MAX);
    expected *= tensor.dims[i];  // below kMaxBytes * 2^32: no overflow
    if (expected > kMaxBytes) check.fail(name + ": one frame is too large");
  }
  if (tensor.frame_bytes != expected) check.fail(name + ": frame_bytes does not follow from its shape");
}

std::vector<Section> sections_of(const LinkHeader &header) {
  const uint64_t batch = header.max_batch;
  std::vector<Section> sections = {
      {"frames", header.frames, batch * sizeof(FrameRecord)},
      {"objects_in", header.objects_in, batch * header.max_objects * sizeof(ObjectRecord)},
      {"objects_out", header.objects_out, batch * header.max_objects * sizeof(ObjectRecord)},
      {"events_out", header.events_out, batch * header.max_events * sizeof(EventRecord)},
      {"aux_in", header.aux_in, batch * header.aux_bytes},
      {"aux_out", header.aux_out, batch * header.aux_bytes},
  };
  for (uint32_t i = 0; i < header.tensor_count; ++i) {
    const auto &tensor = header.tensors[i];
    sections.push_back({std::string("tensor ") + tensor.name, tensor.offset, batch * tensor.frame_bytes});
  }
  return sections;
}

// Every section lies inside the slot, behind its header, and none overlaps another.
void check_sections(const LinkHeader &header, Check &check) {
  auto sections = sections_of(header);
  for (const auto &section : sections)
    check.place(section.name, section.offset, section.bytes, sizeof(SlotHeader), header.slot_stride);
  sections.erase(std::remove_if(sections.begin(), sections.end(), [](const Section &s) { return s.bytes == 0; }),
                 sections.end());
  std::sort(sections.begin(), sections.end(), [](const Section &a, const Section &b) { return a.offset < b.offset; });
  for (size_t i = 1; i < sections.size() && check.ok(); ++i) {
    if (sections[i - 1].offset + sections[i - 1].bytes > sections[i].offset)
      check.fail(sections[i - 1].name + " overlaps " + sections[i].name);
  }
}

}  // namespace

uint32_t data_type_bytes(uint32_t data_type) {
  switch (DataType(data_type)) {
    case DataType::Float32:
    case DataType::Int32:
      return 4;
    case DataType::Float16:
      return 2;
    case DataType::Int8:
    case DataType::Uint8:
      return 1;
    case DataType::Int64:
      return 8;
  }
  return 0;
}

bool check_header(const LinkHeader &header, uint64_t bytes, std::string *error) {
  Check check(error);
  check_version(header, check);
  if (check.ok()) check_counts(header, bytes, check);
  if (check.ok()) check_slots(header, check);
  for (uint32_t i = 0; i < header.tensor_count && check.ok(); ++i)
    check_tensor(header.tensors[i], header.max_batch, check);
  if (check.ok()) check_sections(header, check);
  return check.ok();
}

}  // namespace nj::link

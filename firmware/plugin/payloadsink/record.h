// What njpayloadsink writes to its file descriptor: a stream of records, each a header of 64 bytes and its payload.
// services/publisher/record.ts reads them; test/firmware/plugin/payloadsink/golden.bin pins every offset for both.
//
// All integers are little-endian. Sequence numbers count every record that the element was given, also the lost ones:
// for consecutive records on the descriptor, b.sequence = a.sequence + 1 + b.dropped (for a drop report, whose sequence
// is that of the last lost record: a.sequence + b.dropped).
//
// Version: a reader refuses another magic and takes payloads from `header_bytes` on, so that the header may grow.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nj {

constexpr uint32_t kRecordMagic = 0x43524A4E;  // "NJRC"
constexpr uint32_t kNoSource = 0xFFFFFFFF;     // source_id of a record without a source

enum class RecordKind : uint32_t {
  Objects = 1,     // an nvmsgconv document, UTF-8
  Event = 2,       // the document of one event, UTF-8
  Media = 3,       // the bytes of one buffer, for instance a JPEG
  DropReport = 4,  // records were lost and none follows yet; payload: JSON {"records", "bytes", "queueFull",
                   // "tooLarge"}, counted since the element started
};

struct RecordHeader {
  uint32_t magic = kRecordMagic;
  uint32_t header_bytes = 64;
  uint32_t payload_bytes = 0;  // what follows the header
  uint32_t kind = 0;           // RecordKind
  uint32_t source_id = kNoSource;
  int32_t frame_number = -1;  // -1: unknown
  uint64_t pts = 0;           // ns; all ones: unknown
  uint64_t capture_ns = 0;    // since the epoch; 0: unknown
  uint64_t sequence = 0;      // from 1
  uint32_t component_id = 0;
  uint32_t dropped = 0;     // records lost since the previous one on the descriptor
  uint64_t emitted_ns = 0;  // since the epoch: when the element got it
};

static_assert(sizeof(RecordHeader) == 64);
static_assert(offsetof(RecordHeader, kind) == 12);
static_assert(offsetof(RecordHeader, source_id) == 16);
static_assert(offsetof(RecordHeader, pts) == 24);
static_assert(offsetof(RecordHeader, capture_ns) == 32);
static_assert(offsetof(RecordHeader, sequence) == 40);
static_assert(offsetof(RecordHeader, component_id) == 48);
static_assert(offsetof(RecordHeader, dropped) == 52);
static_assert(offsetof(RecordHeader, emitted_ns) == 56);

}  // namespace nj

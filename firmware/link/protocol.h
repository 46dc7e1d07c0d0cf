// The link: shared memory between a GStreamer element and the postprocess host.
//
// One link belongs to one element instance (njinfer or njanalytics). The host creates and seals a memfd that holds a
// header and a few slots, and passes it over a Unix socket; a slot carries one batch through the stages below. This
// header is the whole contract: C++ includes it, protocol.ts mirrors it, and test/firmware/link/golden.bin pins every
// offset in both languages.
//
//   element (C++)                 engine worker (Node)            module worker (Node)
//   -------------                 --------------------            --------------------
//   FREE -> FILLING
//   writes frames, tensors
//   FILLING -> INPUT_READY ------> INPUT_READY -> INFERRING
//     rings bells[ENGINE]          runs the model
//                                  INFERRING -> OUTPUT_READY ----> OUTPUT_READY -> DECODING
//                                    rings bells[MODULE]            runs the module, writes objects
//                                                                   DECODING -> RESULT_READY
//   RESULT_READY or FAILED <----------------------------------------  rings bells[ELEMENT]
//   reads objects, -> FREE
//
// An element with an engine of its own (CUDA) or without a model (njanalytics) goes from FILLING straight to
// OUTPUT_READY. Any stage of the host may set FAILED with a reason in `error`; the element then passes the frames on
// without objects. Only the owner of a state may leave it, so every transition has one writer: store fields, then
// store `state` with release order, then add 1 to the bell and wake its waiters. A waiter reads the bell, looks at the
// slots, and sleeps (futex, non-private) only while the bell is unchanged, at most LINK_WAIT_MS.
//
// Peers are not trusted: whoever reads a count or an offset checks it against its own copy of the layout first.
// A peer that dies is noticed by hang-up of the socket, one that is stuck by the deadline of the waiter.
//
// Versions: a reader refuses another major version. A minor version only gives meaning to reserved bytes.
// All integers are little-endian, all offsets are in bytes and multiples of 64 unless said otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nj::link {

constexpr uint32_t kMagic = 0x4B4C4A4E;  // "NJLK"
constexpr uint16_t kMajor = 1;
constexpr uint16_t kMinor = 1;  // 1: user metadata of frames and objects, flags of events

constexpr uint32_t kMaxSlots = 16;
constexpr uint32_t kMaxTensors = 16;  // inputs and outputs together
constexpr uint32_t kMaxRank = 8;
constexpr uint32_t kMaxBatch = 1024;  // as Gst-nvinfer
constexpr uint32_t kMaxObjects = 65536;
constexpr uint32_t kMaxEvents = 65536;
constexpr uint32_t kMaxAuxBytes = 64u << 20;
constexpr uint64_t kMaxBytes = 8ull << 30;  // of a whole link
constexpr uint32_t kWaitMs = 100;           // LINK_WAIT_MS: the longest sleep in one futex wait
constexpr uint64_t kUntracked = 0xFFFFFFFFFFFFFFFFull;

enum class Kind : uint32_t { Detect = 1, Analyze = 2 };

enum Bell : uint32_t { kBellEngine = 0, kBellModule = 1, kBellElement = 2, kBellCount = 4 };

enum class SlotState : uint32_t {
  Free = 0,         // owned by the element
  Filling = 1,      // owned by the element
  InputReady = 2,   // owned by the engine worker
  Inferring = 3,    // owned by the engine worker
  OutputReady = 4,  // owned by the module worker
  Decoding = 5,     // owned by the module worker
  ResultReady = 6,  // owned by the element
  Failed = 7,       // owned by the element
};

// As NvDsInferDataType.
enum class DataType : uint32_t { Float32 = 0, Float16 = 1, Int8 = 2, Int32 = 3, Int64 = 4, Uint8 = 5 };

// A tensor's place in every slot. dims[0] is the batch (max_batch); the bytes of frame i begin at
// offset + i * frame_bytes. In a detect link, tensor 0 is the picture.
struct TensorDescriptor {
  char name[64];  // NUL-terminated
  uint32_t data_type;
  uint32_t rank;
  uint32_t dims[kMaxRank];
  uint64_t offset;       // from the start of the slot
  uint64_t frame_bytes;  // bytes of one frame
  float scale;           // int8: real = scale * (q - zero_point); 1 otherwise
  int32_t zero_point;
  uint8_t is_input;
  uint8_t reserved[31];
};
static_assert(sizeof(TensorDescriptor) == 160);

struct LinkHeader {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
  uint32_t kind;
  uint32_t slot_count;
  uint64_t total_bytes;
  uint64_t first_slot;   // offset of slot 0
  uint64_t slot_stride;  // from slot to slot
  uint32_t max_batch;    // frames in a slot
  uint32_t max_objects;  // objects of one frame, in and out
  uint32_t max_events;   // events of one frame
  uint32_t aux_bytes;    // bytes of the arena of one frame, in and out
  uint32_t tensor_count;
  uint32_t generation;  // grows when the host offers a new layout (another model) to the same element

  // Offsets inside a slot. Arrays run over the frames of the batch: max_batch rows.
  uint64_t frames;       // FrameRecord[max_batch]
  uint64_t objects_in;   // ObjectRecord[max_batch][max_objects]
  uint64_t objects_out;  // ObjectRecord[max_batch][max_objects]
  uint64_t events_out;   // EventRecord[max_batch][max_events]
  uint64_t aux_in;       // uint8_t[max_batch][aux_bytes]
  uint64_t aux_out;      // uint8_t[max_batch][aux_bytes]

  uint8_t reserved0[16];

  // One cache line each. A bell is a counter: whoever rings adds 1 and wakes all waiters.
  struct alignas(64) BellWord {
    uint32_t value;
  } bells[kBellCount];
  // Not zero: waiters of the host leave at once. Written by the host only.
  struct alignas(64) StopWord {
    uint32_t value;
  } stop;
  alignas(64) TensorDescriptor tensors[kMaxTensors];
};
static_assert(offsetof(LinkHeader, bells) == 128);
static_assert(offsetof(LinkHeader, stop) == 384);
static_assert(offsetof(LinkHeader, tensors) == 448);
static_assert(sizeof(LinkHeader) == 3008);

// At the start of every slot. Times are CLOCK_MONOTONIC in nanoseconds, 0 when the stage did not run.
struct SlotHeader {
  uint32_t state;  // SlotState, atomic
  uint32_t batch;  // frames in this slot, 1..max_batch
  uint64_t sequence;
  uint64_t submitted;
  uint64_t engine_start;
  uint64_t engine_end;
  uint64_t module_start;
  uint64_t module_end;
  uint32_t error_code;  // 0, or a LinkError
  uint32_t reserved0;
  char error[192];  // NUL-terminated, for people
};
static_assert(sizeof(SlotHeader) == 256);

enum class LinkError : uint32_t {
  None = 0,
  Engine = 1,    // the engine refused or failed
  Module = 2,    // the module trapped or returned an error
  Deadline = 3,  // the module ran over its time
  Overflow = 4,  // more objects or events than the limits allow
  Stopping = 5,  // the host is going away or changing the bundle
  Protocol = 6,  // the peer wrote something impossible
};

struct FrameRecord {
  uint32_t source_id;
  int32_t frame_number;
  uint64_t pts;      // ns, the buffer's; ~0 when unknown
  uint64_t capture;  // ns since the epoch (CLOCK_REALTIME)
  uint32_t width;    // pixels of the frame, the space of objects_in (and objects_out of analyze modules)
  uint32_t height;
  // Letterbox: network = frame * scale + offset, per axis. Identity for analyze.
  float scale_x;
  float scale_y;
  float offset_x;
  float offset_y;
  uint32_t objects_in;  // counts; never above max_objects / max_events / aux_bytes
  uint32_t objects_out;
  uint32_t events_out;
  uint32_t aux_in;
  uint32_t aux_out;
  uint32_t flags;  // FrameFlags
  // Out of an analyze module, from minor 1 on: what it says about the frame as a whole, bytes of its own in the arena
  // of objects_out. user is a multiple of 4; user_bytes 0 is none.
  uint32_t user;
  uint32_t user_bytes;
  uint8_t reserved[48];
};
static_assert(sizeof(FrameRecord) == 128);
static_assert(offsetof(FrameRecord, user) == 72);

enum FrameFlags : uint32_t {
  kFrameInferred = 1u << 0,       // detection ran on this frame (NvDs bInferDone)
  kFrameDiscontinuity = 1u << 1,  // the source restarted: modules forget what they know of it
};

// One object. Lengths are pixels: of the network input out of a detect module, of the frame everywhere else.
// The angle is in radians, clockwise on screen (y down), about the centre of the un-rotated box.
struct ObjectRecord {
  float left;
  float top;
  float width;
  float height;
  float angle;
  float confidence;    // 0..1
  int32_t class_id;    // 0..65535
  uint32_t flags;      // ObjectFlags
  uint64_t object_id;  // kUntracked until a tracker gives one
  float tracker_confidence;
  int32_t parent;         // index in the same list, -1 for none
  int32_t input;          // analyze: index in objects_in that this object continues, -1 for a new one
  uint32_t component_id;  // unique-id of the element that found it
  // Optional data in the frame's arena, in this order: mask, keypoints, attributes, user. aux is from the start of the
  // arena, a multiple of 4; aux_bytes covers all four.
  uint32_t aux;
  uint32_t aux_bytes;
  uint16_t mask_width;  // float32[mask_height][mask_width], stretched over the box
  uint16_t mask_height;
  uint16_t keypoints;   // float32[keypoints][3]: x, y, confidence
  uint16_t attributes;  // {uint32_t group; uint32_t class_id; float confidence}[attributes]
  uint32_t age;         // tracker: frames since the object appeared
  uint32_t user_bytes;  // out of an analyze module, from minor 1 on: what it says about the object
  uint8_t reserved[16];
};
static_assert(sizeof(ObjectRecord) == 96);
static_assert(offsetof(ObjectRecord, user_bytes) == 76);

enum ObjectFlags : uint32_t {
  kObjectTracked = 1u << 0,    // has an object_id
  kObjectPredicted = 1u << 1,  // no detection in this frame: the tracker's estimate
  kObjectNew = 1u << 2,        // first frame of this object_id
};

// What an analyze module concluded. Strings are UTF-8, NUL-terminated.
struct EventRecord {
  char type[24];  // "appeared", "left", "line-crossing", …
  char rule[32];  // the name of the zone or line; empty where there is none
  char label[32];
  uint64_t object_id;
  int32_t class_id;
  int32_t object;  // index in objects_out, -1 for none
  float x;         // pixels of the frame
  float y;
  double value;    // what the type says: seconds of dwell, a count, …
  uint32_t flags;  // EventFlags
  uint8_t reserved[4];
};
static_assert(sizeof(EventRecord) == 128);

// Which way a line was crossed, from minor 1 on; neither bit where the type knows no direction.
enum EventFlags : uint32_t {
  kEventIn = 1u << 0,
  kEventOut = 1u << 1,
};

}  // namespace nj::link

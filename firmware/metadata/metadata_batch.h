// MetadataBatch: how an element reads and writes the metadata of one buffer without knowing whose metadata it is.
// Implementations: Nj (nj_metadata_batch.cpp) and, with DeepStream, NvDs. Both pass test/firmware/metadata/contract.h.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nj {

constexpr uint64_t kUntrackedObject = 0xFFFFFFFFFFFFFFFFull;

enum class TrackState : uint32_t { None = 0, New = 1, Active = 2, Predicted = 3 };

struct Box {
  float left = 0, top = 0, width = 0, height = 0;  // pixels of the frame
};

struct Color {
  double red = 0, green = 0, blue = 0, alpha = 0;  // 0..1
};

struct Keypoint {
  float x = 0, y = 0, confidence = 0;
};

struct Attribute {   // one classifier result of an object
  std::string type;  // "color"
  std::string label;
  uint32_t class_id = 0;
  float confidence = 0;
};

// What a module says about a frame or an object, in a form of its own.
struct UserData {
  int component_id = 0;  // unique-id of the element that ran the module
  std::string bundle;
  std::vector<uint8_t> bytes;  // empty: none
};

// One object as elements exchange it. Everything an implementation stores beyond this, it sets to 0.
struct Object {
  int component_id = 0;
  int class_id = 0;  // 0..65535
  uint64_t object_id = kUntrackedObject;
  Box box;                  // clipped to the frame: what is drawn, tracked and published
  Box detector_box;         // before clipping
  Box tracker_box;          // all 0 until tracked
  float angle_degrees = 0;  // clockwise on screen
  float confidence = 0;
  float tracker_confidence = 0;
  TrackState track_state = TrackState::None;
  uint32_t track_age = 0;
  std::string label;
  int parent = -1;  // index in the frame's objects(), -1 for none
  Color border{1, 0, 0, 1};
  uint32_t border_width = 3;
  std::vector<float> mask;  // mask_height rows of mask_width
  uint32_t mask_width = 0, mask_height = 0;
  float mask_threshold = 0.5f;
  std::vector<Keypoint> keypoints;
  std::vector<Attribute> attributes;
  UserData user;  // attached by add_object and update_object; objects() does not read it
};

struct Event {
  std::string type, rule, label;
  uint64_t object_id = kUntrackedObject;
  int class_id = -1;
  float x = 0, y = 0;
  double value = 0;
  float confidence = 0;
  uint32_t flags = 0;  // link::EventFlags
};

struct FrameInfo {
  uint32_t source_id = 0;
  uint32_t batch_id = 0;
  int32_t frame_number = 0;
  uint64_t pts = 0;      // ns
  uint64_t capture = 0;  // ns since the epoch
  uint32_t width = 0, height = 0;
  bool inferred = false;
};

struct TensorOutput {
  std::string name;
  uint32_t data_type = 0;               // link::DataType
  std::vector<uint32_t> dims;           // without batch
  std::shared_ptr<const uint8_t> data;  // aliasing pointer: keeps its storage alive
  size_t bytes = 0;
};

// The raw outputs of one look of a network.
struct NetworkOutput {
  uint32_t unique_id = 0;  // of the element
  uint32_t network_width = 0, network_height = 0;
  bool keeps_aspect = false;  // the picture was letterboxed
  bool centred = false;       // and its padding is on both sides
  std::vector<TensorOutput> tensors;
};

class MetadataBatch {
 public:
  virtual ~MetadataBatch() = default;

  virtual uint32_t frame_count() const = 0;
  virtual FrameInfo frame(uint32_t index) const = 0;
  // Oldest first: the order in which they were added, whatever the list below does. The opaque handle in `handles`,
  // when asked for, stays valid until the object is removed.
  virtual std::vector<Object> objects(uint32_t frame, std::vector<void *> *handles = nullptr) const = 0;

  virtual void add_object(uint32_t frame, const Object &object) = 0;
  // Writes what a tracker or classifier may change: id, class, boxes, states, confidence, label, attributes and user
  // data (appended). Mask, keypoints and attributes that the object has stay.
  virtual void update_object(uint32_t frame, void *handle, const Object &object) = 0;
  virtual void remove_object(uint32_t frame, void *handle) = 0;
  virtual void set_inferred(uint32_t frame) = 0;
  virtual void add_event(uint32_t frame, const Event &event) = 0;
  // false: this kind of metadata has no place for it.
  virtual bool add_user_data(uint32_t frame, const UserData &user) { return false; }
  // `handle`: the object that the network looked at; nullptr for the whole frame.
  virtual void add_tensors(uint32_t frame, void *handle, NetworkOutput output) = 0;
};

// The metadata of `buffer`: NvDs if it carries NvDs, Nj if it carries Nj; otherwise, for an unbatched frame (caps
// video/x-raw), a new Nj batch of one. The buffer must be writable and outlive the result. Takes the batch's lock.
// Returns nullptr and sets *error when the buffer has no metadata and is no plain frame.
std::unique_ptr<MetadataBatch> metadata_of(GstBuffer *buffer, const GstCaps *caps, std::string *error);

}  // namespace nj

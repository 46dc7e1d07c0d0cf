// Objects of a frame as an analyze module reads and writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../../link/protocol.h"
#include "../../metadata/metadata_batch.h"

namespace nj {

// Writes the objects, and their masks, keypoints and attributes as long as the arena has room: masks get what keypoints
// and attributes leave. Objects beyond `max_objects` are left out. `aux_used`: bytes of the arena.
uint32_t write_records(const std::vector<Object> &objects, link::ObjectRecord *records, uint32_t max_objects,
                       uint8_t *aux, uint32_t aux_bytes, uint32_t *aux_used);

// Labels by class, learnt from the detections that pass: a tracker's own objects and events carry a class only.
class LabelMemory {
 public:
  void learn(const std::vector<Object> &objects);
  // Of what was never seen of this component, that of the class alone; "class_N" when that was not seen either.
  std::string find(int component_id, int class_id) const;
  // The label that this class had last, whoever found it.
  std::string find(int class_id) const;

 private:
  std::map<std::pair<int, int>, std::string> labels_;
  std::map<int, std::string> last_;
};

// Whether the module continues the object as it was: same tracking, same box, same class.
bool is_unchanged(const Object &object, const link::ObjectRecord &record);

// `object` as the module continues it in `record`: id, state, tracker's box, class with its label. The box is clipped
// to the frame.
Object continued(const Object &object, const link::ObjectRecord &record, const LabelMemory &labels,
                 uint32_t frame_width, uint32_t frame_height);

// An object that only the module knows. Nothing is in the frame (width 0) when it lies outside.
Object created(const link::ObjectRecord &record, int component_id, const LabelMemory &labels, uint32_t frame_width,
               uint32_t frame_height);

// What the module says about the object, behind its mask, keypoints and attributes; empty for none. Offsets were
// checked when the results were taken (link/results.h).
std::vector<uint8_t> user_of(const link::ObjectRecord &record, const uint8_t *aux);
// What it says about the frame.
std::vector<uint8_t> user_of(const link::FrameRecord &record, const uint8_t *aux);

// `inputs`: the objects that the module got, `objects` and `count`: those that it gave. An event that names no label
// has the one of its object, or, without one, the label that its class had last.
Event read_event(const link::EventRecord &record, const link::ObjectRecord *objects, uint32_t count,
                 const std::vector<Object> &inputs, const LabelMemory &labels);

}  // namespace nj

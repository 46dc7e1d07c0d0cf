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

// Writes the objects, and their keypoints as long as the arena has room. Objects beyond `max_objects` are left out.
// `aux_used`: bytes of the arena.
uint32_t write_records(const std::vector<Object> &objects, link::ObjectRecord *records, uint32_t max_objects,
                       uint8_t *aux, uint32_t aux_bytes, uint32_t *aux_used);

// Labels by class, learnt from the detections that pass: a tracker's own objects and events carry a class only.
class LabelMemory {
 public:
  void learn(const std::vector<Object> &objects);
  // "class_N" for what was never seen.
  std::string find(int component_id, int class_id) const;
  // The label that this class had last, whoever found it.
  std::string find(int class_id) const;

 private:
  std::map<std::pair<int, int>, std::string> labels_;
  std::map<int, std::string> last_;
};

// `object` as the module continues it in `record`: id, state, tracker's box. The box is clipped to the frame.
Object continued(const Object &object, const link::ObjectRecord &record, uint32_t frame_width, uint32_t frame_height);

// An object that only the module knows. Nothing is in the frame (width 0) when it lies outside.
Object created(const link::ObjectRecord &record, int component_id, const LabelMemory &labels, uint32_t frame_width,
               uint32_t frame_height);

// `inputs`: the objects that the module got, `objects` and `count`: those that it gave. An event that names no label
// has the one of its object, or, without one, the label that its class had last.
Event read_event(const link::EventRecord &record, const link::ObjectRecord *objects, uint32_t count,
                 const std::vector<Object> &inputs, const LabelMemory &labels);

}  // namespace nj

// From the records of a module to objects of the frame: mapped back through the letterbox, clipped, filtered, labelled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../../engines/engine.h"
#include "../../metadata/metadata_batch.h"
#include "../../preprocess/preprocessor.h"
#include "settings.h"

namespace nj {

// Network pixels to frame pixels, with the numbers that brought the frame into the network.
Box to_frame(const Box &network, const Geometry &geometry);

// The part of `box` inside the frame: it shrinks and is never shifted. Empty (width 0) when nothing is inside.
Box clipped(const Box &box, uint32_t frame_width, uint32_t frame_height);

// Optional data of a record, out of the frame's arena. Parts that do not lie inside `aux_bytes` are left out.
struct RecordExtras {
  std::vector<float> mask;
  std::vector<Keypoint> keypoints;  // as in the record
  struct Attribute {
    uint32_t group, class_id;
    float confidence;
  };
  std::vector<Attribute> attributes;
};
RecordExtras read_extras(const link::ObjectRecord &record, const uint8_t *aux, size_t aux_bytes);

// What is needed to read the records of one frame.
struct ReadContext {
  const InferSettings &settings;
  const EngineInfo &info;
  int unique_id;
  Geometry geometry;
  uint32_t frame_width, frame_height;
};

// A record about the picture as a whole: attributes and no box.
bool is_whole_picture(const link::ObjectRecord &record);

// Nothing when a filter drops the object, when it lies outside the frame, or when its numbers are impossible. The
// parent is not set.
std::optional<Object> read_object(const link::ObjectRecord &record, const RecordExtras &extras,
                                  const ReadContext &context);

// The classifier results of a record.
std::vector<Attribute> read_attributes(const RecordExtras &extras, const ReadContext &context);

std::string label_of(const EngineInfo &info, int class_id);

}  // namespace nj

#include "results.h"

#include <cmath>
#include <cstring>

namespace nj::link {
namespace {

constexpr int32_t kMaxClass = 65535;
constexpr uint64_t kKeypointBytes = 12;
constexpr uint64_t kAttributeBytes = 12;

bool counts_possible(const LinkHeader &header, const FrameRecord &frame) {
  return frame.objects_out <= header.max_objects && frame.events_out <= header.max_events &&
         frame.aux_out <= header.aux_bytes;
}

// Mask, keypoints, attributes and user metadata lie inside of what the host says it wrote to the arena.
bool aux_possible(const ObjectRecord &object, const FrameRecord &frame) {
  uint64_t needed = uint64_t(object.mask_width) * object.mask_height * sizeof(float) +
                    object.keypoints * kKeypointBytes + object.attributes * kAttributeBytes + object.user_bytes;
  if (needed == 0) return true;
  return object.aux % 4 == 0 && object.aux_bytes >= needed && uint64_t(object.aux) + object.aux_bytes <= frame.aux_out;
}

bool user_possible(const FrameRecord &frame) {
  return frame.user_bytes == 0 ||
         (frame.user % 4 == 0 && uint64_t(frame.user) + frame.user_bytes <= uint64_t(frame.aux_out));
}

// -1 for none.
bool index_possible(int32_t index, uint32_t count) { return index >= -1 && (index < 0 || uint32_t(index) < count); }

const char *fault_of(const ObjectRecord &object, const FrameRecord &frame) {
  for (float value : {object.left, object.top, object.width, object.height, object.angle, object.confidence,
                      object.tracker_confidence})
    if (!std::isfinite(value)) return "a number that is not finite";
  if (object.class_id < 0 || object.class_id > kMaxClass) return "a class outside of 0 to 65535";
  if (!index_possible(object.parent, frame.objects_out)) return "a parent that does not exist";
  if (!index_possible(object.input, frame.objects_in)) return "an input that does not exist";
  if (!aux_possible(object, frame)) return "a mask, keypoints, attributes or user metadata outside of the arena";
  return nullptr;
}

const char *fault_of(const EventRecord &event, const FrameRecord &frame) {
  if (!index_possible(event.object, frame.objects_out)) return "an object that does not exist";
  if (!std::isfinite(event.x) || !std::isfinite(event.y)) return "a position that is not finite";
  return nullptr;
}

void end_strings(EventRecord &event) {
  event.type[sizeof event.type - 1] = 0;
  event.rule[sizeof event.rule - 1] = 0;
  event.label[sizeof event.label - 1] = 0;
}

template <typename Record>
void copy_rows(const Memory &memory, uint32_t slot, uint64_t offset, uint32_t frame, uint32_t per_frame, uint32_t count,
               std::vector<Record> *out) {
  out->resize(count);
  if (count > 0)
    memcpy(static_cast<void *>(out->data()), memory.at(slot, offset, frame, uint64_t(per_frame) * sizeof(Record)),
           count * sizeof(Record));
}

template <typename Record>
bool all_possible(const char *what, uint32_t index, const std::vector<Record> &records, const FrameRecord &frame,
                  std::string *error) {
  for (size_t i = 0; i < records.size(); ++i) {
    if (const char *fault = fault_of(records[i], frame)) {
      *error = std::string(what) + " " + std::to_string(i) + " of frame " + std::to_string(index) + " has " + fault;
      return false;
    }
  }
  return true;
}

bool take_frame(const Memory &memory, uint32_t slot, uint32_t index, Results *results, std::string *error) {
  const LinkHeader &header = memory.header();
  FrameRecord &frame = results->frames[index];
  const uint32_t objects_in = frame.objects_in;  // what we sent: the indices of the host refer to these
  memcpy(static_cast<void *>(&frame), memory.at(slot, header.frames, index, sizeof frame), sizeof frame);
  frame.objects_in = objects_in;
  if (!counts_possible(header, frame)) {
    *error = "frame " + std::to_string(index) + " has " + std::to_string(frame.objects_out) + " objects, " +
             std::to_string(frame.events_out) + " events and " + std::to_string(frame.aux_out) +
             " aux bytes, more than the link has room for";
    return false;
  }
  if (!user_possible(frame)) {
    *error = "frame " + std::to_string(index) + " has user metadata outside of the arena";
    return false;
  }
  auto &objects = results->objects[index];
  auto &events = results->events[index];
  copy_rows(memory, slot, header.objects_out, index, header.max_objects, frame.objects_out, &objects);
  copy_rows(memory, slot, header.events_out, index, header.max_events, frame.events_out, &events);
  for (EventRecord &event : events) end_strings(event);
  return all_possible("object", index, objects, frame, error) && all_possible("event", index, events, frame, error);
}

void clear_counts(Results *results) {
  for (size_t i = 0; i < results->frames.size(); ++i) {
    results->frames[i].objects_out = results->frames[i].events_out = results->frames[i].aux_out = 0;
    results->frames[i].user_bytes = 0;
    results->objects[i].clear();
    results->events[i].clear();
  }
}

}  // namespace

bool take_results(const Memory &memory, uint32_t slot, uint32_t batch, Results *results, std::string *error) {
  for (uint32_t i = 0; i < batch; ++i) {
    if (take_frame(memory, slot, i, results, error)) continue;
    clear_counts(results);
    *error = "the postprocess host wrote something impossible: " + *error;
    return false;
  }
  return true;
}

std::string failure_of(const Memory &memory, uint32_t slot) {
  SlotHeader copy;
  memcpy(&copy, &memory.slot(slot), sizeof copy);
  copy.error[sizeof copy.error - 1] = 0;
  return copy.error[0] ? copy.error : "the postprocess host failed without saying why";
}

}  // namespace nj::link

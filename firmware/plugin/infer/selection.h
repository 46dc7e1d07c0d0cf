// Which frames and objects of a batch the network looks at.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "../../metadata/metadata_batch.h"
#include "settings.h"

namespace nj {

// Counts per source, so that every camera is looked at equally often whatever else is in its batches.
class IntervalCounter {
 public:
  // Whether this frame is to be inferred; counts it.
  bool next(uint32_t source_id, unsigned interval) {
    unsigned &since = since_.try_emplace(source_id, interval).first->second;
    if (since++ < interval) return false;
    since = 0;
    return true;
  }
  void forget(uint32_t source_id) { since_.erase(source_id); }
  void reset() { since_.clear(); }

 private:
  std::map<uint32_t, unsigned> since_;  // frames that passed since the last inferred one
};

// What secondary inference remembers of tracked objects, so that a classifier looks at each one once in a while and not
// in every frame. Used by both threads of the element.
class ObjectCache {
 public:
  enum class Decision { Infer, Reuse };

  // Infers an object that is new, has grown by more than 20 % in area, or was inferred `reinfer_interval` frames ago.
  // One that is under way already is reused: its result comes before this frame's turn to be completed.
  Decision decide(uint32_t source_id, const Object &object, int32_t frame_number, unsigned reinfer_interval);
  // Attributes found; empty after a failure or when the network said nothing, so that the object is tried again.
  void store(uint32_t source_id, uint64_t object_id, std::vector<Attribute> attributes);
  std::vector<Attribute> find(uint32_t source_id, uint64_t object_id) const;
  void forget(uint32_t source_id);
  void reset();

 private:
  struct Key {
    uint32_t source_id;
    uint64_t object_id;
    bool operator<(const Key &other) const {
      return source_id != other.source_id ? source_id < other.source_id : object_id < other.object_id;
    }
  };
  struct Entry {
    float area = 0;                        // when last inferred, pixels
    int32_t inferred_at = 0, seen_at = 0;  // frame numbers
    bool under_way = false;
    std::vector<Attribute> attributes;
  };
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  unsigned since_sweep_ = 0;

  void sweep(uint32_t source_id, int32_t frame_number);
};

// Whether secondary inference may look at the object at all.
bool is_candidate(const Object &object, const InferSettings &settings);

}  // namespace nj

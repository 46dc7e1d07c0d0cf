// Where tracked objects have been, per source. Memory is bounded: so many points per object, so many objects per
// source.
#pragma once

#include <cstdint>
#include <deque>
#include <map>

#include "../../metadata/nj_meta.h"
#include "shapes.h"

namespace nj::osd {

class Trails {
 public:
  static constexpr size_t kMaxPoints = 48;      // per object
  static constexpr size_t kMaxObjects = 256;    // per source; the one not seen for longest goes
  static constexpr uint64_t kForgetAfter = 30;  // frames of its source without the object

  // Adds the tracked objects of a frame at the middle of their lower edge.
  void update(const NjFrameMeta *frame);
  // Points of an object, oldest first; nullptr if it has none.
  const std::deque<Point> *find(uint32_t source_id, uint64_t object_id) const;
  void forget(uint32_t source_id) { sources_.erase(source_id); }
  void clear() { sources_.clear(); }

 private:
  struct Trail {
    std::deque<Point> points;
    uint64_t last_seen = 0;
  };
  struct Source {
    uint64_t frames = 0;
    std::map<uint64_t, Trail> objects;
  };
  static void prune(Source *source);

  std::map<uint32_t, Source> sources_;
};

}  // namespace nj::osd

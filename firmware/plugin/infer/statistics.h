// What an inference element counts, for its `stats` property.
#pragma once

#include <gst/gst.h>

#include <array>
#include <cstdint>
#include <mutex>

#include "../../engines/engine.h"

namespace nj {

// The last times of one stage, in µs.
class TimeWindow {
 public:
  void add(uint64_t microseconds) {
    samples_[next_] = microseconds;
    next_ = (next_ + 1) % samples_.size();
    if (count_ < samples_.size()) count_++;
  }
  // share 0..1; 0 while there is none.
  uint64_t percentile(double share) const;

 private:
  std::array<uint32_t, 512> samples_{};
  size_t next_ = 0, count_ = 0;
};

// How long a buffer was worked on. Slots of one buffer may be under way together: their common time counts once. What
// the buffer waits for downstream does not count, or reporting it as latency would make it grow.
class BusyTime {
 public:
  void add(uint64_t preprocess_us, const WorkTimes &times) {
    const uint64_t begin = times.submitted > last_end_ ? times.submitted : last_end_;
    busy_us_ += preprocess_us + (times.module_end > begin ? (times.module_end - begin) / 1000 : 0);
    last_end_ = times.module_end;
  }
  uint64_t microseconds() const { return busy_us_; }

 private:
  uint64_t busy_us_ = 0, last_end_ = 0;
};

class Statistics {
 public:
  void frames(uint64_t count);    // entered
  void passed(uint64_t count);    // went on without looking: interval, no objects, host gone
  void failed(uint64_t count);    // were to be looked at, and the batch failed
  void inferred(uint64_t count);  // were looked at
  // One slot of the engine.
  void slot(uint64_t preprocess_us, const WorkTimes &times);
  // All slots of one buffer.
  void total(uint64_t busy_us);
  uint64_t total_percentile(double share) const;

  // frames, inferred, passed, failed (guint64) and <stage>-p50, <stage>-p99 in µs (guint64) of the last 512 batches for
  // preprocess, engine, module (one slot) and total (one buffer, from its preprocessing to its result).
  GstStructure *snapshot() const;

 private:
  mutable std::mutex mutex_;
  uint64_t frames_ = 0, inferred_ = 0, passed_ = 0, failed_ = 0;
  TimeWindow preprocess_, engine_, module_, total_;
};

}  // namespace nj

#include "statistics.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace nj {

namespace {

uint64_t microseconds_between(uint64_t begin, uint64_t end) { return begin && end > begin ? (end - begin) / 1000 : 0; }

void set_times(GstStructure *structure, const char *stage, const TimeWindow &window) {
  gst_structure_set(structure, (std::string(stage) + "-p50").c_str(), G_TYPE_UINT64, window.percentile(0.5),
                    (std::string(stage) + "-p99").c_str(), G_TYPE_UINT64, window.percentile(0.99), nullptr);
}

}  // namespace

uint64_t TimeWindow::percentile(double share) const {
  if (!count_) return 0;
  std::vector<uint32_t> sorted(samples_.begin(), samples_.begin() + count_);
  const size_t rank = std::min(count_ - 1, static_cast<size_t>(share * count_));
  std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
  return sorted[rank];
}

void Statistics::frames(uint64_t count) {
  std::lock_guard lock(mutex_);
  frames_ += count;
}

void Statistics::passed(uint64_t count) {
  std::lock_guard lock(mutex_);
  passed_ += count;
}

void Statistics::failed(uint64_t count) {
  std::lock_guard lock(mutex_);
  failed_ += count;
}

void Statistics::inferred(uint64_t count) {
  std::lock_guard lock(mutex_);
  inferred_ += count;
}

void Statistics::slot(uint64_t preprocess_us, const WorkTimes &times) {
  std::lock_guard lock(mutex_);
  preprocess_.add(preprocess_us);
  engine_.add(microseconds_between(times.engine_start, times.engine_end));
  module_.add(microseconds_between(times.module_start, times.module_end));
}

void Statistics::total(uint64_t busy_us) {
  std::lock_guard lock(mutex_);
  total_.add(busy_us);
}

uint64_t Statistics::total_percentile(double share) const {
  std::lock_guard lock(mutex_);
  return total_.percentile(share);
}

GstStructure *Statistics::snapshot() const {
  std::lock_guard lock(mutex_);
  GstStructure *structure =
      gst_structure_new("stats", "frames", G_TYPE_UINT64, frames_, "inferred", G_TYPE_UINT64, inferred_, "passed",
                        G_TYPE_UINT64, passed_, "failed", G_TYPE_UINT64, failed_, nullptr);
  set_times(structure, "preprocess", preprocess_);
  set_times(structure, "engine", engine_);
  set_times(structure, "module", module_);
  set_times(structure, "total", total_);
  return structure;
}

}  // namespace nj

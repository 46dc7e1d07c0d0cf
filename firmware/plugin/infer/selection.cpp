#include "selection.h"

#include <cstdlib>

namespace nj {

namespace {

constexpr float kGrowth = 1.2f;            // of the area
constexpr int32_t kForgottenAfter = 1800;  // frames without the object: a minute at 30 per second
constexpr unsigned kSweepEvery = 512;      // decisions

}  // namespace

bool is_candidate(const Object &object, const InferSettings &settings) {
  if (settings.infer_on_gie_id >= 0 && object.component_id != settings.infer_on_gie_id) return false;
  if (!settings.infer_on_classes.empty() && !settings.infer_on_classes.count(object.class_id)) return false;
  return object.box.width >= 1 && object.box.height >= 1 && settings.input.allow(object.box.width, object.box.height);
}

ObjectCache::Decision ObjectCache::decide(uint32_t source_id, const Object &object, int32_t frame_number,
                                          unsigned reinfer_interval) {
  if (object.object_id == kUntrackedObject) return Decision::Infer;
  std::lock_guard lock(mutex_);
  if (++since_sweep_ >= kSweepEvery) sweep(source_id, frame_number);
  const float area = object.box.width * object.box.height;
  const auto [place, is_new] = entries_.try_emplace(Key{source_id, object.object_id});
  Entry &entry = place->second;
  entry.seen_at = frame_number;
  const bool known = !is_new && (entry.under_way || !entry.attributes.empty());
  const bool aged = static_cast<unsigned>(std::abs(frame_number - entry.inferred_at)) >= reinfer_interval;
  if (known && !aged && area <= entry.area * kGrowth) return Decision::Reuse;
  entry.area = area;
  entry.inferred_at = frame_number;
  entry.under_way = true;
  return Decision::Infer;
}

void ObjectCache::store(uint32_t source_id, uint64_t object_id, std::vector<Attribute> attributes) {
  if (object_id == kUntrackedObject) return;
  std::lock_guard lock(mutex_);
  const auto place = entries_.find({source_id, object_id});
  if (place == entries_.end()) return;
  place->second.under_way = false;
  if (!attributes.empty()) place->second.attributes = std::move(attributes);
}

std::vector<Attribute> ObjectCache::find(uint32_t source_id, uint64_t object_id) const {
  std::lock_guard lock(mutex_);
  const auto place = entries_.find({source_id, object_id});
  return place == entries_.end() ? std::vector<Attribute>{} : place->second.attributes;
}

// What is under way finds its entry gone, and stores nothing.
void ObjectCache::forget(uint32_t source_id) {
  std::lock_guard lock(mutex_);
  const auto first = entries_.lower_bound({source_id, 0});
  auto last = first;
  while (last != entries_.end() && last->first.source_id == source_id) ++last;
  entries_.erase(first, last);
}

void ObjectCache::reset() {
  std::lock_guard lock(mutex_);
  entries_.clear();
}

void ObjectCache::sweep(uint32_t source_id, int32_t frame_number) {
  since_sweep_ = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const bool stale = entry->first.source_id == source_id && !entry->second.under_way &&
                       std::abs(frame_number - entry->second.seen_at) > kForgottenAfter;
    entry = stale ? entries_.erase(entry) : std::next(entry);
  }
}

}  // namespace nj

#include "trails.h"

#include <algorithm>

namespace nj::osd {
namespace {

// The middle of the lower edge, where the object stands; of a turned box its centre.
Point foot(const NjRectParams &rect) {
  const TurnedBox box{rect.left, rect.top, rect.width, rect.height, rect.rotation_angle};
  return box.is_turned() ? box.centre() : Point{rect.left + rect.width / 2, rect.top + rect.height};
}

}  // namespace

void Trails::prune(Source *source) {
  auto &objects = source->objects;
  for (auto it = objects.begin(); it != objects.end();)
    it = source->frames - it->second.last_seen > kForgetAfter ? objects.erase(it) : std::next(it);
  while (objects.size() > kMaxObjects)
    objects.erase(std::min_element(objects.begin(), objects.end(), [](const auto &a, const auto &b) {
      return a.second.last_seen < b.second.last_seen;
    }));
}

void Trails::update(const NjFrameMeta *frame) {
  Source &source = sources_[frame->source_id];
  source.frames++;
  for (GList *l = frame->obj_meta_list; l; l = l->next) {
    const auto *object = static_cast<const NjObjectMeta *>(l->data);
    if (object->object_id == NJ_UNTRACKED_OBJECT_ID || object->track_state == NJ_TRACK_NONE) continue;
    Trail &trail = source.objects[object->object_id];
    trail.points.push_back(foot(object->rect_params));
    if (trail.points.size() > kMaxPoints) trail.points.pop_front();
    trail.last_seen = source.frames;
  }
  prune(&source);
}

const std::deque<Point> *Trails::find(uint32_t source_id, uint64_t object_id) const {
  const auto source = sources_.find(source_id);
  if (source == sources_.end()) return nullptr;
  const auto trail = source->second.objects.find(object_id);
  return trail == source->second.objects.end() ? nullptr : &trail->second.points;
}

}  // namespace nj::osd

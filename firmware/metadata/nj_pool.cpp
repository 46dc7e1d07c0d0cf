#include "nj_pool.h"

#include <cstring>

namespace nj {

// As NvDs: pools begin with 8 elements for each frame and grow by twice their size, at most 128 at a time.
constexpr guint kElementsPerFrame = 8;
constexpr guint kMaxGrowth = 128;

Pool::~Pool() {
  for (const Block &block : blocks_) g_free(block.memory);
}

void Pool::grow() {
  const guint count = size_ == 0 ? initial_ : MIN(kMaxGrowth, 2 * size_);
  gpointer memory = g_malloc0_n(count, element_bytes_);
  blocks_.push_back({memory, count});
  size_ += count;
  free_.reserve(size_);
  // Backwards, so that elements are handed out in the order of their addresses.
  for (guint i = count; i-- > 0;) free_.push_back(static_cast<guint8 *>(memory) + i * element_bytes_);
}

gpointer Pool::acquire() {
  if (free_.empty()) grow();
  gpointer element = free_.back();
  free_.pop_back();
  return element;
}

void Pool::release(gpointer element) {
  std::memset(element, 0, element_bytes_);
  free_.push_back(element);
}

}  // namespace nj

_NjPools::_NjPools(guint max_frames)
    : frames(sizeof(NjFrameMeta), max_frames),
      objects(sizeof(NjObjectMeta), nj::kElementsPerFrame * max_frames),
      classifiers(sizeof(NjClassifierMeta), nj::kElementsPerFrame * max_frames),
      labels(sizeof(NjLabelInfo), nj::kElementsPerFrame * max_frames),
      users(sizeof(NjUserMeta), nj::kElementsPerFrame) {}

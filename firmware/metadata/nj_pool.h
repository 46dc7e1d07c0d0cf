// Pools of metadata elements: equal-sized, zeroed blocks that a batch hands out and takes back.
//
// Every element begins with `batch_meta`, which its acquirer sets: not NULL means in use.
#pragma once

#include <glib.h>

#include <vector>

#include "nj_meta.h"

namespace nj {

// Not thread-safe: the owner holds the batch's lock.
class Pool {
 public:
  // `initial`: elements of the first block, allocated with the first acquire.
  Pool(gsize element_bytes, guint initial) : element_bytes_(element_bytes), initial_(initial ? initial : 1) {}
  Pool(const Pool &) = delete;
  Pool &operator=(const Pool &) = delete;
  ~Pool();

  gpointer acquire();              // zeroed
  void release(gpointer element);  // zeroes it; what it refers to was freed by the caller
  guint size() const { return size_; }
  guint in_use() const { return size_ - static_cast<guint>(free_.size()); }

  // Calls visit(element) for all elements of the blocks, in use or not.
  template <class Visit>
  void for_each(Visit visit) {
    for (const Block &block : blocks_)
      for (guint i = 0; i < block.count; ++i) visit(static_cast<guint8 *>(block.memory) + i * element_bytes_);
  }

 private:
  struct Block {
    gpointer memory;
    guint count;
  };
  void grow();

  gsize element_bytes_;
  guint initial_;
  guint size_ = 0;
  std::vector<Block> blocks_;
  std::vector<gpointer> free_;
};

}  // namespace nj

struct _NjPools {
  explicit _NjPools(guint max_frames);
  nj::Pool frames, objects, classifiers, labels, users;
};

// Pools of NvDs metas, as nvdsmeta.h describes them: they grow when they are empty and zero an element when it comes
// back.
#pragma once

#include <nvdsmeta.h>

namespace nvds_for_tests {

NvDsMetaPool *create_pool(NvDsBatchMeta *batch, NvDsMetaType type, guint elements, guint element_size,
                          NvDsMetaReleaseFunc release);
void destroy_pool(NvDsMetaPool *pool);

// Locks the batch. `Meta` is what the pool holds.
NvDsBaseMeta *acquire(NvDsBatchMeta *batch, NvDsMetaPool *pool);
template <typename Meta>
Meta *acquire_as(NvDsBatchMeta *batch, NvDsMetaPool *pool) {
  return reinterpret_cast<Meta *>(acquire(batch, pool));
}

// Runs the element's release function and puts it back.
void give_back(NvDsMetaPool *pool, gpointer element);
// All of a list, which is freed.
void give_back_all(NvDsMetaPool *pool, GList *list);

// Frees what the element owns and zeroes it, but for its base. One for each kind of pool; nullptr for user metas, whose
// release function is their user's.
void release_frame(gpointer element, gpointer);
void release_object(gpointer element, gpointer);
void release_classifier(gpointer element, gpointer);
void release_label(gpointer element, gpointer);
void release_display(gpointer element, gpointer);

}  // namespace nvds_for_tests

// Shared by the files of this folder.
#pragma once

#include "nj_meta.h"

// `batch` is zeroed memory; destroy frees all that belongs to it, but not `batch` itself.
void nj_batch_meta_init(NjBatchMeta *batch, guint max_frames);
void nj_batch_meta_destroy(NjBatchMeta *batch);

// Copies frames and user metas of `source` into the empty batch `copy`.
void nj_batch_meta_copy_into(NjBatchMeta *copy, NjBatchMeta *source);

// The buffer that njstreamdemux makes of one frame of a batch.
#pragma once

#include "../../metadata/nj_meta.h"

namespace nj {

// Whether rows or planes of the frame lie elsewhere than its caps alone say. Only who reads GstVideoMeta can tell.
bool is_padded(const NjFrameMeta *frame);

// The frame by itself, with its timestamps and metadata: one frame with its objects. It refers to the memory of the
// source's buffer, which stays alive (and out of its pool) as long. pack: the pixels are copied to where the caps say,
// if they can be read.
GstBuffer *buffer_of(const NjFrameMeta *frame, bool pack);

}  // namespace nj

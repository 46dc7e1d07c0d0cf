// One CUDA context for all elements of a pipeline: the primary one of the GPU, which Torch and the CUDA runtime use
// too. GStreamer's decoders would make a context of their own, and memory of one context cannot be read from another;
// they ask around first, and this answers.
#pragma once

#include <gst/gst.h>

#include <string>

namespace nj {

// Answers a decoder's question for a CUDA context (GST_QUERY_CONTEXT). FALSE: it asks for something else, or there is
// no GPU that can be used, or the build has no CUDA; the query may be handed on.
gboolean answer_cuda_context(GstElement *element, GstQuery *query, int gpu);

// Tells the bins around `element` of the context before anybody asks: elements that are added later find it there, also
// decoders that are not linked yet. false: *error says why there is none.
bool share_cuda_context(GstElement *element, int gpu, std::string *error);

// Whether memory of the GPU belongs to another context than the shared one.
bool is_foreign_cuda_memory(const void *memory, int gpu);
// What messages say about it.
std::string foreign_memory_text(int gpu);

}  // namespace nj

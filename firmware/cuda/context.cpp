#include "context.h"

#include <cuda.h>
#include <dlfcn.h>
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>

#include <map>
#include <mutex>

#include "resources.h"

namespace nj {

namespace {

// The few functions of the driver that the runtime has no counterpart for. Not linked: machines without a driver load
// this library too.
struct Driver {
  CUresult (*current)(CUcontext *) = nullptr;
  CUresult (*attribute)(void *, CUpointer_attribute, CUdeviceptr) = nullptr;

  Driver() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    current = reinterpret_cast<decltype(current)>(dlsym(library, "cuCtxGetCurrent"));
    attribute = reinterpret_cast<decltype(attribute)>(dlsym(library, "cuPointerGetAttribute"));
  }
};

const Driver &driver() {
  static const Driver loaded;
  return loaded;
}

CUcontext primary_context(int gpu, std::string *error) {
  CUcontext context = nullptr;
  // cudaFree makes the context that cudaSetDevice names, in older versions of the runtime.
  if (!cuda::ok(cudaSetDevice(gpu), "the GPU cannot be used", error) ||
      !cuda::ok(cudaFree(nullptr), "the GPU cannot be used", error))
    return nullptr;
  if (driver().current && driver().current(&context) == CUDA_SUCCESS && context) return context;
  *error = "the CUDA driver (libcuda.so.1) does not answer";
  return nullptr;
}

// Lives as long as the process: the primary context does too.
GstCudaContext *shared_context(int gpu, std::string *error) {
  static std::mutex mutex;
  static std::map<int, GstCudaContext *> contexts;
  std::lock_guard lock(mutex);
  GstCudaContext *&context = contexts[gpu];
  if (context) return context;
  const CUcontext primary = primary_context(gpu, error);
  if (!primary) return nullptr;
  if (!gst_cuda_load_library()) {
    *error = "GStreamer cannot load the CUDA driver";
    return nullptr;
  }
  gst_cuda_memory_init_once();
  context = gst_cuda_context_new_wrapped(primary, gpu);
  if (!context) *error = "GStreamer does not take the CUDA context of GPU " + std::to_string(gpu);
  return context;
}

}  // namespace

gboolean answer_cuda_context(GstElement *element, GstQuery *query, int gpu) {
  const gchar *type = nullptr;
  if (GST_QUERY_TYPE(query) != GST_QUERY_CONTEXT || !gst_query_parse_context_type(query, &type) ||
      !g_str_equal(type, GST_CUDA_CONTEXT_TYPE))
    return FALSE;
  std::string error;
  GstCudaContext *context = shared_context(gpu, &error);
  return context && gst_cuda_handle_context_query(element, query, context);
}

bool share_cuda_context(GstElement *element, int gpu, std::string *error) {
  GstCudaContext *shared = shared_context(gpu, error);
  if (!shared) return false;
  GstContext *context = gst_context_new_cuda_context(shared);
  gst_element_set_context(element, context);
  gst_element_post_message(element, gst_message_new_have_context(GST_OBJECT(element), context));
  return true;
}

bool is_foreign_cuda_memory(const void *memory, int gpu) {
  std::string ignored;
  CUcontext owner = nullptr;
  const Driver &functions = driver();
  if (!functions.attribute ||
      functions.attribute(&owner, CU_POINTER_ATTRIBUTE_CONTEXT, reinterpret_cast<CUdeviceptr>(memory)) != CUDA_SUCCESS)
    return false;
  return owner && owner != primary_context(gpu, &ignored);
}

std::string foreign_memory_text(int gpu) {
  return "a frame lies in the memory of another CUDA context than that of GPU " + std::to_string(gpu) +
         ", which Nightjar's elements offer to the decoders: set gpu-id on njinfer, so that they find it when they "
         "start";
}

}  // namespace nj

// NVIDIA's metadata library (libnvds_meta.so), found at run time. Only for the nvds_*.cpp files.
#pragma once

#include <gstnvdsmeta.h>
#include <nvdsmeta.h>

#include <string>

namespace nj::nvds {

// The functions that we call, as nvdsmeta.h declares them.
#define NJ_NVDS_FUNCTIONS(CALL)                \
  CALL(nvds_acquire_meta_lock)                 \
  CALL(nvds_release_meta_lock)                 \
  CALL(nvds_acquire_obj_meta_from_pool)        \
  CALL(nvds_acquire_classifier_meta_from_pool) \
  CALL(nvds_acquire_label_info_meta_from_pool) \
  CALL(nvds_acquire_user_meta_from_pool)       \
  CALL(nvds_add_obj_meta_to_frame)             \
  CALL(nvds_add_classifier_meta_to_object)     \
  CALL(nvds_add_label_info_meta_to_classifier) \
  CALL(nvds_add_user_meta_to_frame)            \
  CALL(nvds_add_user_meta_to_obj)              \
  CALL(nvds_remove_obj_meta_from_frame)        \
  CALL(nvds_get_user_meta_type)

struct Library {
#define NJ_NVDS_POINTER(name) decltype(&::name) name = nullptr;
  NJ_NVDS_FUNCTIONS(NJ_NVDS_POINTER)
#undef NJ_NVDS_POINTER

  // Types of user metas that only Nightjar writes. They hold in this process only.
  NvDsMetaType object_extras, event, module, payload;
};

// Loaded at the first call and kept. nullptr with *error: not there, or a function of it is missing.
const Library *library(std::string *error);

// The batch on the buffer, or nullptr: as gst_buffer_get_nvds_batch_meta, the last one wins.
NvDsBatchMeta *batch_of(const GstBuffer *buffer);

// The library that made the batch must lay out its structures as our headers do, or we would write over its memory.
bool fits(const NvDsBatchMeta *batch, std::string *error);

}  // namespace nj::nvds

// What Nightjar attaches to NvDs metas as user metas: data with the functions that copy and free it. Each copy function
// gets the NvDsUserMeta and returns new data, each release function frees the data, as nvdsmeta.h has it. Only for the
// nvds_*.cpp files.
#pragma once

#include "metadata_batch.h"
#include "nj_meta.h"
#include "nvds_library.h"

namespace nj::nvds {

// "NIGHTJAR.OBJECT.EXTRAS", on objects: what NvDs has no field for.
struct ObjectExtras {
  TrackState track_state = TrackState::None;
  uint32_t track_age = 0;
  std::vector<Keypoint> keypoints;
};
ObjectExtras *find_extras(const GList *user_metas, NvDsMetaType type);  // nullptr: none
gpointer copy_extras(gpointer user, gpointer);
void release_extras(gpointer user, gpointer);

// "NIGHTJAR.FRAME.EVENT": an NjEvent.
NjEvent *new_event(const Event &event);
gpointer copy_event(gpointer user, gpointer);
void release_event(gpointer user, gpointer);

// "NIGHTJAR.MODULE", on frames and objects: an NjModuleMeta.
NjModuleMeta *new_module_data(const UserData &user);
gpointer copy_module_data(gpointer user, gpointer);
void release_module_data(gpointer user, gpointer);

// "NIGHTJAR.FRAME.PAYLOAD": an NjPayload, for what is no NvDsPayload (events).
NjPayload *new_payload(const std::string &text, guint component_id, guint kind);
gpointer copy_payload(gpointer user, gpointer);
void release_payload(gpointer user, gpointer);

// NVDSINFER_TENSOR_OUTPUT_META: an NvDsInferTensorMeta with what keeps its data alive. Copies share the data.
void *new_tensors(NetworkOutput output);
gpointer copy_tensors(gpointer user, gpointer);
void release_tensors(gpointer user, gpointer);

// An element of the pool, not attached yet. Pools leave the functions of its last user in it: all are set.
NvDsUserMeta *acquire_user_meta(const Library &library, NvDsBatchMeta *batch, NvDsMetaType type, void *data,
                                NvDsMetaCopyFunc copy, NvDsMetaReleaseFunc release);

FrameInfo describe(const NvDsFrameMeta *frame);

}  // namespace nj::nvds

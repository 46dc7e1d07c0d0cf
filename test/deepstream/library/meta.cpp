// libnvds_meta.so for machines without DeepStream: the functions of nvdsmeta.h that NVIDIA's message and analytics
// code, Nightjar and the tests call. Written from the header, for tests only; list orders and life times are those of
// DeepStream 9.1.
#include <nvds_audio_meta.h>
#include <nvdsmeta.h>

#include <initializer_list>

#include "pool.h"

using namespace nvds_for_tests;

namespace {

constexpr guint kPerFrame = 8;  // objects, classifiers and labels that are there from the start, for each frame
constexpr guint kOthers = 8;

class Locked {
 public:
  explicit Locked(NvDsBatchMeta *batch) : batch_(batch) { g_rec_mutex_lock(&batch_->meta_mutex); }
  ~Locked() { g_rec_mutex_unlock(&batch_->meta_mutex); }

 private:
  NvDsBatchMeta *batch_;
};

void prepend(NvDsBatchMeta *batch, GList *&list, gpointer meta) {
  const Locked lock(batch);
  list = g_list_prepend(list, meta);
}

void append(NvDsBatchMeta *batch, GList *&list, gpointer meta) {
  const Locked lock(batch);
  list = g_list_append(list, meta);
}

void remove(NvDsMetaPool *pool, GList *&list, gpointer meta) {
  const Locked lock(static_cast<NvDsBaseMeta *>(meta)->batch_meta);
  list = g_list_remove(list, meta);
  give_back(pool, meta);
}

}  // namespace

// ---- lock and batch

void nvds_acquire_meta_lock(NvDsBatchMeta *batch) { g_rec_mutex_lock(&batch->meta_mutex); }
void nvds_release_meta_lock(NvDsBatchMeta *batch) { g_rec_mutex_unlock(&batch->meta_mutex); }

NvDsBatchMeta *nvds_create_batch_meta(guint frames) {
  auto *batch = g_new0(NvDsBatchMeta, 1);
  g_rec_mutex_init(&batch->meta_mutex);
  batch->base_meta.batch_meta = batch;
  batch->base_meta.meta_type = NVDS_BATCH_META;
  batch->max_frames_in_batch = frames;
  const auto pool = [batch](NvDsMetaType type, guint elements, size_t size, NvDsMetaReleaseFunc release) {
    return create_pool(batch, type, elements, static_cast<guint>(size), release);
  };
  batch->frame_meta_pool = pool(NVDS_FRAME_META, frames, sizeof(NvDsFrameMeta), release_frame);
  batch->obj_meta_pool = pool(NVDS_OBJ_META, kPerFrame * frames, sizeof(NvDsObjectMeta), release_object);
  batch->classifier_meta_pool =
      pool(NVDS_CLASSIFIER_META, kPerFrame * frames, sizeof(NvDsClassifierMeta), release_classifier);
  batch->label_info_meta_pool = pool(NVDS_LABEL_INFO_META, kPerFrame * frames, sizeof(NvDsLabelInfo), release_label);
  batch->display_meta_pool = pool(NVDS_DISPLAY_META, kOthers, sizeof(NvDsDisplayMeta), release_display);
  batch->user_meta_pool = pool(NVDS_USER_META, kOthers, sizeof(NvDsUserMeta), nullptr);
  return batch;
}

gboolean nvds_destroy_batch_meta(NvDsBatchMeta *batch) {
  give_back_all(batch->user_meta_pool, batch->batch_user_meta_list);
  give_back_all(batch->frame_meta_pool, batch->frame_meta_list);
  // What was acquired and never attached may refer to elements of the pools after it.
  for (NvDsMetaPool *pool : {batch->frame_meta_pool, batch->obj_meta_pool, batch->classifier_meta_pool,
                             batch->label_info_meta_pool, batch->display_meta_pool, batch->user_meta_pool})
    destroy_pool(pool);
  g_rec_mutex_clear(&batch->meta_mutex);
  g_free(batch);
  return TRUE;
}

void nvds_batch_meta_release_func(gpointer data, gpointer) {
  nvds_destroy_batch_meta(static_cast<NvDsBatchMeta *>(data));
}

NvDsFrameMeta *nvds_get_nth_frame_meta(NvDsFrameMetaList *list, guint index) {
  return static_cast<NvDsFrameMeta *>(g_list_nth_data(list, index));
}

NvDsMetaType nvds_get_user_meta_type(gchar *descriptor) {
  return static_cast<NvDsMetaType>(NVDS_START_USER_META + g_quark_from_string(descriptor));
}

// ---- acquire

NvDsFrameMeta *nvds_acquire_frame_meta_from_pool(NvDsBatchMeta *batch) {
  return acquire_as<NvDsFrameMeta>(batch, batch->frame_meta_pool);
}
NvDsObjectMeta *nvds_acquire_obj_meta_from_pool(NvDsBatchMeta *batch) {
  return acquire_as<NvDsObjectMeta>(batch, batch->obj_meta_pool);
}
NvDsClassifierMeta *nvds_acquire_classifier_meta_from_pool(NvDsBatchMeta *batch) {
  return acquire_as<NvDsClassifierMeta>(batch, batch->classifier_meta_pool);
}
NvDsLabelInfo *nvds_acquire_label_info_meta_from_pool(NvDsBatchMeta *batch) {
  return acquire_as<NvDsLabelInfo>(batch, batch->label_info_meta_pool);
}
NvDsDisplayMeta *nvds_acquire_display_meta_from_pool(NvDsBatchMeta *batch) {
  return acquire_as<NvDsDisplayMeta>(batch, batch->display_meta_pool);
}
NvDsUserMeta *nvds_acquire_user_meta_from_pool(NvDsBatchMeta *batch) {
  return acquire_as<NvDsUserMeta>(batch, batch->user_meta_pool);
}

// ---- attach: frames and the batch's user metas at the end, all others at the head

void nvds_add_frame_meta_to_batch(NvDsBatchMeta *batch, NvDsFrameMeta *frame) {
  append(batch, batch->frame_meta_list, frame);
  batch->num_frames_in_batch++;
}

void nvds_add_obj_meta_to_frame(NvDsFrameMeta *frame, NvDsObjectMeta *object, NvDsObjectMeta *parent) {
  object->parent = parent;
  prepend(frame->base_meta.batch_meta, frame->obj_meta_list, object);
  frame->num_obj_meta++;
}

void nvds_add_classifier_meta_to_object(NvDsObjectMeta *object, NvDsClassifierMeta *classifier) {
  prepend(object->base_meta.batch_meta, object->classifier_meta_list, classifier);
}

void nvds_add_label_info_meta_to_classifier(NvDsClassifierMeta *classifier, NvDsLabelInfo *label) {
  prepend(classifier->base_meta.batch_meta, classifier->label_info_list, label);
  classifier->num_labels++;
}

void nvds_add_display_meta_to_frame(NvDsFrameMeta *frame, NvDsDisplayMeta *display) {
  prepend(frame->base_meta.batch_meta, frame->display_meta_list, display);
}

void nvds_add_user_meta_to_batch(NvDsBatchMeta *batch, NvDsUserMeta *user) {
  append(batch, batch->batch_user_meta_list, user);
}

void nvds_add_user_meta_to_frame(NvDsFrameMeta *frame, NvDsUserMeta *user) {
  prepend(frame->base_meta.batch_meta, frame->frame_user_meta_list, user);
}

void nvds_add_user_meta_to_obj(NvDsObjectMeta *object, NvDsUserMeta *user) {
  prepend(object->base_meta.batch_meta, object->obj_user_meta_list, user);
}

void nvds_add_user_meta_to_audio_frame(NvDsAudioFrameMeta *frame, NvDsUserMeta *user) {
  prepend(frame->base_meta.batch_meta, frame->frame_user_meta_list, user);
}

// ---- remove

void nvds_remove_obj_meta_from_frame(NvDsFrameMeta *frame, NvDsObjectMeta *object) {
  remove(frame->base_meta.batch_meta->obj_meta_pool, frame->obj_meta_list, object);
  frame->num_obj_meta--;
}

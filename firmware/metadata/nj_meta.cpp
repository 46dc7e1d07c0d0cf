// The batch: pools, acquire, attach, remove, and what is freed when. Copying is in nj_meta_copy.cpp.
#include "nj_meta.h"

#include "nj_meta_private.h"
#include "nj_pool.h"

namespace {

class Locked {
 public:
  explicit Locked(NjBatchMeta *batch) : batch_(batch) { g_rec_mutex_lock(&batch_->meta_mutex); }
  ~Locked() { g_rec_mutex_unlock(&batch_->meta_mutex); }
  Locked(const Locked &) = delete;
  Locked &operator=(const Locked &) = delete;

 private:
  NjBatchMeta *batch_;
};

template <class Element>
Element *acquire(NjBatchMeta *batch, nj::Pool &pool) {
  Locked lock(batch);
  auto *element = static_cast<Element *>(pool.acquire());
  element->batch_meta = batch;
  return element;
}

// free_…: what the element itself owns on the heap, not the elements below it.

void free_user(NjUserMeta *user) {
  if (user->release_func) user->release_func(user, user->user_context);
}

void free_object(NjObjectMeta *object) {
  g_free(object->text_params.display_text);
  g_free(object->mask_params.data);
  g_free(object->keypoints);
  g_list_free(object->classifier_meta_list);
  g_list_free(object->obj_user_meta_list);
}

void free_frame(NjFrameMeta *frame) {
  g_free(frame->sensor_id);
  gst_clear_buffer(&frame->buffer);
  g_list_free(frame->obj_meta_list);
  g_list_free(frame->frame_user_meta_list);
}

// release_…: the element with all below it goes back to the pools.

void release_user(NjUserMeta *user) {
  NjBatchMeta *batch = user->batch_meta;
  free_user(user);
  batch->pools->users.release(user);
}

void release_classifier(NjClassifierMeta *classifier) {
  NjPools *pools = classifier->batch_meta->pools;
  for (GList *l = classifier->label_info_list; l; l = l->next) pools->labels.release(l->data);
  g_list_free(classifier->label_info_list);
  pools->classifiers.release(classifier);
}

void release_object(NjObjectMeta *object) {
  NjPools *pools = object->batch_meta->pools;
  for (GList *l = object->classifier_meta_list; l; l = l->next)
    release_classifier(static_cast<NjClassifierMeta *>(l->data));
  for (GList *l = object->obj_user_meta_list; l; l = l->next) release_user(static_cast<NjUserMeta *>(l->data));
  free_object(object);
  pools->objects.release(object);
}

void release_frame(NjFrameMeta *frame) {
  NjPools *pools = frame->batch_meta->pools;
  for (GList *l = frame->obj_meta_list; l; l = l->next) release_object(static_cast<NjObjectMeta *>(l->data));
  for (GList *l = frame->frame_user_meta_list; l; l = l->next) release_user(static_cast<NjUserMeta *>(l->data));
  free_frame(frame);
  pools->frames.release(frame);
}

// Calls free(element) for the elements of a pool that are in use, attached or not.
template <class Element>
void free_used(nj::Pool &pool, void (*free)(Element *)) {
  pool.for_each([free](gpointer memory) {
    auto *element = static_cast<Element *>(memory);
    if (element->batch_meta) free(element);
  });
}

}  // namespace

void nj_batch_meta_init(NjBatchMeta *batch, guint max_frames) {
  batch->max_frames_in_batch = max_frames;
  g_rec_mutex_init(&batch->meta_mutex);
  batch->pools = new NjPools(max_frames);
}

void nj_batch_meta_destroy(NjBatchMeta *batch) {
  NjPools *pools = batch->pools;
  free_used<NjUserMeta>(pools->users, free_user);
  free_used<NjClassifierMeta>(pools->classifiers, [](NjClassifierMeta *c) { g_list_free(c->label_info_list); });
  free_used<NjObjectMeta>(pools->objects, free_object);
  free_used<NjFrameMeta>(pools->frames, free_frame);
  g_list_free(batch->frame_meta_list);
  g_list_free(batch->batch_user_meta_list);
  delete pools;
  g_rec_mutex_clear(&batch->meta_mutex);
}

void nj_batch_meta_lock(NjBatchMeta *batch) { g_rec_mutex_lock(&batch->meta_mutex); }
void nj_batch_meta_unlock(NjBatchMeta *batch) { g_rec_mutex_unlock(&batch->meta_mutex); }

NjFrameMeta *nj_acquire_frame_meta(NjBatchMeta *batch) { return acquire<NjFrameMeta>(batch, batch->pools->frames); }
NjObjectMeta *nj_acquire_object_meta(NjBatchMeta *batch) { return acquire<NjObjectMeta>(batch, batch->pools->objects); }
NjClassifierMeta *nj_acquire_classifier_meta(NjBatchMeta *batch) {
  return acquire<NjClassifierMeta>(batch, batch->pools->classifiers);
}
NjLabelInfo *nj_acquire_label_info(NjBatchMeta *batch) { return acquire<NjLabelInfo>(batch, batch->pools->labels); }
NjUserMeta *nj_acquire_user_meta(NjBatchMeta *batch) { return acquire<NjUserMeta>(batch, batch->pools->users); }

void nj_batch_add_frame(NjBatchMeta *batch, NjFrameMeta *frame) {
  Locked lock(batch);
  batch->frame_meta_list = g_list_append(batch->frame_meta_list, frame);
  batch->num_frames_in_batch++;
}

void nj_frame_add_object(NjFrameMeta *frame, NjObjectMeta *object, NjObjectMeta *parent) {
  Locked lock(frame->batch_meta);
  object->parent = parent;
  frame->obj_meta_list = g_list_prepend(frame->obj_meta_list, object);
  frame->num_obj_meta++;
}

void nj_object_add_classifier(NjObjectMeta *object, NjClassifierMeta *classifier) {
  Locked lock(object->batch_meta);
  object->classifier_meta_list = g_list_prepend(object->classifier_meta_list, classifier);
}

void nj_classifier_add_label(NjClassifierMeta *classifier, NjLabelInfo *label) {
  Locked lock(classifier->batch_meta);
  classifier->label_info_list = g_list_prepend(classifier->label_info_list, label);
  classifier->num_labels++;
}

void nj_batch_add_user_meta(NjBatchMeta *batch, NjUserMeta *user) {
  Locked lock(batch);
  batch->batch_user_meta_list = g_list_append(batch->batch_user_meta_list, user);
}

void nj_frame_add_user_meta(NjFrameMeta *frame, NjUserMeta *user) {
  Locked lock(frame->batch_meta);
  frame->frame_user_meta_list = g_list_prepend(frame->frame_user_meta_list, user);
}

void nj_object_add_user_meta(NjObjectMeta *object, NjUserMeta *user) {
  Locked lock(object->batch_meta);
  object->obj_user_meta_list = g_list_prepend(object->obj_user_meta_list, user);
}

void nj_batch_remove_frame(NjBatchMeta *batch, NjFrameMeta *frame) {
  Locked lock(batch);
  GList *link = g_list_find(batch->frame_meta_list, frame);
  g_return_if_fail(link != nullptr);
  batch->frame_meta_list = g_list_delete_link(batch->frame_meta_list, link);
  batch->num_frames_in_batch--;
  release_frame(frame);
}

void nj_frame_remove_object(NjFrameMeta *frame, NjObjectMeta *object) {
  Locked lock(frame->batch_meta);
  GList *link = g_list_find(frame->obj_meta_list, object);
  g_return_if_fail(link != nullptr);
  frame->obj_meta_list = g_list_delete_link(frame->obj_meta_list, link);
  frame->num_obj_meta--;
  for (GList *l = frame->obj_meta_list; l; l = l->next) {
    auto *child = static_cast<NjObjectMeta *>(l->data);
    if (child->parent == object) child->parent = nullptr;
  }
  release_object(object);
}

void nj_frame_clear_objects(NjFrameMeta *frame) {
  Locked lock(frame->batch_meta);
  GList *objects = frame->obj_meta_list;
  frame->obj_meta_list = nullptr;
  frame->num_obj_meta = 0;
  for (GList *l = objects; l; l = l->next) release_object(static_cast<NjObjectMeta *>(l->data));
  g_list_free(objects);
}

void nj_frame_remove_user_meta(NjFrameMeta *frame, NjUserMeta *user) {
  Locked lock(frame->batch_meta);
  GList *link = g_list_find(frame->frame_user_meta_list, user);
  g_return_if_fail(link != nullptr);
  frame->frame_user_meta_list = g_list_delete_link(frame->frame_user_meta_list, link);
  release_user(user);
}

NjFrameMeta *nj_batch_nth_frame(NjBatchMeta *batch, guint index) {
  Locked lock(batch);
  return static_cast<NjFrameMeta *>(g_list_nth_data(batch->frame_meta_list, index));
}

// Deep copies. Lists keep their order, so what is prepended is copied from the end; parents point at the copies.
#include <cstring>
#include <unordered_map>

#include "nj_meta.h"
#include "nj_meta_private.h"

namespace {

template <class Element, class Copy>
void for_each_backwards(GList *list, Copy copy) {
  for (GList *l = g_list_last(list); l; l = l->prev) copy(static_cast<const Element *>(l->data));
}

// NULL when the meta cannot be copied.
NjUserMeta *copy_user(NjBatchMeta *batch, const NjUserMeta *source) {
  if (!source->copy_func) return nullptr;
  NjUserMeta *copy = nj_acquire_user_meta(batch);
  *copy = *source;
  copy->batch_meta = batch;
  copy->user_meta_data = source->copy_func(const_cast<NjUserMeta *>(source), source->user_context);
  return copy;
}

NjClassifierMeta *copy_classifier(NjBatchMeta *batch, const NjClassifierMeta *source) {
  NjClassifierMeta *copy = nj_acquire_classifier_meta(batch);
  copy->unique_component_id = source->unique_component_id;
  copy->classifier_type = source->classifier_type;
  for_each_backwards<NjLabelInfo>(source->label_info_list, [&](const NjLabelInfo *label) {
    NjLabelInfo *label_copy = nj_acquire_label_info(batch);
    *label_copy = *label;
    label_copy->batch_meta = batch;
    nj_classifier_add_label(copy, label_copy);
  });
  return copy;
}

// The fields of the object alone; heap data is duplicated, lists and parent are left empty.
NjObjectMeta *copy_object_fields(NjBatchMeta *batch, const NjObjectMeta *source) {
  NjObjectMeta *copy = nj_acquire_object_meta(batch);
  *copy = *source;
  copy->batch_meta = batch;
  copy->parent = nullptr;
  copy->classifier_meta_list = nullptr;
  copy->obj_user_meta_list = nullptr;
  copy->text_params.display_text = g_strdup(source->text_params.display_text);
  copy->mask_params.data = static_cast<gfloat *>(g_memdup2(source->mask_params.data, source->mask_params.size));
  copy->keypoints = static_cast<NjKeypoint *>(
      g_memdup2(source->keypoints, sizeof(NjKeypoint) * static_cast<gsize>(source->num_keypoints)));
  return copy;
}

NjObjectMeta *copy_object(NjBatchMeta *batch, const NjObjectMeta *source) {
  NjObjectMeta *copy = copy_object_fields(batch, source);
  for_each_backwards<NjClassifierMeta>(source->classifier_meta_list, [&](const NjClassifierMeta *classifier) {
    nj_object_add_classifier(copy, copy_classifier(batch, classifier));
  });
  for_each_backwards<NjUserMeta>(source->obj_user_meta_list, [&](const NjUserMeta *user) {
    if (NjUserMeta *user_copy = copy_user(batch, user)) nj_object_add_user_meta(copy, user_copy);
  });
  return copy;
}

void copy_objects(NjFrameMeta *copy, const NjFrameMeta *source) {
  std::unordered_map<const NjObjectMeta *, NjObjectMeta *> copies;
  for_each_backwards<NjObjectMeta>(source->obj_meta_list, [&](const NjObjectMeta *object) {
    NjObjectMeta *object_copy = copy_object(copy->batch_meta, object);
    copies.emplace(object, object_copy);
    nj_frame_add_object(copy, object_copy, nullptr);
  });
  // A second pass: a child may come before its parent.
  for (auto &[object, object_copy] : copies) {
    const auto parent = object->parent ? copies.find(object->parent) : copies.end();
    if (parent != copies.end()) object_copy->parent = parent->second;
  }
}

NjFrameMeta *copy_frame_fields(NjBatchMeta *batch, const NjFrameMeta *source) {
  NjFrameMeta *copy = nj_acquire_frame_meta(batch);
  *copy = *source;
  copy->batch_meta = batch;
  copy->num_obj_meta = 0;
  copy->obj_meta_list = nullptr;
  copy->frame_user_meta_list = nullptr;
  copy->sensor_id = g_strdup(source->sensor_id);
  copy->buffer = source->buffer ? gst_buffer_ref(source->buffer) : nullptr;
  return copy;
}

}  // namespace

NjFrameMeta *nj_batch_copy_frame(NjBatchMeta *batch, const NjFrameMeta *source) {
  nj_batch_meta_lock(source->batch_meta);
  NjFrameMeta *copy = copy_frame_fields(batch, source);
  copy_objects(copy, source);
  for_each_backwards<NjUserMeta>(source->frame_user_meta_list, [&](const NjUserMeta *user) {
    if (NjUserMeta *user_copy = copy_user(batch, user)) nj_frame_add_user_meta(copy, user_copy);
  });
  nj_batch_meta_unlock(source->batch_meta);
  nj_batch_add_frame(batch, copy);
  return copy;
}

void nj_batch_meta_copy_into(NjBatchMeta *copy, NjBatchMeta *source) {
  nj_batch_meta_lock(source);
  for (GList *l = source->frame_meta_list; l; l = l->next)
    nj_batch_copy_frame(copy, static_cast<const NjFrameMeta *>(l->data));
  for (GList *l = source->batch_user_meta_list; l; l = l->next)
    if (NjUserMeta *user = copy_user(copy, static_cast<const NjUserMeta *>(l->data)))
      nj_batch_add_user_meta(copy, user);
  nj_batch_meta_unlock(source);
}

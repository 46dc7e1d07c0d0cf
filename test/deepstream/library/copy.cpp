// Deep copies of a batch, with what DeepStream's own lose: the size of the pipeline, the classifier's type, parents,
// user metas that have no copy function; and the order of objects, classifiers and user metas turns around.
#include <nvdsmeta.h>

#include "pool.h"

namespace {

template <typename Add>
void copy_user_metas(GList *list, NvDsBatchMeta *to, const Add &add) {
  for (GList *l = list; l; l = l->next) {
    auto *from = static_cast<NvDsUserMeta *>(l->data);
    if (!from->base_meta.copy_func) continue;
    NvDsUserMeta *user = nvds_acquire_user_meta_from_pool(to);
    user->base_meta = from->base_meta;
    user->base_meta.batch_meta = to;
    user->user_meta_data = from->base_meta.copy_func(from, nullptr);
    add(user);
  }
}

template <typename Meta>
void copy_fields(const Meta *from, Meta *to) {
  const NvDsBaseMeta base = to->base_meta;
  *to = *from;
  to->base_meta = base;
}

void copy_classifier(const NvDsClassifierMeta *from, NvDsObjectMeta *object) {
  NvDsBatchMeta *batch = object->base_meta.batch_meta;
  NvDsClassifierMeta *classifier = nvds_acquire_classifier_meta_from_pool(batch);
  classifier->unique_component_id = from->unique_component_id;
  for (GList *l = from->label_info_list; l; l = l->next) {
    NvDsLabelInfo *label = nvds_acquire_label_info_meta_from_pool(batch);
    copy_fields(static_cast<NvDsLabelInfo *>(l->data), label);
    label->pResult_label = g_strdup(label->pResult_label);
    nvds_add_label_info_meta_to_classifier(classifier, label);
  }
  nvds_add_classifier_meta_to_object(object, classifier);
}

void copy_object(const NvDsObjectMeta *from, NvDsFrameMeta *frame) {
  NvDsBatchMeta *batch = frame->base_meta.batch_meta;
  NvDsObjectMeta *object = nvds_acquire_obj_meta_from_pool(batch);
  copy_fields(from, object);
  object->classifier_meta_list = object->obj_user_meta_list = nullptr;
  object->text_params.display_text = g_strdup(from->text_params.display_text);
  object->mask_params.data = static_cast<float *>(g_memdup2(from->mask_params.data, from->mask_params.size));
  for (GList *l = from->classifier_meta_list; l; l = l->next)
    copy_classifier(static_cast<NvDsClassifierMeta *>(l->data), object);
  copy_user_metas(from->obj_user_meta_list, batch,
                  [object](NvDsUserMeta *user) { nvds_add_user_meta_to_obj(object, user); });
  nvds_add_obj_meta_to_frame(frame, object, nullptr);
}

void copy_frame(const NvDsFrameMeta *from, NvDsBatchMeta *batch) {
  NvDsFrameMeta *frame = nvds_acquire_frame_meta_from_pool(batch);
  copy_fields(from, frame);
  frame->num_obj_meta = 0;
  frame->obj_meta_list = frame->display_meta_list = frame->frame_user_meta_list = nullptr;
  frame->pipeline_width = frame->pipeline_height = 0;
  frame->sensorInfo_meta.uri = g_strdup(from->sensorInfo_meta.uri);
  frame->sensorInfo_meta.sensor_id = g_strdup(from->sensorInfo_meta.sensor_id);
  frame->sensorInfo_meta.sensor_name = g_strdup(from->sensorInfo_meta.sensor_name);
  for (GList *l = from->obj_meta_list; l; l = l->next) copy_object(static_cast<NvDsObjectMeta *>(l->data), frame);
  copy_user_metas(from->frame_user_meta_list, batch,
                  [frame](NvDsUserMeta *user) { nvds_add_user_meta_to_frame(frame, user); });
  nvds_add_frame_meta_to_batch(batch, frame);
}

}  // namespace

gpointer nvds_batch_meta_copy_func(gpointer data, gpointer) {
  auto *from = static_cast<NvDsBatchMeta *>(data);
  NvDsBatchMeta *batch = nvds_create_batch_meta(from->max_frames_in_batch);
  batch->base_meta.copy_func = from->base_meta.copy_func;
  batch->base_meta.release_func = from->base_meta.release_func;
  for (GList *l = from->frame_meta_list; l; l = l->next) copy_frame(static_cast<NvDsFrameMeta *>(l->data), batch);
  copy_user_metas(from->batch_user_meta_list, batch,
                  [batch](NvDsUserMeta *user) { nvds_add_user_meta_to_batch(batch, user); });
  return batch;
}

#include "pool.h"

#include <algorithm>
#include <cstring>

namespace nvds_for_tests {

namespace {

constexpr guint kLargestGrowth = 128;

class Locked {
 public:
  explicit Locked(NvDsBatchMeta *batch) : batch_(batch) { g_rec_mutex_lock(&batch_->meta_mutex); }
  ~Locked() { g_rec_mutex_unlock(&batch_->meta_mutex); }

 private:
  NvDsBatchMeta *batch_;
};

NvDsBatchMeta *batch_of(gpointer element) { return static_cast<NvDsBaseMeta *>(element)->batch_meta; }

void grow(NvDsBatchMeta *batch, NvDsMetaPool *pool, guint elements) {
  for (guint i = 0; i < elements; i++) {
    auto *base = static_cast<NvDsBaseMeta *>(g_malloc0(pool->element_size));
    base->batch_meta = batch;
    base->meta_type = pool->meta_type;
    base->copy_func = pool->copy_func;
    base->release_func = pool->release_func;
    pool->empty_list = g_list_prepend(pool->empty_list, base);
  }
  pool->max_elements_in_pool += elements;
  pool->num_empty_elements += elements;
}

template <typename Meta>
void zero(Meta *meta) {
  std::memset(reinterpret_cast<char *>(meta) + sizeof(NvDsBaseMeta), 0, sizeof(Meta) - sizeof(NvDsBaseMeta));
}

void free_elements(GList *list, bool release) {
  for (GList *l = list; l; l = l->next) {
    auto *base = static_cast<NvDsBaseMeta *>(l->data);
    if (release && base->release_func) base->release_func(base, nullptr);
    g_free(base);
  }
  g_list_free(list);
}

}  // namespace

NvDsMetaPool *create_pool(NvDsBatchMeta *batch, NvDsMetaType type, guint elements, guint element_size,
                          NvDsMetaReleaseFunc release) {
  auto *pool = g_new0(NvDsMetaPool, 1);
  pool->meta_type = type;
  pool->element_size = element_size;
  pool->release_func = release;
  grow(batch, pool, elements);
  return pool;
}

void destroy_pool(NvDsMetaPool *pool) {
  free_elements(pool->full_list, true);
  free_elements(pool->empty_list, false);
  g_free(pool);
}

NvDsBaseMeta *acquire(NvDsBatchMeta *batch, NvDsMetaPool *pool) {
  const Locked lock(batch);
  if (!pool->empty_list) grow(batch, pool, std::clamp(2 * pool->max_elements_in_pool, 1u, kLargestGrowth));
  GList *link = pool->empty_list;
  pool->empty_list = g_list_remove_link(pool->empty_list, link);
  pool->num_empty_elements--;
  pool->full_list = g_list_concat(link, pool->full_list);
  pool->num_full_elements++;
  return static_cast<NvDsBaseMeta *>(link->data);
}

void give_back(NvDsMetaPool *pool, gpointer element) {
  auto *base = static_cast<NvDsBaseMeta *>(element);
  const Locked lock(base->batch_meta);
  if (base->release_func) base->release_func(base, nullptr);
  GList *link = g_list_find(pool->full_list, element);
  if (!link) return;
  pool->full_list = g_list_remove_link(pool->full_list, link);
  pool->num_full_elements--;
  pool->empty_list = g_list_concat(link, pool->empty_list);
  pool->num_empty_elements++;
}

void give_back_all(NvDsMetaPool *pool, GList *list) {
  for (GList *l = list; l; l = l->next) give_back(pool, l->data);
  g_list_free(list);
}

void release_frame(gpointer element, gpointer) {
  auto *frame = static_cast<NvDsFrameMeta *>(element);
  NvDsBatchMeta *batch = batch_of(element);
  g_free(const_cast<gchar *>(frame->sensorInfo_meta.uri));
  g_free(const_cast<gchar *>(frame->sensorInfo_meta.sensor_id));
  g_free(const_cast<gchar *>(frame->sensorInfo_meta.sensor_name));
  give_back_all(batch->obj_meta_pool, frame->obj_meta_list);
  give_back_all(batch->display_meta_pool, frame->display_meta_list);
  give_back_all(batch->user_meta_pool, frame->frame_user_meta_list);
  zero(frame);
}

void release_object(gpointer element, gpointer) {
  auto *object = static_cast<NvDsObjectMeta *>(element);
  NvDsBatchMeta *batch = batch_of(element);
  give_back_all(batch->classifier_meta_pool, object->classifier_meta_list);
  give_back_all(batch->user_meta_pool, object->obj_user_meta_list);
  g_free(object->text_params.display_text);
  if (object->mask_params.size > 0) g_free(object->mask_params.data);
  zero(object);
}

void release_classifier(gpointer element, gpointer) {
  auto *classifier = static_cast<NvDsClassifierMeta *>(element);
  give_back_all(batch_of(element)->label_info_meta_pool, classifier->label_info_list);
  zero(classifier);
}

void release_label(gpointer element, gpointer) {
  auto *label = static_cast<NvDsLabelInfo *>(element);
  g_free(label->pResult_label);
  zero(label);
}

void release_display(gpointer element, gpointer) {
  auto *display = static_cast<NvDsDisplayMeta *>(element);
  for (NvOSD_TextParams &text : display->text_params) g_free(text.display_text);
  zero(display);
}

}  // namespace nvds_for_tests

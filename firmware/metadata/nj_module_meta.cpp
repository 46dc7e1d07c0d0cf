// User metadata that modules write: one block of memory, so that copying it is one copy.
#include <cstring>

#include "nj_meta.h"

namespace {

// The data follows the struct.
NjModuleMeta *new_module_meta(const NjModuleMeta &fields) {
  auto *memory = static_cast<guint8 *>(g_malloc(sizeof(NjModuleMeta) + fields.bytes + 1));
  auto *meta = reinterpret_cast<NjModuleMeta *>(memory);
  guint8 *data = memory + sizeof(NjModuleMeta);
  *meta = fields;
  if (fields.bytes > 0) std::memcpy(data, fields.data, fields.bytes);
  data[fields.bytes] = 0;
  meta->data = data;
  return meta;
}

const NjModuleMeta *meta_of(gconstpointer user) {
  return static_cast<const NjModuleMeta *>(static_cast<const NjUserMeta *>(user)->user_meta_data);
}

gpointer copy_module_meta(gpointer data, gpointer) { return new_module_meta(*meta_of(data)); }

void release_module_meta(gpointer data, gpointer) { g_free(static_cast<NjUserMeta *>(data)->user_meta_data); }

}  // namespace

NjUserMeta *nj_acquire_module_meta(NjBatchMeta *batch, guint unique_id, const gchar *bundle, gconstpointer data,
                                   gsize bytes) {
  NjModuleMeta fields = {};
  fields.unique_id = unique_id;
  g_strlcpy(fields.bundle, bundle ? bundle : "", sizeof fields.bundle);
  fields.bytes = bytes;
  fields.data = static_cast<const guint8 *>(data);
  NjUserMeta *user = nj_acquire_user_meta(batch);
  user->meta_type = NJ_MODULE_META;
  user->copy_func = copy_module_meta;
  user->release_func = release_module_meta;
  user->user_meta_data = new_module_meta(fields);
  return user;
}

const NjModuleMeta *nj_find_module_meta(const GList *user_metas, const gchar *bundle) {
  for (const GList *l = user_metas; l; l = l->next) {
    if (static_cast<const NjUserMeta *>(l->data)->meta_type != NJ_MODULE_META) continue;
    const NjModuleMeta *meta = meta_of(l->data);
    if (!bundle || std::strcmp(meta->bundle, bundle) == 0) return meta;
  }
  return nullptr;
}

#include "nvds_user_data.h"

// After GStreamer's headers, which it forgets.
#include <gst/gst.h>
#include <gstnvdsinfer.h>

#include <algorithm>
#include <cstring>

namespace nj::nvds {

namespace {

template <typename Data>
Data *data_of(gpointer user) {
  return static_cast<Data *>(static_cast<NvDsUserMeta *>(user)->user_meta_data);
}

template <size_t kSize>
void put(gchar (&target)[kSize], const std::string &text) {
  g_strlcpy(target, text.c_str(), kSize);
}

// The data follows the struct, and a NUL that is not counted follows the data.
NjModuleMeta *new_module(const NjModuleMeta &fields) {
  auto *memory = static_cast<guint8 *>(g_malloc(sizeof(NjModuleMeta) + fields.bytes + 1));
  auto *meta = reinterpret_cast<NjModuleMeta *>(memory);
  guint8 *data = memory + sizeof(NjModuleMeta);
  *meta = fields;
  if (fields.bytes > 0) std::memcpy(data, fields.data, fields.bytes);
  data[fields.bytes] = 0;
  meta->data = data;
  return meta;
}

// The meta comes first: consumers know only that. The arrays that it points to belong to this set, the data to all
// copies.
struct TensorSet {
  NvDsInferTensorMeta meta = {};
  std::shared_ptr<const NetworkOutput> output;
  std::vector<NvDsInferLayerInfo> layers;
  std::vector<void *> on_host, on_device;

  explicit TensorSet(std::shared_ptr<const NetworkOutput> shared) : output(std::move(shared)) {
    for (const TensorOutput &tensor : output->tensors) add(tensor);
    on_device.resize(on_host.size());  // all null: nothing lies on a GPU
    meta.unique_id = output->unique_id;
    meta.num_output_layers = static_cast<guint>(layers.size());
    meta.output_layers_info = layers.data();
    meta.out_buf_ptrs_host = on_host.data();
    meta.out_buf_ptrs_dev = on_device.data();
    meta.priv_data = this;
    meta.network_info = {output->network_width, output->network_height, 3};
    meta.maintain_aspect_ratio = output->keeps_aspect;
    meta.symmetric_padding = output->centred;
  }

  void add(const TensorOutput &tensor) {
    NvDsInferLayerInfo layer = {};
    layer.dataType = static_cast<NvDsInferDataType>(tensor.data_type);
    const size_t rank = std::min<size_t>(tensor.dims.size(), NVDSINFER_MAX_DIMS);
    layer.inferDims.numDims = static_cast<unsigned>(rank);
    layer.inferDims.numElements = 1;
    for (size_t i = 0; i < rank; i++) {
      layer.inferDims.d[i] = tensor.dims[i];
      layer.inferDims.numElements *= tensor.dims[i];
    }
    layer.bindingIndex = static_cast<int>(layers.size());
    layer.layerName = tensor.name.c_str();
    layer.buffer = const_cast<uint8_t *>(tensor.data.get());
    layers.push_back(layer);
    on_host.push_back(layer.buffer);
  }
};

TensorSet *set_of(gpointer user) { return static_cast<TensorSet *>(data_of<NvDsInferTensorMeta>(user)->priv_data); }

}  // namespace

ObjectExtras *find_extras(const GList *user_metas, NvDsMetaType type) {
  for (const GList *l = user_metas; l; l = l->next) {
    auto *user = static_cast<NvDsUserMeta *>(l->data);
    if (user->base_meta.meta_type == type) return static_cast<ObjectExtras *>(user->user_meta_data);
  }
  return nullptr;
}

gpointer copy_extras(gpointer user, gpointer) { return new ObjectExtras(*data_of<ObjectExtras>(user)); }
void release_extras(gpointer user, gpointer) { delete data_of<ObjectExtras>(user); }

NjEvent *new_event(const Event &event) {
  auto *meta = g_new0(NjEvent, 1);
  put(meta->type, event.type);
  put(meta->rule, event.rule);
  put(meta->label, event.label);
  meta->object_id = event.object_id;
  meta->class_id = event.class_id;
  meta->x = event.x;
  meta->y = event.y;
  meta->value = event.value;
  meta->confidence = event.confidence;
  meta->flags = event.flags;
  return meta;
}

gpointer copy_event(gpointer user, gpointer) { return g_memdup2(data_of<NjEvent>(user), sizeof(NjEvent)); }
void release_event(gpointer user, gpointer) { g_free(data_of<NjEvent>(user)); }

NjModuleMeta *new_module_data(const UserData &user) {
  NjModuleMeta fields = {};
  fields.unique_id = static_cast<guint>(user.component_id);
  put(fields.bundle, user.bundle);
  fields.bytes = user.bytes.size();
  fields.data = user.bytes.data();
  return new_module(fields);
}

gpointer copy_module_data(gpointer user, gpointer) { return new_module(*data_of<NjModuleMeta>(user)); }
void release_module_data(gpointer user, gpointer) { g_free(data_of<NjModuleMeta>(user)); }

NjPayload *new_payload(const std::string &text, guint component_id, guint kind) {
  auto *payload = g_new0(NjPayload, 1);
  payload->payload = g_memdup2(text.data(), text.size());
  payload->payload_size = static_cast<guint>(text.size());
  payload->component_id = component_id;
  payload->kind = kind;
  return payload;
}

gpointer copy_payload(gpointer user, gpointer) {
  const auto *source = data_of<NjPayload>(user);
  auto *copy = static_cast<NjPayload *>(g_memdup2(source, sizeof(NjPayload)));
  copy->payload = g_memdup2(source->payload, source->payload_size);
  return copy;
}

void release_payload(gpointer user, gpointer) {
  auto *payload = data_of<NjPayload>(user);
  g_free(payload->payload);
  g_free(payload);
}

void *new_tensors(NetworkOutput output) {
  return &(new TensorSet(std::make_shared<const NetworkOutput>(std::move(output))))->meta;
}

gpointer copy_tensors(gpointer user, gpointer) { return &(new TensorSet(set_of(user)->output))->meta; }
void release_tensors(gpointer user, gpointer) { delete set_of(user); }

NvDsUserMeta *acquire_user_meta(const Library &library, NvDsBatchMeta *batch, NvDsMetaType type, void *data,
                                NvDsMetaCopyFunc copy, NvDsMetaReleaseFunc release) {
  NvDsUserMeta *user = library.nvds_acquire_user_meta_from_pool(batch);
  user->base_meta.meta_type = type;
  user->base_meta.uContext = nullptr;
  user->base_meta.copy_func = copy;
  user->base_meta.release_func = release;
  user->user_meta_data = data;
  return user;
}

// The legacy muxer scales to its own size and says so; the new one never does and says nothing.
FrameInfo describe(const NvDsFrameMeta *frame) {
  FrameInfo info;
  info.source_id = frame->source_id;
  info.batch_id = frame->batch_id;
  info.frame_number = frame->frame_num;
  info.pts = frame->buf_pts;
  info.capture = frame->ntp_timestamp;
  info.width = frame->pipeline_width ? frame->pipeline_width : frame->source_frame_width;
  info.height = frame->pipeline_height ? frame->pipeline_height : frame->source_frame_height;
  info.inferred = frame->bInferDone;
  return info;
}

}  // namespace nj::nvds

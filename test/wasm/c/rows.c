// A detect module in C, without the SDK: rows of an end-to-end head. Input [objects, 6] of float32: left, top, right,
// bottom in pixels of the network, score, class id. Written from docs/reference/module-abi.md.

#include "nightjar.h"

#define FIELDS 6
#define PAGE 65536u

extern unsigned char __heap_base;

static uint32_t next_free;
static uint32_t rows, max_objects;
static float threshold;

static void complain(const char *text) {
  int32_t bytes = 0;
  while (text[bytes]) bytes++;
  nj_log(3, text, bytes);
}

NJ_EXPORT(nj_abi) uint32_t nj_abi(void) { return NJ_ABI_MAJOR << 16 | NJ_ABI_MINOR; }

NJ_EXPORT(nj_kind) uint32_t nj_kind(void) { return NJ_DETECT; }

// Fresh memory is zero, and nothing is given back.
NJ_EXPORT(nj_alloc) uint32_t nj_alloc(uint32_t bytes) {
  if (!next_free) next_free = (uint32_t)&__heap_base;
  const uint32_t at = (next_free + 63) & ~63u;
  const uint32_t end = at + bytes, have = __builtin_wasm_memory_size(0) * PAGE;
  if (end < at) return 0;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + PAGE - 1) / PAGE) == (size_t)-1) return 0;
  next_free = end;
  return at;
}

NJ_EXPORT(nj_init) int32_t nj_init(const nj_init_block *block) {
  const nj_tensor_info *tensor = block->tensors;
  if (block->tensor_count != 1 || tensor->data_type != NJ_FLOAT32 || tensor->rank != 2 || tensor->dims[1] != FIELDS) {
    complain("expected one output, float32 [objects, 6]");
    return NJ_BAD_TENSORS;
  }
  rows = tensor->dims[0];
  max_objects = block->max_objects;
  return NJ_OK;
}

static int is_key(const nj_param_entry *entry, const char *key) {
  uint32_t i = 0;
  for (; i < entry->key_bytes && key[i]; i++)
    if (entry->key[i] != key[i]) return 0;
  return i == entry->key_bytes && !key[i];
}

NJ_EXPORT(nj_configure) int32_t nj_configure(const nj_param_block *block) {
  threshold = 0.25f;
  for (uint32_t i = 0; i < block->count; i++) {
    const nj_param_entry *entry = &block->entries[i];
    if (!is_key(entry, "confidence-threshold")) continue;
    if (entry->type != NJ_NUMBER || !(entry->number >= 0 && entry->number <= 1)) {
      complain("confidence-threshold: expected 0 to 1");
      return NJ_BAD_PARAMETER;
    }
    threshold = (float)entry->number;
  }
  return NJ_OK;
}

static int is_length(float value) { return value > 0 && value <= 1e6f; }

static int is_place(float value) { return value >= -1e6f && value <= 1e6f; }

NJ_EXPORT(nj_process) int32_t nj_process(nj_frame_block *frame) {
  const float *row = frame->tensors[0];
  uint32_t count = 0;
  for (uint32_t i = 0; i < rows && count < max_objects; i++, row += FIELDS) {
    const float width = row[2] - row[0], height = row[3] - row[1];
    if (!(row[4] >= threshold && row[4] <= 1) || !(row[5] >= 0 && row[5] <= 65535)) continue;
    if (!is_place(row[0]) || !is_place(row[1]) || !is_length(width) || !is_length(height)) continue;
    nj_object_record object = {0};
    object.left = row[0];
    object.top = row[1];
    object.width = width;
    object.height = height;
    object.confidence = row[4];
    object.class_id = (int32_t)row[5];
    object.object_id = NJ_UNTRACKED;
    object.parent = object.input = -1;
    frame->objects_out_at[count++] = object;
  }
  frame->record.objects_out = count;
  frame->record.events_out = 0;
  frame->record.aux_out = 0;
  return NJ_OK;
}

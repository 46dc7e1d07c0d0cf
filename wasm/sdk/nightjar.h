// The module ABI, version 1.1, for modules in C: abi.ts in C, and docs/reference/module-abi.md in code. Tests pin every
// field of the three against one set of bytes.
//
//   clang --target=wasm32 -mbulk-memory -O3 -nostdlib -ffreestanding -Wl,--no-entry -I wasm/sdk -o module.wasm module.c
#ifndef NIGHTJAR_MODULE_H
#define NIGHTJAR_MODULE_H

#include <stddef.h>
#include <stdint.h>

#define NJ_ABI_MAJOR 1
#define NJ_ABI_MINOR 1
#define NJ_UNTRACKED 0xFFFFFFFFFFFFFFFFull
#define NJ_NO_TIME 0xFFFFFFFFFFFFFFFFull

#define NJ_EXPORT(name) __attribute__((export_name(#name)))

// The only import: level 0 debug, 1 info, 2 warning, 3 error; UTF-8, 512 bytes are kept.
__attribute__((import_module("nightjar"), import_name("log"))) void nj_log(int32_t level, const char *text,
                                                                           int32_t bytes);

enum nj_kind { NJ_DETECT = 1, NJ_ANALYZE = 2 };

enum nj_status {
  NJ_OK = 0,
  NJ_BAD_TENSORS = -1,
  NJ_BAD_PARAMETER = -2,
  NJ_BAD_STATE = -3,
  NJ_BAD_LIMITS = -4,
  NJ_FAILED = -5
};

enum nj_data_type { NJ_FLOAT32 = 0, NJ_FLOAT16 = 1, NJ_INT8 = 2, NJ_INT32 = 3, NJ_INT64 = 4, NJ_UINT8 = 5 };
enum nj_param_type { NJ_NUMBER = 1, NJ_TEXT = 2, NJ_NUMBERS = 3 };
enum nj_frame_flags { NJ_INFERRED = 1, NJ_DISCONTINUITY = 2 };
enum nj_object_flags { NJ_TRACKED = 1, NJ_PREDICTED = 2, NJ_NEW = 4 };
enum nj_event_flags { NJ_EVENT_IN = 1, NJ_EVENT_OUT = 2 };

// UTF-8, not terminated.
typedef struct {
  const char *at;
  uint32_t bytes;
} nj_text;

// One output of the model, seen by one frame (no batch axis).
typedef struct {
  const char *name;
  uint32_t name_bytes;
  uint32_t data_type;
  uint32_t rank;
  uint32_t dims[8];
  uint32_t bytes;
  float scale;  // int8 and uint8: real = scale * (q - zero_point)
  int32_t zero_point;
  uint32_t block_bytes;  // the module's to write in nj_init: nj_block gets the tensor in blocks of that many; 0: whole
} nj_tensor_info;

typedef struct {
  uint32_t bytes;
  uint32_t abi;
  uint32_t kind;
  uint32_t max_objects;
  uint32_t max_events;
  uint32_t aux_bytes;
  uint32_t tensor_count;
  nj_tensor_info *tensors;
  uint32_t label_count;
  const nj_text *labels;
  uint32_t network_width;
  uint32_t network_height;
  uint64_t first_object_id;
  uint8_t reserved[72];
} nj_init_block;

typedef struct {
  const char *key;
  uint32_t key_bytes;
  uint32_t type;
  const void *value;  // text: UTF-8; numbers: double[value_count]
  uint32_t value_count;
  uint32_t reserved;
  double number;
} nj_param_entry;

typedef struct {
  uint32_t count;
  const nj_param_entry *entries;
  uint8_t reserved[8];
} nj_param_block;

typedef struct {
  uint32_t source_id;
  int32_t frame_number;
  uint64_t pts;
  uint64_t capture;
  uint32_t width;
  uint32_t height;
  float scale_x;
  float scale_y;
  float offset_x;
  float offset_y;
  uint32_t objects_in;
  uint32_t objects_out;
  uint32_t events_out;
  uint32_t aux_in;
  uint32_t aux_out;
  uint32_t flags;
  uint32_t user;
  uint32_t user_bytes;
  uint8_t reserved[48];
} nj_frame_record;

typedef struct {
  float left;
  float top;
  float width;
  float height;
  float angle;
  float confidence;
  int32_t class_id;
  uint32_t flags;
  uint64_t object_id;
  float tracker_confidence;
  int32_t parent;
  int32_t input;
  uint32_t component_id;
  uint32_t aux;
  uint32_t aux_bytes;
  uint16_t mask_width;
  uint16_t mask_height;
  uint16_t keypoints;
  uint16_t attributes;
  uint32_t age;
  uint32_t user_bytes;
  uint8_t reserved[16];
} nj_object_record;

typedef struct {
  char type[24];
  char rule[32];
  char label[32];
  uint64_t object_id;
  int32_t class_id;
  int32_t object;
  float x;
  float y;
  double value;
  uint32_t flags;
  uint8_t reserved[4];
} nj_event_record;

typedef struct {
  nj_frame_record record;
  const void *const *tensors;
  const nj_object_record *objects_in_at;
  nj_object_record *objects_out_at;
  nj_event_record *events_out_at;
  const uint8_t *aux_in_at;
  uint8_t *aux_out_at;
  uint8_t reserved[40];
} nj_frame_block;

_Static_assert(sizeof(void *) == 4, "compile with --target=wasm32");
_Static_assert(sizeof(nj_text) == 8, "nj_text");
_Static_assert(sizeof(nj_tensor_info) == 64, "nj_tensor_info");
_Static_assert(sizeof(nj_init_block) == 128, "nj_init_block");
_Static_assert(offsetof(nj_init_block, first_object_id) == 48, "nj_init_block.first_object_id");
_Static_assert(sizeof(nj_param_entry) == 32, "nj_param_entry");
_Static_assert(sizeof(nj_param_block) == 16, "nj_param_block");
_Static_assert(sizeof(nj_frame_record) == 128, "nj_frame_record");
_Static_assert(sizeof(nj_object_record) == 96, "nj_object_record");
_Static_assert(sizeof(nj_event_record) == 128, "nj_event_record");
_Static_assert(sizeof(nj_frame_block) == 192, "nj_frame_block");

#endif

// Nightjar's metadata: what NvDs metadata is to DeepStream, for pipelines without it.
//
// The hierarchy, the ownership and the list order are those of nvdsmeta.h, so that an element written for one reads
// like one written for the other: batch -> frame -> object -> classifier -> label, user metas on each level. A batch
// owns pools; objects are acquired from the batch and attached, never constructed. Frame and batch user lists append,
// all others prepend (newest first). A released element is zeroed, so every field that nobody set is 0.
//
// A batch rides on a GstBuffer as one GstMeta (api type "NjBatchMetaAPI"). Copying the buffer copies the batch deeply,
// keeping list order, parents and classifier types; user metas without copy_func are left out.
//
// Lock: nj_batch_meta_lock around "acquire, fill, attach" when another thread may touch the batch. Recursive.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

#define NJ_MAX_LABEL_SIZE 128
#define NJ_UNTRACKED_OBJECT_ID G_MAXUINT64
#define NJ_BATCH_META_API_TYPE (nj_batch_meta_api_get_type())

// Batched frames travel under this caps feature: the buffer has no memory of its own, each NjFrameMeta refers to the
// buffer of its source. caps: video/x-raw(memory:NjBatch), width, height (nominal), batch-size, framerate.
#define NJ_CAPS_FEATURE_BATCH "memory:NjBatch"

typedef struct _NjBatchMeta NjBatchMeta;
typedef struct _NjFrameMeta NjFrameMeta;
typedef struct _NjObjectMeta NjObjectMeta;
typedef struct _NjClassifierMeta NjClassifierMeta;
typedef struct _NjLabelInfo NjLabelInfo;
typedef struct _NjUserMeta NjUserMeta;
typedef struct _NjPools NjPools;

// Values as NvDsMetaType where a counterpart exists.
typedef enum {
  NJ_PAYLOAD_META = 8,         // NjPayload
  NJ_EVENT_MSG_META = 9,       // NjEventMsgMeta (nj_event_msg_meta.h)
  NJ_TENSOR_OUTPUT_META = 12,  // NjTensorMeta
  NJ_CUSTOM_MSG_BLOB = 29,     // NUL-terminated UTF-8 string
  NJ_EVENT_META = 8193,        // NjEvent: what an analyze module concluded
  NJ_MODULE_META = 8194,       // NjModuleMeta: user metadata of an analyze module, on a frame or an object
  NJ_START_USER_META = 8448,   // free for applications
} NjMetaType;

typedef struct {
  gfloat left, top, width, height;  // pixels of the frame
} NjBox;

typedef struct {
  gdouble red, green, blue, alpha;  // 0..1
} NjColor;

typedef struct {
  gfloat left, top, width, height;  // pixels of the frame, of the un-rotated box
  guint border_width;               // pixels; 0 draws none
  NjColor border_color;
  gboolean has_bg_color;
  NjColor bg_color;
  gfloat rotation_angle;  // degrees, clockwise on screen, about the centre
} NjRectParams;

typedef struct {
  gchar *display_text;  // g_malloc'd, freed with the object
  guint x_offset, y_offset;
  const gchar *font_name;  // borrowed, static
  guint font_size;
  NjColor font_color;
  gboolean set_bg_clr;
  NjColor text_bg_clr;
} NjTextParams;

typedef struct {
  gfloat *data;  // g_malloc'd, height rows of width, freed with the object
  guint size;    // bytes
  gfloat threshold;
  guint width, height;  // the grid is stretched over the box
} NjMaskParams;

typedef struct {
  gfloat x, y;        // pixels of the frame
  gfloat confidence;  // 0..1
} NjKeypoint;

typedef enum {
  NJ_TRACK_NONE = 0,       // no tracker has seen the object
  NJ_TRACK_NEW = 1,        // first frame of this object_id
  NJ_TRACK_ACTIVE = 2,     // matched with a detection in this frame
  NJ_TRACK_PREDICTED = 3,  // no detection in this frame: the tracker's estimate
} NjTrackState;

typedef gpointer (*NjMetaCopyFunc)(gpointer data, gpointer user_data);  // data: the meta; returns the copy
typedef void (*NjMetaReleaseFunc)(gpointer data, gpointer user_data);   // frees what the meta refers to

struct _NjUserMeta {
  NjBatchMeta *batch_meta;
  gint meta_type;  // NjMetaType
  gpointer user_context;
  NjMetaCopyFunc copy_func;        // gets the NjUserMeta, returns the new user_meta_data; NULL: not copied
  NjMetaReleaseFunc release_func;  // gets the NjUserMeta, frees user_meta_data
  gpointer user_meta_data;
};

struct _NjLabelInfo {
  NjBatchMeta *batch_meta;
  guint num_classes;
  gchar result_label[NJ_MAX_LABEL_SIZE];
  guint result_class_id;
  guint label_id;
  gfloat result_prob;  // 0..1
};

struct _NjClassifierMeta {
  NjBatchMeta *batch_meta;
  guint num_labels;
  gint unique_component_id;
  GList *label_info_list;        // NjLabelInfo, newest first
  const gchar *classifier_type;  // interned (g_intern_string)
};

struct _NjObjectMeta {
  NjBatchMeta *batch_meta;
  NjObjectMeta *parent;
  gint unique_component_id;  // unique-id of the element that found it
  gint class_id;             // 0..65535
  guint64 object_id;         // NJ_UNTRACKED_OBJECT_ID until a tracker gives one
  NjBox detector_bbox_info;  // as the detector gave it, mapped to the frame, before clipping
  NjBox tracker_bbox_info;   // as the tracker gave it, before clipping
  gfloat confidence;         // 0..1; -0.1 for objects that only the tracker saw
  gfloat tracker_confidence;
  NjRectParams rect_params;
  NjMaskParams mask_params;
  NjTextParams text_params;
  gchar obj_label[NJ_MAX_LABEL_SIZE];
  GList *classifier_meta_list;  // NjClassifierMeta, newest first
  GList *obj_user_meta_list;    // NjUserMeta, newest first
  // Beyond NvDs:
  NjTrackState track_state;
  guint track_age;        // frames since the object appeared
  NjKeypoint *keypoints;  // g_malloc'd, freed with the object
  guint num_keypoints;
};

struct _NjFrameMeta {
  NjBatchMeta *batch_meta;
  guint pad_index;        // N of the mux' sink_N; also source_id
  guint batch_id;         // position in the batch
  gint frame_num;         // per source, from 0
  guint64 buf_pts;        // ns, of the source's own buffer
  guint64 ntp_timestamp;  // ns since the epoch: when the frame was captured, as well as known
  guint source_id;
  guint source_frame_width, source_frame_height;  // pixels
  guint num_obj_meta;
  gboolean bInferDone;          // a detector looked at this frame (also when it found nothing)
  GList *obj_meta_list;         // NjObjectMeta, newest first
  GList *frame_user_meta_list;  // NjUserMeta, newest first
  gchar *sensor_id;             // g_malloc'd: the camera's id, or NULL
  // The pixels: the source's buffer (a reference) and what its bytes mean. NULL on an unbatched buffer, whose own
  // memory holds the frame.
  GstBuffer *buffer;
  GstVideoInfo info;
};

struct _NjBatchMeta {
  guint max_frames_in_batch;
  guint num_frames_in_batch;
  GList *frame_meta_list;       // NjFrameMeta, in order of batch_id
  GList *batch_user_meta_list;  // NjUserMeta, in order of attaching
  GRecMutex meta_mutex;
  NjPools *pools;
};

typedef struct {
  GstMeta meta;
  NjBatchMeta *batch;
} NjBatchGstMeta;

// What njmsgconv makes: as NvDsPayload. Not NUL-terminated.
typedef struct {
  gpointer payload;  // g_malloc'd
  guint payload_size;
  guint component_id;
  guint kind;  // NjPayloadKind
} NjPayload;

typedef enum {
  NJ_PAYLOAD_OBJECTS = 1,  // an nvmsgconv document
  NJ_PAYLOAD_EVENT = 2,    // one event, our schema
} NjPayloadKind;

typedef struct {
  gchar type[24];
  gchar rule[32];
  gchar label[32];
  guint64 object_id;
  gint class_id;
  gfloat x, y;  // pixels of the frame
  gdouble value;
  gfloat confidence;
  guint flags;  // NjEventFlags
} NjEvent;

// Which way a line was crossed; neither for events without a direction.
typedef enum {
  NJ_EVENT_IN = 1 << 0,
  NJ_EVENT_OUT = 1 << 1,
} NjEventFlags;

// What a module says about a frame or an object, in a form of its own: often JSON. Copied and freed with the frame.
typedef struct {
  guint unique_id;   // of the element that ran the module
  gchar bundle[64];  // its bundle; NUL-terminated
  gsize bytes;
  const guint8 *data;  // bytes, then a NUL that is not counted
} NjModuleMeta;

// Raw outputs of the network for one frame (output-tensor-meta). The data stays valid as long as the meta.
typedef struct {
  gchar name[64];
  guint data_type;  // NvDsInferDataType
  guint rank;
  guint dims[8];  // without the batch dimension
  gconstpointer data;
  gsize bytes;
} NjTensorLayer;

typedef struct {
  guint unique_id;
  guint num_layers;
  NjTensorLayer *layers;
  guint network_width, network_height;
  gpointer owner;  // reference-counted storage
} NjTensorMeta;

GType nj_batch_meta_api_get_type(void);
const GstMetaInfo *nj_batch_meta_get_info(void);

// Batch. nj_buffer_add_batch_meta makes an empty batch that the buffer owns.
NjBatchMeta *nj_buffer_add_batch_meta(GstBuffer *buffer, guint max_frames);
NjBatchMeta *nj_buffer_get_batch_meta(GstBuffer *buffer);  // NULL if none
void nj_batch_meta_lock(NjBatchMeta *batch);
void nj_batch_meta_unlock(NjBatchMeta *batch);

// Acquire. Never NULL; pools grow.
NjFrameMeta *nj_acquire_frame_meta(NjBatchMeta *batch);
NjObjectMeta *nj_acquire_object_meta(NjBatchMeta *batch);
NjClassifierMeta *nj_acquire_classifier_meta(NjBatchMeta *batch);
NjLabelInfo *nj_acquire_label_info(NjBatchMeta *batch);
NjUserMeta *nj_acquire_user_meta(NjBatchMeta *batch);

// Attach.
void nj_batch_add_frame(NjBatchMeta *batch, NjFrameMeta *frame);
void nj_frame_add_object(NjFrameMeta *frame, NjObjectMeta *object, NjObjectMeta *parent);
void nj_object_add_classifier(NjObjectMeta *object, NjClassifierMeta *classifier);
void nj_classifier_add_label(NjClassifierMeta *classifier, NjLabelInfo *label);
void nj_batch_add_user_meta(NjBatchMeta *batch, NjUserMeta *user);
void nj_frame_add_user_meta(NjFrameMeta *frame, NjUserMeta *user);
void nj_object_add_user_meta(NjObjectMeta *object, NjUserMeta *user);

// Remove (and give back to the pool).
void nj_batch_remove_frame(NjBatchMeta *batch, NjFrameMeta *frame);
void nj_frame_remove_object(NjFrameMeta *frame, NjObjectMeta *object);
void nj_frame_clear_objects(NjFrameMeta *frame);
void nj_frame_remove_user_meta(NjFrameMeta *frame, NjUserMeta *user);

// User metadata of a module: acquired, with copy and release functions, not attached. `data` is copied.
NjUserMeta *nj_acquire_module_meta(NjBatchMeta *batch, guint unique_id, const gchar *bundle, gconstpointer data,
                                   gsize bytes);
// The first NJ_MODULE_META of a list of user metas (frame_user_meta_list, obj_user_meta_list) that the bundle, or with
// NULL any, has written: the newest. NULL when there is none.
const NjModuleMeta *nj_find_module_meta(const GList *user_metas, const gchar *bundle);

// Copies `source` with all below it into `batch` and attaches it. Order and parents are kept.
NjFrameMeta *nj_batch_copy_frame(NjBatchMeta *batch, const NjFrameMeta *source);

NjFrameMeta *nj_batch_nth_frame(NjBatchMeta *batch, guint index);  // NULL beyond the end

G_END_DECLS

// NvDs metadata as the message elements see it: payloads to hand over, and frames to make payloads of.
#include <nvdsmeta_schema.h>

#include <cstring>

#include "nj_event_msg_meta.h"
#include "nvds.h"
#include "nvds_library.h"
#include "nvds_user_data.h"
#include "object_style.h"

namespace nj::nvds {

namespace {

class Locked {
 public:
  Locked(NvDsBatchMeta *batch, const Library &library) : batch_(batch), library_(library) {
    library_.nvds_acquire_meta_lock(batch_);
  }
  ~Locked() { library_.nvds_release_meta_lock(batch_); }
  Locked(const Locked &) = delete;
  Locked &operator=(const Locked &) = delete;

 private:
  NvDsBatchMeta *batch_;
  const Library &library_;
};

NvDsFrameMeta *nth_frame(const NvDsBatchMeta *batch, guint index) {
  return static_cast<NvDsFrameMeta *>(g_list_nth_data(batch->frame_meta_list, index));
}

// ---- payloads

void take_payload(const NvDsUserMeta *user, const FrameInfo &frame, const Library &library,
                  const std::function<void(const Payload &)> &take) {
  if (!user->user_meta_data) return;
  if (user->base_meta.meta_type == NVDS_PAYLOAD_META) {
    const auto *payload = static_cast<const NvDsPayload *>(user->user_meta_data);
    take({frame, payload->payload, payload->payloadSize, payload->componentId, NJ_PAYLOAD_OBJECTS});
  } else if (user->base_meta.meta_type == library.payload) {
    const auto *payload = static_cast<const NjPayload *>(user->user_meta_data);
    take({frame, payload->payload, payload->payload_size, payload->component_id, payload->kind});
  }
}

gpointer copy_nvds_payload(gpointer data, gpointer) {
  const auto *source = static_cast<const NvDsPayload *>(static_cast<NvDsUserMeta *>(data)->user_meta_data);
  auto *copy = static_cast<NvDsPayload *>(g_memdup2(source, sizeof(NvDsPayload)));
  copy->payload = g_memdup2(source->payload, source->payloadSize);
  return copy;
}

void release_nvds_payload(gpointer data, gpointer) {
  auto *payload = static_cast<NvDsPayload *>(static_cast<NvDsUserMeta *>(data)->user_meta_data);
  g_free(payload->payload);
  g_free(payload);
}

NvDsPayload *new_nvds_payload(const std::string &text, guint component_id) {
  auto *payload = g_new0(NvDsPayload, 1);
  payload->payload = g_memdup2(text.data(), text.size());
  payload->payloadSize = static_cast<guint>(text.size());
  payload->componentId = component_id;
  return payload;
}

// ---- frames in our structures

gpointer copy_text(gpointer data, gpointer) {
  return g_strdup(static_cast<const gchar *>(static_cast<NjUserMeta *>(data)->user_meta_data));
}

// Releases what a user meta of the copy owns: a block of GLib's memory.
void release_block(gpointer data, gpointer) { g_free(static_cast<NjUserMeta *>(data)->user_meta_data); }

// Same fields in the same order and of the same types: what both schemas use of them is copied whole.
static_assert(sizeof(NjRect) == sizeof(NvDsRect));
static_assert(sizeof(NjGeoLocation) == sizeof(NvDsGeoLocation));
static_assert(sizeof(NjCoordinate) == sizeof(NvDsCoordinate));
static_assert(sizeof(NjObjectSignature) == sizeof(NvDsObjectSignature));
static_assert(sizeof(NjVehicleObjectExt) == sizeof(NvDsVehicleObjectExt));
static_assert(sizeof(NjPersonObjectExt) == sizeof(NvDsPersonObjectExt));
static_assert(sizeof(NjFaceObjectExt) == sizeof(NvDsFaceObjectExt));
static_assert(sizeof(NjJoints) == sizeof(NvDsJoints) && sizeof(NjJoint) == sizeof(NvDsJoint));
static_assert(sizeof(NjEmbedding) == sizeof(NvDsEmbedding));

template <typename Target, typename Source>
void copy_bytes(Target &target, const Source &source) {
  static_assert(sizeof target == sizeof source);
  std::memcpy(&target, &source, sizeof target);
}

// In the event from 9.1 on, before that beside the tracking in 3D.
template <typename Source>
auto visibility_of(const Source &source, int) -> decltype(source.visibility) {
  return source.visibility;
}
template <typename Source>
auto visibility_of(const Source &source, long) -> decltype(source.singleView3DTracking.visibility) {
  return source.singleView3DTracking.visibility;
}

// Tracking in 3D is younger than the rest.
template <typename Source>
auto copy_3d(NjEventMsgMeta *event, const Source &source, int)
    -> decltype(source.singleView3DTracking.convexHull.numFilled, void()) {
  event->has3DTracking = source.has3DTracking;
  copy_bytes(event->singleView3DTracking.ptWorldFeet, source.singleView3DTracking.ptWorldFeet);
  copy_bytes(event->singleView3DTracking.ptImgFeet, source.singleView3DTracking.ptImgFeet);
  copy_bytes(event->singleView3DTracking.convexHull, source.singleView3DTracking.convexHull);
  event->visibility = visibility_of(source, 0);
}
template <typename Source>
void copy_3d(NjEventMsgMeta *, const Source &, long) {}

// Pointers stay the application's: the copy is for reading, now.
NjEventMsgMeta *event_msg(const NvDsEventMsgMeta &source) {
  auto *event = g_new0(NjEventMsgMeta, 1);
  event->type = static_cast<NjEventType>(source.type);
  event->objType = static_cast<NjObjectType>(source.objType);
  copy_bytes(event->bbox, source.bbox);
  copy_bytes(event->location, source.location);
  copy_bytes(event->coordinate, source.coordinate);
  copy_bytes(event->objSignature, source.objSignature);
  event->objClassId = source.objClassId;
  event->sensorId = source.sensorId;
  event->moduleId = source.moduleId;
  event->placeId = source.placeId;
  event->componentId = source.componentId;
  event->frameId = source.frameId;
  event->confidence = source.confidence;
  event->trackingId = source.trackingId;
  event->ts = source.ts;
  event->objectId = source.objectId;
  event->sensorStr = source.sensorStr;
  event->otherAttrs = source.otherAttrs;
  event->videoPath = source.videoPath;
  event->extMsg = source.extMsg;
  event->extMsgSize = source.extMsgSize;
  copy_bytes(event->pose, source.pose);
  copy_bytes(event->embedding, source.embedding);
  copy_3d(event, source, 0);
  return event;
}

// Builds one Nj batch of one NvDs batch. Lists are walked oldest first, for adding puts the newest at the head.
class Copier {
 public:
  Copier(NjBatchMeta *batch, const Library &library, const MetadataBatch &source)
      : batch_(batch), library_(library), source_(source) {}

  void add_frame(guint index, const NvDsFrameMeta *from, bool with_objects) {
    NjFrameMeta *frame = nj_acquire_frame_meta(batch_);
    const FrameInfo info = describe(from);
    frame->pad_index = from->pad_index;
    frame->batch_id = from->batch_id;
    frame->frame_num = from->frame_num;
    frame->buf_pts = from->buf_pts;
    frame->ntp_timestamp = from->ntp_timestamp;
    frame->source_id = from->source_id;
    frame->source_frame_width = info.width;
    frame->source_frame_height = info.height;
    frame->bInferDone = from->bInferDone;
    frame->sensor_id = g_strdup(sensor_id(*from, 0));
    nj_batch_add_frame(batch_, frame);
    if (with_objects) add_objects(frame, index);
    for (const GList *u = g_list_last(from->frame_user_meta_list); u; u = u->prev)
      if (NjUserMeta *user = converted(static_cast<const NvDsUserMeta *>(u->data))) nj_frame_add_user_meta(frame, user);
  }

 private:
  template <typename Frame>
  static auto sensor_id(const Frame &frame, int) -> decltype(frame.sensorInfo_meta.sensor_id) {
    return frame.sensorInfo_meta.sensor_id;
  }
  template <typename Frame>
  static const gchar *sensor_id(const Frame &, long) {
    return nullptr;
  }

  void add_objects(NjFrameMeta *frame, guint index) {
    std::vector<void *> handles;
    std::vector<NjObjectMeta *> added;
    const std::vector<Object> objects = source_.objects(index, &handles);
    for (size_t i = 0; i < objects.size(); i++) added.push_back(nj_acquire_object_meta(batch_));
    for (size_t i = 0; i < objects.size(); i++) {
      const Object &object = objects[i];
      const auto *from = static_cast<const NvDsObjectMeta *>(handles[i]);
      fill(added[i], object, from);
      for (const GList *u = g_list_last(from->obj_user_meta_list); u; u = u->prev)
        if (NjUserMeta *user = converted(static_cast<const NvDsUserMeta *>(u->data)))
          nj_object_add_user_meta(added[i], user);
      nj_frame_add_object(frame, added[i], object.parent < 0 ? nullptr : added[static_cast<size_t>(object.parent)]);
    }
  }

  void fill(NjObjectMeta *to, const Object &object, const NvDsObjectMeta *from) {
    to->unique_component_id = object.component_id;
    to->class_id = object.class_id;
    to->object_id = object.object_id;
    to->confidence = object.confidence;
    to->tracker_confidence = object.tracker_confidence;
    to->rect_params.left = object.box.left;
    to->rect_params.top = object.box.top;
    to->rect_params.width = object.box.width;
    to->rect_params.height = object.box.height;
    to->rect_params.rotation_angle = object.angle_degrees;
    to->track_state = static_cast<NjTrackState>(object.track_state);
    to->track_age = object.track_age;
    cut_label(to->obj_label, object.label);
    to->num_keypoints = static_cast<guint>(object.keypoints.size());
    to->keypoints = g_new(NjKeypoint, to->num_keypoints);
    for (guint i = 0; i < to->num_keypoints; i++)
      to->keypoints[i] = {object.keypoints[i].x, object.keypoints[i].y, object.keypoints[i].confidence};
    for (const GList *c = g_list_last(from->classifier_meta_list); c; c = c->prev)
      add_classifier(to, static_cast<const NvDsClassifierMeta *>(c->data));
  }

  void add_classifier(NjObjectMeta *to, const NvDsClassifierMeta *from) {
    NjClassifierMeta *classifier = nj_acquire_classifier_meta(batch_);
    classifier->unique_component_id = from->unique_component_id;
    classifier->classifier_type = from->classifier_type;
    for (const GList *l = g_list_last(from->label_info_list); l; l = l->prev) {
      const auto *source = static_cast<const NvDsLabelInfo *>(l->data);
      NjLabelInfo *label = nj_acquire_label_info(batch_);
      label->num_classes = source->num_classes;
      cut_label(label->result_label, source->result_label);
      label->result_class_id = source->result_class_id;
      label->label_id = source->label_id;
      label->result_prob = source->result_prob;
      nj_classifier_add_label(classifier, label);
    }
    nj_object_add_classifier(to, classifier);
  }

  NjUserMeta *user(gint type, gpointer data, NjMetaReleaseFunc release, NjMetaCopyFunc copy = nullptr) {
    NjUserMeta *user = nj_acquire_user_meta(batch_);
    user->meta_type = type;
    user->copy_func = copy;
    user->release_func = release;
    user->user_meta_data = data;
    return user;
  }

  // nullptr: a kind that means nothing to us.
  NjUserMeta *converted(const NvDsUserMeta *from) {
    const NvDsMetaType type = from->base_meta.meta_type;
    void *data = from->user_meta_data;
    if (!data) return nullptr;
    if (type == NVDS_EVENT_MSG_META)
      return user(NJ_EVENT_MSG_META, event_msg(*static_cast<const NvDsEventMsgMeta *>(data)), release_block);
    if (type == NVDS_CUSTOM_MSG_BLOB) {
      const auto *blob = static_cast<const NvDsCustomMsgInfo *>(data);
      return user(NJ_CUSTOM_MSG_BLOB, g_strndup(static_cast<const char *>(blob->message), blob->size), release_block,
                  copy_text);
    }
    if (type == library_.event) return user(NJ_EVENT_META, data, nullptr);
    if (type == library_.module) return user(NJ_MODULE_META, data, nullptr);
    return nullptr;
  }

  NjBatchMeta *batch_;
  const Library &library_;
  const MetadataBatch &source_;
};

}  // namespace

guint count_inferred(GstBuffer *buffer) {
  const NvDsBatchMeta *batch = batch_of(buffer);
  std::string error;
  if (!batch || !fits(batch, &error)) return 0;
  guint inferred = 0;
  for (const GList *l = batch->frame_meta_list; l; l = l->next)
    if (static_cast<const NvDsFrameMeta *>(l->data)->bInferDone) inferred++;
  return inferred;
}

bool for_each_payload(GstBuffer *buffer, const std::function<void(const Payload &)> &take, std::string *error) {
  NvDsBatchMeta *batch = batch_of(buffer);
  if (!batch) return true;
  const Library *functions = library(error);
  if (!functions || !fits(batch, error)) return false;
  const Locked lock(batch, *functions);
  const NvDsFrameMeta *first = nth_frame(batch, 0);
  const FrameInfo about_batch = first ? describe(first) : FrameInfo();
  for (const GList *u = batch->batch_user_meta_list; u; u = u->next)
    take_payload(static_cast<const NvDsUserMeta *>(u->data), about_batch, *functions, take);
  for (const GList *f = batch->frame_meta_list; f; f = f->next) {
    const auto *frame = static_cast<const NvDsFrameMeta *>(f->data);
    const FrameInfo info = describe(frame);
    for (const GList *u = g_list_last(frame->frame_user_meta_list); u; u = u->prev)
      take_payload(static_cast<const NvDsUserMeta *>(u->data), info, *functions, take);
  }
  return true;
}

bool add_payload(GstBuffer *buffer, guint index, const std::string &text, guint component_id, guint kind,
                 std::string *error) {
  NvDsBatchMeta *batch = batch_of(buffer);
  const Library *functions = batch ? library(error) : nullptr;
  if (!functions || !fits(batch, error)) return false;
  const Locked lock(batch, *functions);
  NvDsFrameMeta *frame = nth_frame(batch, index);
  if (!frame) return false;
  const bool plain = kind == NJ_PAYLOAD_OBJECTS;
  NvDsUserMeta *user =
      plain ? acquire_user_meta(*functions, batch, NVDS_PAYLOAD_META, new_nvds_payload(text, component_id),
                                copy_nvds_payload, release_nvds_payload)
            : acquire_user_meta(*functions, batch, functions->payload, new_payload(text, component_id, kind),
                                copy_payload, release_payload);
  functions->nvds_add_user_meta_to_frame(frame, user);
  return true;
}

bool visit_frames(GstBuffer *buffer, const std::function<void(guint, const NjFrameMeta *)> &visit, std::string *error,
                  bool with_objects) {
  const auto source = open(buffer, error);
  if (!source) return false;
  const Library *functions = library(error);
  const NvDsBatchMeta *batch = batch_of(buffer);
  GstBuffer *scratch = gst_buffer_new();
  NjBatchMeta *copy = nj_buffer_add_batch_meta(scratch, MAX(1u, source->frame_count()));
  Copier copier(copy, *functions, *source);
  guint index = 0;
  for (const GList *f = batch->frame_meta_list; f; f = f->next, index++)
    copier.add_frame(index, static_cast<const NvDsFrameMeta *>(f->data), with_objects);
  for (guint i = 0; i < index; i++) visit(i, nj_batch_nth_frame(copy, i));
  gst_buffer_unref(scratch);
  return true;
}

}  // namespace nj::nvds

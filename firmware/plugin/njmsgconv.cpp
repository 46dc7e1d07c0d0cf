// njmsgconv: turns frame, object and event metadata into JSON payloads, as nvmsgconv does.
//
// Each payload becomes an NjUserMeta of type NJ_PAYLOAD_META on the frame's user list (the newest at its head, as all
// user metas of a frame), or on DeepStream's metadata an NvDsPayload, as nvmsgconv's; njpayloadsink hands them over,
// oldest first. The payload is not NUL-terminated. Buffers without metadata pass untouched.
//
//   gst-launch-1.0 … ! njinfer bundle=build/bundles/street ! njmsgconv msg2p-newapi=true payload-type=1
//   frame-interval=1 !
//     njpayloadsink fd=1
#include <gst/base/gstbasetransform.h>
#include <unistd.h>

#include <memory>

#include "../metadata/nj_meta.h"
#include "../metadata/nvds.h"
#include "msgconv/converter.h"
#include "msgconv/text.h"

GST_DEBUG_CATEGORY_STATIC(njmsgconv_debug);
#define GST_CAT_DEFAULT njmsgconv_debug

namespace {

using nj::msgconv::Converter;
using nj::msgconv::Document;
using nj::msgconv::Schema;

constexpr guint kDefaultFrameInterval = 30;  // nvmsgconv's

struct State {
  nj::msgconv::Settings settings;
  std::string config;
  std::string debug_directory;
  bool multiple_payloads = false;
  std::unique_ptr<Converter> converter;  // from start to stop
};

}  // namespace

struct NjMsgConv {
  GstBaseTransform parent;
  State *state;
};
struct NjMsgConvClass {
  GstBaseTransformClass parent_class;
};

G_DEFINE_TYPE(NjMsgConv, nj_msg_conv, GST_TYPE_BASE_TRANSFORM)
#define NJ_MSG_CONV(object) reinterpret_cast<NjMsgConv *>(object)

enum {
  PROP_0,
  PROP_CONFIG,
  PROP_PAYLOAD_TYPE,
  PROP_COMPONENT_ID,
  PROP_DEBUG_PAYLOAD_DIR,
  PROP_MULTIPLE_PAYLOADS,
  PROP_MSG2P_NEWAPI,
  PROP_FRAME_INTERVAL,
  PROP_DUMMY_PAYLOAD,
  PROP_EXTENSIONS,
  PROP_EVENTS,
  PROP_TIMESTAMP,
};

static GType payload_type_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Schema::Full), "Full schema: one document per object or event", "PAYLOAD_DEEPSTREAM"},
      {static_cast<int>(Schema::Minimal), "Minimal schema: one document per frame", "PAYLOAD_DEEPSTREAM_MINIMAL"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("NjMsgConvPayloadType", values);
  return type;
}

static GType timestamp_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(nj::msgconv::Clock::Capture), "When the frame was captured", "capture"},
      {static_cast<int>(nj::msgconv::Clock::Conversion), "When the payload is made, as nvmsgconv", "conversion"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("NjMsgConvTimestamp", values);
  return type;
}

static void nj_msg_conv_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  State &state = *NJ_MSG_CONV(object)->state;
  auto text = [&] { return std::string(g_value_get_string(value) ? g_value_get_string(value) : ""); };
  switch (id) {
    case PROP_CONFIG:
      state.config = text();
      break;
    case PROP_PAYLOAD_TYPE:
      state.settings.schema = static_cast<Schema>(g_value_get_enum(value));
      break;
    case PROP_COMPONENT_ID:
      state.settings.component_id = g_value_get_uint(value);
      break;
    case PROP_DEBUG_PAYLOAD_DIR:
      state.debug_directory = text();
      break;
    case PROP_MULTIPLE_PAYLOADS:
      state.multiple_payloads = g_value_get_boolean(value);
      break;
    case PROP_MSG2P_NEWAPI:
      state.settings.from_frames = g_value_get_boolean(value);
      break;
    case PROP_FRAME_INTERVAL:
      state.settings.frame_interval = g_value_get_uint(value);
      break;
    case PROP_DUMMY_PAYLOAD:
      state.settings.dummy_payload = g_value_get_boolean(value);
      break;
    case PROP_EXTENSIONS:
      state.settings.extensions = g_value_get_boolean(value);
      break;
    case PROP_EVENTS:
      state.settings.events = g_value_get_boolean(value);
      break;
    case PROP_TIMESTAMP:
      state.settings.timestamp = static_cast<nj::msgconv::Clock>(g_value_get_enum(value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void nj_msg_conv_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  const State &state = *NJ_MSG_CONV(object)->state;
  auto put_text = [&](const std::string &text) { g_value_set_string(value, text.empty() ? nullptr : text.c_str()); };
  switch (id) {
    case PROP_CONFIG:
      put_text(state.config);
      break;
    case PROP_PAYLOAD_TYPE:
      g_value_set_enum(value, static_cast<int>(state.settings.schema));
      break;
    case PROP_COMPONENT_ID:
      g_value_set_uint(value, state.settings.component_id);
      break;
    case PROP_DEBUG_PAYLOAD_DIR:
      put_text(state.debug_directory);
      break;
    case PROP_MULTIPLE_PAYLOADS:
      g_value_set_boolean(value, state.multiple_payloads);
      break;
    case PROP_MSG2P_NEWAPI:
      g_value_set_boolean(value, state.settings.from_frames);
      break;
    case PROP_FRAME_INTERVAL:
      g_value_set_uint(value, state.settings.frame_interval);
      break;
    case PROP_DUMMY_PAYLOAD:
      g_value_set_boolean(value, state.settings.dummy_payload);
      break;
    case PROP_EXTENSIONS:
      g_value_set_boolean(value, state.settings.extensions);
      break;
    case PROP_EVENTS:
      g_value_set_boolean(value, state.settings.events);
      break;
    case PROP_TIMESTAMP:
      g_value_set_enum(value, static_cast<int>(state.settings.timestamp));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void nj_msg_conv_init(NjMsgConv *self) {
  self->state = new State;
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void nj_msg_conv_finalize(GObject *object) {
  delete NJ_MSG_CONV(object)->state;
  G_OBJECT_CLASS(nj_msg_conv_parent_class)->finalize(object);
}

// Loads the config file. False after an element error.
static bool load_site(NjMsgConv *self, std::optional<nj::msgconv::Site> &site) {
  State &state = *self->state;
  if (state.config.empty()) {
    if (state.settings.schema == Schema::Minimal) return true;
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                      ("The full schema needs the property config: a file with the groups [sensorN], [placeN] and "
                       "[analyticsN] of each source. Set it, or payload-type=PAYLOAD_DEEPSTREAM_MINIMAL."),
                      (NULL));
    return false;
  }
  std::string error;
  std::vector<std::string> warnings;
  site = nj::msgconv::load_site(state.config, &error, &warnings);
  for (const auto &warning : warnings) GST_WARNING_OBJECT(self, "%s: %s", state.config.c_str(), warning.c_str());
  if (site) return true;
  GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("Property config: %s", error.c_str()), (NULL));
  return false;
}

static gboolean nj_msg_conv_start(GstBaseTransform *transform) {
  NjMsgConv *self = NJ_MSG_CONV(transform);
  State &state = *self->state;
  if (!state.debug_directory.empty() && access(state.debug_directory.c_str(), W_OK | X_OK) != 0) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("Property debug-payload-dir: \"%s\" must be an existing directory that can be written to.",
                       state.debug_directory.c_str()),
                      GST_ERROR_SYSTEM);
    return FALSE;
  }
  std::optional<nj::msgconv::Site> site;
  if (!load_site(self, site)) return FALSE;
  state.converter = std::make_unique<Converter>(state.settings, std::move(site), nj::msgconv::system_environment());
  return TRUE;
}

static gboolean nj_msg_conv_stop(GstBaseTransform *transform) {
  NJ_MSG_CONV(transform)->state->converter.reset();
  return TRUE;
}

static gpointer copy_payload(gpointer data, gpointer) {
  const auto *source = static_cast<const NjPayload *>(static_cast<NjUserMeta *>(data)->user_meta_data);
  auto *copy = static_cast<NjPayload *>(g_memdup2(source, sizeof(NjPayload)));
  copy->payload = g_memdup2(source->payload, source->payload_size);
  return copy;
}

static void release_payload(gpointer data, gpointer) {
  auto *user = static_cast<NjUserMeta *>(data);
  auto *payload = static_cast<NjPayload *>(user->user_meta_data);
  user->user_meta_data = nullptr;
  if (payload) g_free(payload->payload);
  g_free(payload);
}

static void attach(NjFrameMeta *frame, const Document &document, guint component_id) {
  auto *payload = g_new0(NjPayload, 1);
  payload->payload = g_memdup2(document.text.data(), document.text.size());
  payload->payload_size = static_cast<guint>(document.text.size());
  payload->component_id = component_id;
  payload->kind = document.kind;
  NjUserMeta *user = nj_acquire_user_meta(frame->batch_meta);
  user->meta_type = NJ_PAYLOAD_META;
  user->user_context = nullptr;
  user->copy_func = copy_payload;
  user->release_func = release_payload;
  user->user_meta_data = payload;
  nj_frame_add_user_meta(frame, user);
}

// Appends to <dir>/<time>.txt, one file per millisecond, as nvmsgconv does.
static void write_debug_copy(NjMsgConv *self, const std::vector<Document> &documents) {
  const std::string time = nj::msgconv::utc_milliseconds(nj::msgconv::realtime_nanoseconds());
  const std::string path = self->state->debug_directory + "/" + time + ".txt";
  FILE *file = fopen(path.c_str(), "a");
  if (!file) {
    GST_WARNING_OBJECT(self, "cannot write %s: %s", path.c_str(), g_strerror(errno));
    return;
  }
  for (const auto &document : documents) fprintf(file, "%s \n", document.text.c_str());
  fclose(file);
}

// Behind DeepStream's elements. Payloads go where nvmsgconv's go: objects as NvDsPayload.
static GstFlowReturn convert_nvds(NjMsgConv *self, GstBuffer *buffer) {
  const State &state = *self->state;
  std::vector<std::pair<guint, Document>> all;
  std::string error;
  // Events need no objects.
  bool good = nj::nvds::visit_frames(
      buffer,
      [&](guint index, const NjFrameMeta *frame) {
        auto documents = state.converter->convert(frame);
        if (!documents.empty() && !state.debug_directory.empty()) write_debug_copy(self, documents);
        for (auto &document : documents) all.emplace_back(index, std::move(document));
      },
      &error, state.settings.from_frames);
  for (const auto &[index, document] : all)
    good =
        good && nj::nvds::add_payload(buffer, index, document.text, state.settings.component_id, document.kind, &error);
  if (good) return GST_FLOW_OK;
  GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", error.c_str()), (NULL));
  return GST_FLOW_ERROR;
}

static GstFlowReturn nj_msg_conv_transform_ip(GstBaseTransform *transform, GstBuffer *buffer) {
  NjMsgConv *self = NJ_MSG_CONV(transform);
  if (nj::nvds::present(buffer)) return convert_nvds(self, buffer);
  NjBatchMeta *batch = nj_buffer_get_batch_meta(buffer);
  if (!batch) return GST_FLOW_OK;
  nj_batch_meta_lock(batch);
  for (GList *f = batch->frame_meta_list; f; f = f->next) {
    auto *frame = static_cast<NjFrameMeta *>(f->data);
    const auto documents = self->state->converter->convert(frame);
    for (const auto &document : documents) attach(frame, document, self->state->settings.component_id);
    if (!documents.empty() && !self->state->debug_directory.empty()) write_debug_copy(self, documents);
  }
  nj_batch_meta_unlock(batch);
  return GST_FLOW_OK;
}

static void install_properties(GObjectClass *object_class) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  auto install = [object_class](guint id, GParamSpec *spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  install(PROP_CONFIG,
          g_param_spec_string("config", "Config file",
                              "File with the groups [sensorN], [placeN] and [analyticsN], N = source id: a key "
                              "file, YAML (.yml, .yaml) or a table (.csv). Required by the full schema.",
                              nullptr, flags));
  install(PROP_PAYLOAD_TYPE, g_param_spec_enum("payload-type", "Payload type", "Schema of the payloads",
                                               payload_type_type(), static_cast<int>(Schema::Full), flags));
  install(PROP_COMPONENT_ID,
          g_param_spec_uint("comp-id", "Component id",
                            "Written into the payloads; event mode: use only events with this componentId (0 = all)", 0,
                            G_MAXUINT, 0, flags));
  install(PROP_DEBUG_PAYLOAD_DIR,
          g_param_spec_string("debug-payload-dir", "Debug directory",
                              "Existing directory that gets a copy of each payload", nullptr, flags));
  install(
      PROP_MULTIPLE_PAYLOADS,
      g_param_spec_boolean("multiple-payloads", "Multiple payloads",
                           "Accepted for pipelines written for nvmsgconv; the built-in schemas give the same payloads "
                           "either way",
                           FALSE, flags));
  install(PROP_MSG2P_NEWAPI,
          g_param_spec_boolean("msg2p-newapi", "New API",
                               "true: payloads from frames and their objects; false: from NjEventMsgMeta on the frames",
                               FALSE, flags));
  install(PROP_FRAME_INTERVAL,
          g_param_spec_uint("frame-interval", "Frame interval",
                            "With msg2p-newapi: payloads for frames whose number is a multiple of this", 1, G_MAXUINT,
                            kDefaultFrameInterval, flags));
  install(PROP_DUMMY_PAYLOAD,
          g_param_spec_boolean("dummy-payload", "Dummy payload",
                               "Event mode, minimal schema: a document without objects for frames without events",
                               FALSE, flags));
  install(PROP_EXTENSIONS,
          g_param_spec_boolean(
              "extensions", "Extensions",
              "With msg2p-newapi: end documents with a member \"nightjar\" (camera, capture time, confidence, "
              "angle, track state, keypoints)",
              FALSE, flags));
  install(PROP_EVENTS,
          g_param_spec_boolean("events", "Events", "Also a document for each event of an analyze module (njanalytics)",
                               FALSE, flags));
  install(PROP_TIMESTAMP,
          g_param_spec_enum(
              "timestamp", "Timestamp",
              "What \"@timestamp\" says with msg2p-newapi and in events; frames without a capture time get the "
              "time of conversion",
              timestamp_type(), static_cast<int>(nj::msgconv::Clock::Capture), flags));
}

static void nj_msg_conv_class_init(NjMsgConvClass *klass) {
  GST_DEBUG_CATEGORY_INIT(njmsgconv_debug, "njmsgconv", 0, "metadata to JSON payloads");
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = nj_msg_conv_set_property;
  object_class->get_property = nj_msg_conv_get_property;
  object_class->finalize = nj_msg_conv_finalize;
  install_properties(object_class);

  auto *element_class = GST_ELEMENT_CLASS(klass);
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template(element_class, &sink);
  gst_element_class_add_static_pad_template(element_class, &src);
  gst_element_class_set_static_metadata(element_class, "Message converter", "Filter/Metadata",
                                        "Turns metadata into nvmsgconv's JSON payloads", "Nightjar");

  auto *transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = nj_msg_conv_start;
  transform_class->stop = nj_msg_conv_stop;
  transform_class->transform_ip = nj_msg_conv_transform_ip;
}

gboolean nj_njmsgconv_register(GstPlugin *plugin) {
  return gst_element_register(plugin, "njmsgconv", GST_RANK_NONE, nj_msg_conv_get_type());
}

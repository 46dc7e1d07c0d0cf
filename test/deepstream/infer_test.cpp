// njinfer between DeepStream's elements: NvDs metadata in and out, NVMM surfaces, and what travels beside the buffers.
#include <nvbufsurface.h>

#include <cstring>
#include <map>

#include "frames/nvmm_driver.h"
#include "metadata/main.h"
#include "metadata/nvds.h"
#include "nvds_frames.h"
#include "stage_harness.h"

using namespace nj;
using namespace nj::test;
using namespace nvds_for_tests;

namespace {

// With the time that a loaded machine may take.
struct PatientHarness : StageHarness {
  PatientHarness(Host &host, const char *factory, const char *caps = kPlainCaps) : StageHarness(host, factory, caps) {
    g_object_set(element, "deadline", 20000, nullptr);
  }
};

constexpr const char *kNvmmCaps = "video/x-raw(memory:NVMM),format=RGBA,width=128,height=64,framerate=30/1";

// A car over the middle of the network's picture, which is half as wide as the frame.
Result one_car(const SeenPicture &) { return {{object_at(16, 24, 32, 16)}, {}, {}}; }

// A classifier's answer.
Result red(const SeenPicture &) {
  Result result;
  link::ObjectRecord record = object_at(0, 0, 0, 0);
  const struct {
    uint32_t group, class_id;
    float confidence;
  } attribute{0, 2, 0.8f};
  record.aux_bytes = sizeof attribute;
  record.attributes = 1;
  result.aux.resize(sizeof attribute);
  std::memcpy(result.aux.data(), &attribute, sizeof attribute);
  result.objects = {record};
  return result;
}

int device_info(NvBufSurfaceDeviceInfo *info) {
  info->driverType = NVBUF_DRIVER_TYPE_RM;
  return 0;
}

// RGBA surfaces in ordinary memory, batched as nvstreammux does: each filled with its own grey.
class NvmmBatch {
 public:
  NvmmBatch(std::initializer_list<FrameSpec> frames, uint32_t width = 128, uint32_t height = 64) {
    driver_.device_info = device_info;
    set_nvmm_driver(&driver_);
    for (const FrameSpec &frame : frames) {
      pixels_.emplace_back(width * height * 4, static_cast<uint8_t>(40 * (frame.source_id + 1)));
      NvBufSurfaceParams &params = params_.emplace_back();
      params.width = width;
      params.height = height;
      params.colorFormat = NVBUF_COLOR_FORMAT_RGBA;
      params.dataPtr = pixels_.back().data();
      params.planeParams.num_planes = 1;
      params.planeParams.pitch[0] = width * 4;
    }
    surface_.batchSize = surface_.numFilled = static_cast<uint32_t>(params_.size());
    surface_.memType = NVBUF_MEM_SYSTEM;
    surface_.surfaceList = params_.data();
    buffer = gst_buffer_new_wrapped_full(GstMemoryFlags(0), &surface_, sizeof surface_, 0, sizeof surface_, nullptr,
                                         nullptr);
    add_batch(buffer, frames);
  }
  ~NvmmBatch() { set_nvmm_driver(nullptr); }

  GstBuffer *buffer;

 private:
  NvmmDriver driver_;
  std::vector<std::vector<uint8_t>> pixels_;
  std::vector<NvBufSurfaceParams> params_;
  NvBufSurface surface_ = {};
};

GstBuffer *plain_frame_with_nvds(int number, guint source = 0) {
  GstBuffer *buffer = plain_frame(kPlainCaps, number * GST_SECOND / 30);
  add_batch(buffer, {{source, number, 128, 64}});
  return buffer;
}

GstEvent *interval_event(const char *stream, guint interval) {
  GstStructure *structure = gst_structure_new("nv-infer-interval-update", "stream_id", G_TYPE_STRING, stream,
                                              "interval", G_TYPE_UINT, interval, nullptr);
  return gst_event_new_custom(
      static_cast<GstEventType>(GST_EVENT_MAKE_TYPE(407, GST_EVENT_TYPE_DOWNSTREAM | GST_EVENT_TYPE_SERIALIZED)),
      structure);
}

GstEvent *stream_event(unsigned number, const char *name, guint source) {
  const unsigned flags =
      GST_EVENT_TYPE_DOWNSTREAM | GST_EVENT_TYPE_SERIALIZED | GST_EVENT_TYPE_STICKY | GST_EVENT_TYPE_STICKY_MULTI;
  return gst_event_new_custom(static_cast<GstEventType>(GST_EVENT_MAKE_TYPE(number, flags)),
                              gst_structure_new(name, "source-id", G_TYPE_UINT, source, nullptr));
}

// Which of the frames that go through are inferred.
std::string inferred(StageHarness &h, std::initializer_list<guint> sources) {
  static int number = 0;
  std::string marks;
  for (const guint source : sources) {
    GstBuffer *out = h.through(plain_frame_with_nvds(number++, source));
    marks += nth_frame(out, 0)->bInferDone ? 'x' : '.';
    gst_buffer_unref(out);
  }
  return marks;
}

}  // namespace

TEST_CASE("objects go into the NvDs metadata that the frame came with") {
  Host host;
  host.look = one_car;
  PatientHarness h(host, "njinfer");
  g_object_set(h.element, "unique-id", 7, nullptr);
  h.play();
  GstBuffer *out = h.through(plain_frame_with_nvds(1));
  CHECK(nj_buffer_get_batch_meta(out) == nullptr);
  const NvDsFrameMeta *frame = nth_frame(out, 0);
  CHECK(frame->bInferDone == TRUE);
  REQUIRE(frame->num_obj_meta == 1);
  const NvDsObjectMeta &car = *newest_object(nth_frame(out, 0));
  CHECK(car.unique_component_id == 7);
  CHECK(std::string(car.obj_label) == "car");
  CHECK(car.rect_params.left == doctest::Approx(32));
  CHECK(car.rect_params.width == doctest::Approx(64));
  CHECK(car.rect_params.top == doctest::Approx(16));
  CHECK(car.confidence == doctest::Approx(0.9));
  gst_buffer_unref(out);
}

TEST_CASE("a frame without objects was looked at all the same") {
  Host host;
  PatientHarness h(host, "njinfer");
  h.play();
  GstBuffer *out = h.through(plain_frame_with_nvds(1));
  CHECK(nth_frame(out, 0)->bInferDone == TRUE);
  CHECK(nth_frame(out, 0)->num_obj_meta == 0);
  gst_buffer_unref(out);
}

TEST_CASE("each surface of an NVMM batch is the picture of the frame whose batch_id names it") {
  Host host;
  std::map<uint32_t, float> brightness;  // by source
  host.look = [&](const SeenPicture &picture) {
    brightness[picture.record.source_id] = picture.tensor[32 * 64 + 32];
    return one_car(picture);
  };
  PatientHarness h(host, "njinfer", kNvmmCaps);
  g_object_set(h.element, "batch-size", 4, nullptr);
  h.play();
  NvmmBatch batch({{0, 3, 1280, 720}, {2, 9, 640, 480}});
  GstBuffer *out = h.through(batch.buffer);
  CHECK(brightness[0] == doctest::Approx(40 / 255.0).epsilon(0.01));
  CHECK(brightness[2] == doctest::Approx(120 / 255.0).epsilon(0.01));
  // Boxes are pixels of the surface, not of the source.
  CHECK(newest_object(nth_frame(out, 1))->rect_params.width == doctest::Approx(64));
  gst_buffer_unref(out);
}

TEST_CASE("metadata that names a surface that is not there is an error, not a crash") {
  Host host;
  PatientHarness h(host, "njinfer", kNvmmCaps);
  h.play();
  NvmmBatch batch({{0, 3}});
  nth_frame(batch.buffer, 0)->batch_id = 5;
  CHECK(h.push(batch.buffer) == GST_FLOW_ERROR);
  const auto errors = h.messages(GST_MESSAGE_ERROR);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("surface 5") != std::string::npos);
}

TEST_CASE("NVMM without a batch says which element is missing") {
  Host host;
  PatientHarness h(host, "njinfer", kNvmmCaps);
  h.play();
  CHECK(h.push(gst_buffer_new_allocate(nullptr, 64, nullptr)) == GST_FLOW_ERROR);
  const auto errors = h.messages(GST_MESSAGE_ERROR);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("nvstreammux") != std::string::npos);
}

TEST_CASE("DeepStream's events pass in their place, in order") {
  Host host;
  PatientHarness h(host, "njinfer");
  h.play();
  const std::vector<std::pair<unsigned, const char *>> events = {
      {400, "nv-pad-added"},  {403, "nv-stream-segment"}, {405, "nv-stream-start"}, {406, "nv-update-caps"},
      {402, "nv-stream-eos"}, {404, "nv-stream-reset"},   {401, "nv-pad-deleted"}};
  gst_buffer_unref(h.through(plain_frame_with_nvds(1)));
  while (GstEvent *event = gst_harness_try_pull_event(h.harness)) gst_event_unref(event);
  for (const auto &[number, name] : events) gst_harness_push_event(h.harness, stream_event(number, name, 3));
  gst_harness_push_event(h.harness, interval_event("3", 0));
  for (unsigned number : {408u, 409u, 410u})
    gst_harness_push_event(h.harness,
                           gst_event_new_custom(static_cast<GstEventType>(GST_EVENT_MAKE_TYPE(
                                                    number, GST_EVENT_TYPE_DOWNSTREAM | GST_EVENT_TYPE_SERIALIZED)),
                                                gst_structure_new_empty("nv-other")));
  gst_buffer_unref(h.through(plain_frame_with_nvds(2)));
  std::vector<unsigned> seen;
  while (GstEvent *event = gst_harness_try_pull_event(h.harness)) {
    seen.push_back(static_cast<unsigned>(GST_EVENT_TYPE(event)) >> GST_EVENT_NUM_SHIFT);
    gst_event_unref(event);
  }
  CHECK(seen == std::vector<unsigned>{400, 403, 405, 406, 402, 404, 401, 407, 408, 409, 410});
}

TEST_CASE("custom queries go on to the muxer") {
  Host host;
  PatientHarness h(host, "njinfer");
  h.play();
  // As gst_nvquery_batch_size_new: asked from behind, answered by nvstreammux.
  const auto type = static_cast<GstQueryType>(GST_QUERY_MAKE_TYPE(401, GST_QUERY_TYPE_BOTH));
  GstPad *before = gst_element_get_static_pad(h.element, "sink");
  GstPad *muxer = gst_pad_get_peer(before);
  static int asked = 0;
  gst_pad_set_query_function(
      muxer, +[](GstPad *, GstObject *, GstQuery *query) -> gboolean {
        asked += (static_cast<unsigned>(GST_QUERY_TYPE(query)) >> GST_QUERY_NUM_SHIFT) == 401;
        return TRUE;
      });
  GstQuery *query = gst_query_new_custom(type, gst_structure_new_empty("nv-batch-size"));
  GstPad *behind = gst_element_get_static_pad(h.element, "src");
  CHECK(gst_pad_query(behind, query) == TRUE);
  CHECK(asked == 1);
  gst_query_unref(query);
  gst_object_unref(behind);
  gst_object_unref(muxer);
  gst_object_unref(before);
}

TEST_CASE("the interval counts frames of a source, or batches as nvinfer") {
  Host host;
  PatientHarness h(host, "njinfer");
  g_object_set(h.element, "interval", 1, nullptr);
  h.play();
  CHECK(inferred(h, {0, 1, 0, 1}) == "xx..");
  gst_util_set_object_arg(G_OBJECT(h.element), "interval-mode", "batch");
  CHECK(inferred(h, {0, 1, 0, 1}) == "x.x.");
}

TEST_CASE("DeepStream's interval event changes the one source that it names") {
  Host host;
  PatientHarness h(host, "njinfer");
  h.play();
  CHECK(inferred(h, {0, 1, 0, 1}) == "xxxx");
  gst_harness_push_event(h.harness, interval_event("1", 1));
  CHECK(inferred(h, {0, 1, 0, 1, 0, 1}) == "x.xxx.");
  // Setting the property means all of them again.
  g_object_set(h.element, "interval", 2, nullptr);
  g_object_set(h.element, "interval", 0, nullptr);
  CHECK(inferred(h, {0, 1}) == "xx");
  gst_harness_push_event(h.harness, interval_event("lobby", 1));
  CHECK(inferred(h, {0, 1, 0, 1}) == "..xx");
}

TEST_CASE("a source that ended starts over") {
  Host host;
  PatientHarness h(host, "njinfer");
  g_object_set(h.element, "interval", 2, nullptr);
  h.play();
  CHECK(inferred(h, {0, 1}) == "xx");
  gst_harness_push_event(h.harness, stream_event(402, "nv-stream-eos", 1));
  CHECK(inferred(h, {0, 1}) == ".x");
}

TEST_CASE("a secondary classifier looks once at a tracked object, until its source resets") {
  Host host;
  host.look = red;
  host.labels = {"blue", "green", "red"};
  PatientHarness h(host, "njinfer");
  gst_util_set_object_arg(G_OBJECT(h.element), "process-mode", "secondary");
  g_object_set(h.element, "unique-id", 2, "infer-on-gie-id", 1, "infer-on-class-ids", "2", "classifier-type", "color",
               nullptr);
  h.play();
  // As nvtracker leaves a frame: a bus with an id, and a car that the classifier is not asked about.
  const auto tracked = [](int number) {
    GstBuffer *buffer = plain_frame_with_nvds(number);
    std::string error;
    Object object;
    object.component_id = 1;
    object.object_id = 77;
    object.box = {10, 10, 30, 20};
    for (const int class_id : {2, 1}) {
      object.class_id = class_id;
      metadata_of(buffer, nullptr, &error)->add_object(0, object);
    }
    return buffer;
  };
  const auto colour_of_bus = [&](int number) {
    GstBuffer *out = h.through(tracked(number));
    const NvDsFrameMeta *frame = nth_frame(out, 0);
    CHECK(frame->bInferDone == FALSE);
    const auto *car = static_cast<NvDsObjectMeta *>(frame->obj_meta_list->data);
    CHECK(car->classifier_meta_list == nullptr);
    const auto *bus = static_cast<NvDsObjectMeta *>(frame->obj_meta_list->next->data);
    REQUIRE(bus->classifier_meta_list != nullptr);
    const auto *classifier = static_cast<NvDsClassifierMeta *>(bus->classifier_meta_list->data);
    CHECK(classifier->unique_component_id == 2);
    CHECK(std::string(classifier->classifier_type) == "color");
    const std::string label = static_cast<NvDsLabelInfo *>(classifier->label_info_list->data)->result_label;
    gst_buffer_unref(out);
    return label;
  };
  CHECK(colour_of_bus(1) == "red");
  CHECK(colour_of_bus(2) == "red");
  CHECK(host.batches.size() == 1);
  gst_harness_push_event(h.harness, stream_event(404, "nv-stream-reset", 0));
  CHECK(colour_of_bus(3) == "red");
  CHECK(host.batches.size() == 2);
}

TEST_CASE("njanalytics reads what nvtracker left, and writes ids, classes, events and user metadata back") {
  Host host;
  std::vector<link::ObjectRecord> seen;
  host.look = [&seen](const SeenPicture &picture) {
    seen = picture.objects_in;
    Result result;
    for (int i = 0; i < 2; i++) {
      link::ObjectRecord record = picture.objects_in[static_cast<size_t>(i)];
      record.input = i;
      record.class_id = 1;  // the votes for the first say truck as well
      record.flags = link::kObjectTracked;
      result.objects.push_back(record);
    }
    link::EventRecord event = {};
    g_strlcpy(event.type, "region-entered", sizeof event.type);
    event.object_id = result.objects[0].object_id;
    result.events.push_back(event);
    const char said[] = "{\"now\":1}";
    result.aux.assign(said, said + sizeof said - 1);
    result.user_bytes = sizeof said - 1;
    return result;
  };
  PatientHarness h(host, "njanalytics");
  h.play();
  GstBuffer *buffer = plain_frame_with_nvds(1);
  const auto add_tracked = [buffer](guint64 id, int class_id, const char *label, float left) {
    NvDsObjectMeta *object = nvds_acquire_obj_meta_from_pool(gst_buffer_get_nvds_batch_meta(buffer));
    object->unique_component_id = 1;
    object->object_id = id;
    object->class_id = class_id;
    object->confidence = 0.8f;
    object->tracker_confidence = 0.6f;
    object->rect_params.left = left;
    object->rect_params.top = 10;
    object->rect_params.width = 30;
    object->rect_params.height = 40;
    object->detector_bbox_info.org_bbox_coords = {left - 2, 8, 34, 44};
    g_strlcpy(object->obj_label, label, sizeof object->obj_label);
    object->text_params.display_text = g_strdup(label);
    nvds_add_obj_meta_to_frame(nth_frame(buffer, 0), object, nullptr);
  };
  add_tracked(0x1234500000007ull, 0, "car", 20);
  add_tracked(0x1234500000008ull, 1, "truck", 70);

  GstBuffer *out = h.through(buffer);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].object_id == 0x1234500000007ull);
  CHECK(seen[0].left == doctest::Approx(20));
  NvDsFrameMeta *frame = nth_frame(out, 0);
  REQUIRE(frame->num_obj_meta == 2);
  const auto &object = *static_cast<NvDsObjectMeta *>(g_list_last(frame->obj_meta_list)->data);
  CHECK(object.object_id == 0x1234500000007ull);
  CHECK(object.class_id == 1);
  CHECK(std::string(object.obj_label) == "truck");
  CHECK(object.detector_bbox_info.org_bbox_coords.width == doctest::Approx(34));
  CHECK(object.unique_component_id == 1);
  CHECK(std::string(object.text_params.display_text) == "truck 7");
  std::vector<std::string> events, data;
  std::string error;
  REQUIRE(nvds::visit_frames(
      out,
      [&](guint, const NjFrameMeta *copy) {
        for (const GList *u = copy->frame_user_meta_list; u; u = u->next) {
          const auto *user = static_cast<const NjUserMeta *>(u->data);
          if (user->meta_type == NJ_EVENT_META)
            events.emplace_back(static_cast<const NjEvent *>(user->user_meta_data)->type);
          if (user->meta_type == NJ_MODULE_META)
            data.emplace_back(
                reinterpret_cast<const char *>(static_cast<const NjModuleMeta *>(user->user_meta_data)->data));
        }
      },
      &error));
  CHECK(events == std::vector<std::string>{"region-entered"});
  CHECK(data == std::vector<std::string>{"{\"now\":1}"});
  gst_buffer_unref(out);
}

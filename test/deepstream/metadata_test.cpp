// MetadataBatch over NvDs metadata: the contract that all implementations keep, and what DeepStream's elements read.
// After GStreamer's headers, which it forgets.
#include <gst/gst.h>
#include <gstnvdsinfer.h>
#include <nvdsmeta_schema.h>

#include <cstring>

#include "metadata/contract.h"
#include "metadata/main.h"
#include "metadata/nvds.h"
#include "nvds_frames.h"

using namespace nvds_for_tests;

namespace {

class NvdsFixture : public MetadataFixture {
 public:
  NvdsFixture() { batch = add_batch(buffer, {{0, 10, 1280, 720}, {3, 20, 640, 480}}); }
  ~NvdsFixture() override { gst_buffer_unref(buffer); }
  std::unique_ptr<nj::MetadataBatch> open() override {
    std::string error;
    auto opened = nj::metadata_of(buffer, nullptr, &error);
    REQUIRE_MESSAGE(opened, error);
    return opened;
  }
  NvDsObjectMeta *newest() { return newest_object(nth_frame(buffer, 0)); }
  GstBuffer *copied() { return gst_buffer_copy(buffer); }

  GstBuffer *buffer = gst_buffer_new();
  NvDsBatchMeta *batch;
};

nj::Object bus() {
  nj::Object object;
  object.component_id = 7;
  object.class_id = 5;
  object.confidence = 0.9f;
  object.label = "bus";
  object.box = {50, 5, 20, 30};
  object.detector_box = {50, -5, 20, 40};
  return object;
}

}  // namespace

TEST_CASE("NvDs metadata keeps the contract") {
  check_metadata_contract([] { return std::make_unique<NvdsFixture>(); });
}

TEST_CASE("an object has every field that nvinfer sets, and no other") {
  NvdsFixture fixture;
  fixture.open()->add_object(0, bus());
  const NvDsObjectMeta &meta = *fixture.newest();
  CHECK(meta.unique_component_id == 7);
  CHECK(meta.class_id == 5);
  CHECK(meta.object_id == UNTRACKED_OBJECT_ID);
  CHECK(meta.confidence == doctest::Approx(0.9));
  CHECK(meta.tracker_confidence == 0);
  CHECK(meta.rect_params.top == 5);
  CHECK(meta.rect_params.border_width == 3);
  CHECK(meta.rect_params.border_color.red == 1);
  CHECK(meta.rect_params.border_color.alpha == 1);
  CHECK(meta.rect_params.has_bg_color == 0);
  CHECK(meta.rect_params.has_color_info == 0);
  CHECK(meta.rect_params.reserved == 0);
  CHECK(meta.detector_bbox_info.org_bbox_coords.top == -5);
  CHECK(meta.tracker_bbox_info.org_bbox_coords.width == 0);
  CHECK(std::string(meta.obj_label) == "bus");
  CHECK(meta.mask_params.data == nullptr);
  CHECK(meta.classifier_meta_list == nullptr);
  CHECK(meta.obj_user_meta_list == nullptr);
  for (const gint64 number : meta.misc_obj_info) CHECK(number == 0);
  const NvOSD_TextParams &text = meta.text_params;
  CHECK(std::string(text.display_text) == "bus");
  CHECK(std::string(text.font_params.font_name) == "Serif");
  CHECK(text.font_params.font_size == 11);
  CHECK(text.font_params.font_color.blue == 1);
  CHECK(text.set_bg_clr == 1);
  CHECK(text.text_bg_clr.alpha == 1);
}

TEST_CASE("text never begins left of or above the frame") {
  NvdsFixture fixture;
  fixture.open()->add_object(0, bus());
  CHECK(fixture.newest()->text_params.x_offset == 50);
  CHECK(fixture.newest()->text_params.y_offset == 0);
}

TEST_CASE("an object without a label has a text, for nvtracker prints it") {
  NvdsFixture fixture;
  fixture.open()->add_object(0, {});
  REQUIRE(fixture.newest()->text_params.display_text != nullptr);
  CHECK(std::string(fixture.newest()->text_params.display_text).empty());
}

TEST_CASE("class ids stay within nvtracker's 16 bits") {
  NvdsFixture fixture;
  nj::Object object = bus();
  object.class_id = -1;
  fixture.open()->add_object(0, object);
  CHECK(fixture.newest()->class_id == 0);
  object.class_id = 70000;
  fixture.open()->add_object(0, object);
  CHECK(fixture.newest()->class_id == 65535);
}

TEST_CASE("an element that came back to the pool with rubbish in it is clean again") {
  NvdsFixture fixture;
  NvDsObjectMeta *dirty = nvds_acquire_obj_meta_from_pool(fixture.batch);
  std::memset(reinterpret_cast<char *>(dirty) + sizeof(NvDsBaseMeta), 0x55, sizeof *dirty - sizeof(NvDsBaseMeta));
  // As a library that does not zero it: straight back into the list of free ones.
  NvDsMetaPool *pool = fixture.batch->obj_meta_pool;
  pool->full_list = g_list_remove(pool->full_list, dirty);
  pool->empty_list = g_list_prepend(pool->empty_list, dirty);
  pool->num_full_elements--;
  pool->num_empty_elements++;
  fixture.open()->add_object(0, bus());
  REQUIRE(fixture.newest() == dirty);
  CHECK(dirty->tracker_confidence == 0);
  CHECK(dirty->misc_obj_info[3] == 0);
  CHECK(dirty->rect_params.bg_color.red == 0);
}

TEST_CASE("lists are newest first, as nvmsgconv and nvtracker walk them") {
  NvdsFixture fixture;
  for (int i = 0; i < 3; i++) {
    nj::Object object = bus();
    object.class_id = i;
    fixture.open()->add_object(0, object);
  }
  const NvDsFrameMeta *frame = nth_frame(fixture.buffer, 0);
  CHECK(frame->num_obj_meta == 3);
  CHECK(static_cast<NvDsObjectMeta *>(frame->obj_meta_list->data)->class_id == 2);
  CHECK(static_cast<NvDsObjectMeta *>(g_list_last(frame->obj_meta_list)->data)->class_id == 0);
}

TEST_CASE("angles are degrees in the metadata") {
  NvdsFixture fixture;
  nj::Object object = bus();
  object.angle_degrees = -30;
  fixture.open()->add_object(0, object);
  CHECK(fixture.newest()->rect_params.rotation_angle == doctest::Approx(-30));
}

TEST_CASE("masks are GLib's memory, with the size in bytes") {
  NvdsFixture fixture;
  nj::Object object = bus();
  object.mask = {0, 0.5f, 1, 0.25f, 0, 1};
  object.mask_width = 3;
  object.mask_height = 2;
  fixture.open()->add_object(0, object);
  const NvOSD_MaskParams &mask = fixture.newest()->mask_params;
  CHECK(mask.size == 6 * sizeof(float));
  CHECK(mask.width == 3);
  CHECK(mask.height == 2);
  CHECK(mask.threshold == doctest::Approx(0.5));
  CHECK(mask.data[2] == 1);
}

TEST_CASE("a classifier's result has its type, its label, however long, and its probability") {
  NvdsFixture fixture;
  nj::Object object = bus();
  object.attributes = {{"plate", std::string(200, 'x'), 3, 0.7f}};
  fixture.open()->add_object(0, object);
  const auto *classifier = static_cast<NvDsClassifierMeta *>(fixture.newest()->classifier_meta_list->data);
  CHECK(classifier->unique_component_id == 7);
  CHECK(classifier->num_labels == 1);
  CHECK(std::string(classifier->classifier_type) == "plate");
  const auto *label = static_cast<NvDsLabelInfo *>(classifier->label_info_list->data);
  CHECK(std::string(label->result_label) == std::string(127, 'x'));
  CHECK(std::string(label->pResult_label) == std::string(200, 'x'));
  CHECK(label->result_class_id == 3);
  CHECK(label->result_prob == doctest::Approx(0.7));
  CHECK(fixture.open()->objects(0)[0].attributes[0].label == std::string(200, 'x'));
}

TEST_CASE("what NvDs has no field for comes back, also from a copy of the buffer") {
  NvdsFixture fixture;
  nj::Object object = bus();
  object.keypoints = {{1, 2, 0.5f}};
  object.track_state = nj::TrackState::Active;
  object.track_age = 12;
  fixture.open()->add_object(0, object);
  GstBuffer *copy = fixture.copied();
  std::string error;
  const nj::Object read = nj::metadata_of(copy, nullptr, &error)->objects(0)[0];
  CHECK(read.track_state == nj::TrackState::Active);
  CHECK(read.track_age == 12);
  REQUIRE(read.keypoints.size() == 1);
  CHECK(read.keypoints[0].y == 2);
  gst_buffer_unref(copy);
}

TEST_CASE("following an object for many frames leaves one user meta on it") {
  NvdsFixture fixture;
  fixture.open()->add_object(0, bus());
  for (uint32_t age = 1; age < 4; age++) {
    std::vector<void *> handles;
    nj::Object object = fixture.open()->objects(0, &handles)[0];
    object.track_state = nj::TrackState::Active;
    object.track_age = age;
    fixture.open()->update_object(0, handles[0], object);
  }
  CHECK(g_list_length(fixture.newest()->obj_user_meta_list) == 1);
  CHECK(fixture.open()->objects(0)[0].track_age == 3);
}

TEST_CASE("a child of a removed object has no parent") {
  NvdsFixture fixture;
  fixture.open()->add_object(0, bus());
  nj::Object child = bus();
  child.parent = 0;
  fixture.open()->add_object(0, child);
  std::vector<void *> handles;
  fixture.open()->objects(0, &handles);
  fixture.open()->remove_object(0, handles[0]);
  CHECK(fixture.newest()->parent == nullptr);
  CHECK(nth_frame(fixture.buffer, 0)->num_obj_meta == 1);
}

TEST_CASE("the size of a frame is that of the surface: the legacy muxer's, else the source's") {
  GstBuffer *buffer = gst_buffer_new();
  add_batch(buffer, {{0, 1, 3840, 2160, 1920, 1080}, {1, 1, 1280, 720}});
  std::string error;
  CHECK(nj::metadata_of(buffer, nullptr, &error)->frame(0).width == 1920);
  CHECK(nj::metadata_of(buffer, nullptr, &error)->frame(0).height == 1080);
  CHECK(nj::metadata_of(buffer, nullptr, &error)->frame(1).width == 1280);
  gst_buffer_unref(buffer);
}

TEST_CASE("tensors are NvDsInferTensorMeta, and live as long as any copy of it") {
  auto storage = std::make_shared<std::vector<uint8_t>>(96, uint8_t{7});
  const std::weak_ptr<std::vector<uint8_t>> alive = storage;
  GstBuffer *copy;
  {
    NvdsFixture fixture;
    nj::TensorOutput output;
    output.name = "output0";
    output.dims = {6, 4};
    output.data = std::shared_ptr<const uint8_t>(storage, storage->data());
    output.bytes = 96;
    storage.reset();
    fixture.open()->add_tensors(0, nullptr, {15, 640, 384, true, true, {std::move(output)}});
    copy = fixture.copied();
  }
  REQUIRE_FALSE(alive.expired());
  const auto *user = static_cast<NvDsUserMeta *>(nth_frame(copy, 0)->frame_user_meta_list->data);
  CHECK(user->base_meta.meta_type == NVDSINFER_TENSOR_OUTPUT_META);
  const auto &tensors = *static_cast<NvDsInferTensorMeta *>(user->user_meta_data);
  CHECK(tensors.unique_id == 15);
  CHECK(tensors.network_info.height == 384);
  CHECK(tensors.network_info.channels == 3);
  CHECK(tensors.maintain_aspect_ratio == TRUE);
  CHECK(tensors.symmetric_padding == TRUE);
  REQUIRE(tensors.num_output_layers == 1);
  const NvDsInferLayerInfo &layer = tensors.output_layers_info[0];
  CHECK(std::string(layer.layerName) == "output0");
  CHECK(layer.dataType == FLOAT);
  CHECK(layer.inferDims.numDims == 2);
  CHECK(layer.inferDims.numElements == 24);
  CHECK(static_cast<const uint8_t *>(tensors.out_buf_ptrs_host[0])[95] == 7);
  CHECK(tensors.out_buf_ptrs_dev[0] == nullptr);
  gst_buffer_unref(copy);
  CHECK(alive.expired());
}

TEST_CASE("tensors of a secondary network are on the object that it looked at") {
  NvdsFixture fixture;
  fixture.open()->add_object(0, bus());
  std::vector<void *> handles;
  fixture.open()->objects(0, &handles);
  fixture.open()->add_tensors(0, handles[0], {16, 224, 224, false, false, {}});
  REQUIRE(fixture.newest()->obj_user_meta_list != nullptr);
  const auto *user = static_cast<NvDsUserMeta *>(fixture.newest()->obj_user_meta_list->data);
  CHECK(user->base_meta.meta_type == NVDSINFER_TENSOR_OUTPUT_META);
  CHECK(nth_frame(fixture.buffer, 0)->frame_user_meta_list == nullptr);
}

TEST_CASE("a user meta of the pool brings nothing of its last user along") {
  NvdsFixture fixture;
  NvDsUserMeta *used = nvds_acquire_user_meta_from_pool(fixture.batch);
  used->base_meta.uContext = &fixture;
  NvDsMetaPool *pool = fixture.batch->user_meta_pool;
  pool->full_list = g_list_remove(pool->full_list, used);
  pool->empty_list = g_list_prepend(pool->empty_list, used);
  pool->num_full_elements--;
  pool->num_empty_elements++;
  fixture.open()->add_event(0, {});
  const auto *user = static_cast<NvDsUserMeta *>(nth_frame(fixture.buffer, 0)->frame_user_meta_list->data);
  REQUIRE(user == used);
  CHECK(user->base_meta.uContext == nullptr);
  CHECK((user->base_meta.copy_func != nullptr));
  CHECK((user->base_meta.release_func != nullptr));
}

TEST_CASE("the batch is locked as long as somebody looks at it") {
  NvdsFixture fixture;
  const auto try_lock = [](gpointer batch) -> gpointer {
    auto *mutex = &static_cast<NvDsBatchMeta *>(batch)->meta_mutex;
    if (!g_rec_mutex_trylock(mutex)) return GINT_TO_POINTER(0);
    g_rec_mutex_unlock(mutex);
    return GINT_TO_POINTER(1);
  };
  const auto free_for_others = [&] {
    return GPOINTER_TO_INT(g_thread_join(g_thread_new("other", try_lock, fixture.batch))) == 1;
  };
  {
    const auto batch = fixture.open();
    CHECK_FALSE(free_for_others());
  }
  CHECK(free_for_others());
}

TEST_CASE("payloads come oldest first, with the frame that they belong to") {
  NvdsFixture fixture;
  std::string error;
  REQUIRE(nj::nvds::add_payload(fixture.buffer, 1, "first", 4, NJ_PAYLOAD_OBJECTS, &error));
  REQUIRE(nj::nvds::add_payload(fixture.buffer, 1, "second", 4, NJ_PAYLOAD_EVENT, &error));
  std::vector<std::string> texts;
  const auto take = [&](const nj::nvds::Payload &payload) {
    texts.emplace_back(static_cast<const char *>(payload.data), payload.bytes);
    CHECK(payload.frame.source_id == 3);
    CHECK(payload.component_id == 4);
    CHECK(payload.kind == (texts.size() == 1 ? NJ_PAYLOAD_OBJECTS : NJ_PAYLOAD_EVENT));
  };
  REQUIRE(nj::nvds::for_each_payload(fixture.buffer, take, &error));
  CHECK(texts == std::vector<std::string>{"first", "second"});
}

TEST_CASE("payloads survive a copy of the buffer and the end of the first") {
  GstBuffer *copy;
  {
    NvdsFixture fixture;
    std::string error;
    REQUIRE(nj::nvds::add_payload(fixture.buffer, 0, "objects", 4, NJ_PAYLOAD_OBJECTS, &error));
    REQUIRE(nj::nvds::add_payload(fixture.buffer, 1, "event", 4, NJ_PAYLOAD_EVENT, &error));
    copy = fixture.copied();
  }
  std::vector<std::string> texts;
  const auto take = [&](const nj::nvds::Payload &payload) {
    texts.emplace_back(static_cast<const char *>(payload.data), payload.bytes);
  };
  std::string error;
  REQUIRE(nj::nvds::for_each_payload(copy, take, &error));
  CHECK(texts == std::vector<std::string>{"objects", "event"});
  gst_buffer_unref(copy);
}

TEST_CASE("metadata of another DeepStream is refused before anything is written") {
  NvdsFixture fixture;
  fixture.batch->obj_meta_pool->element_size -= 8;
  std::string error;
  CHECK(nj::metadata_of(fixture.buffer, nullptr, &error) == nullptr);
  CHECK(error.find("NvDsObjectMeta") != std::string::npos);
  CHECK(error.find("build the plugin") != std::string::npos);
  CHECK(nj::nvds::count_inferred(fixture.buffer) == 0);
}

TEST_CASE("metadata of DeepStream without a batch is refused with a reason") {
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_add_nvds_meta(buffer, nullptr, nullptr, nullptr, nullptr)->meta_type = NVDS_DECODER_GST_META;
  std::string error;
  CHECK(nj::metadata_of(buffer, nullptr, &error) == nullptr);
  CHECK(error.find("nvstreammux") != std::string::npos);
  gst_buffer_unref(buffer);
}

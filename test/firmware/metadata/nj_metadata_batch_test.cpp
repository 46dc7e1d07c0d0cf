#include <cstring>

#include "contract.h"
#include "main.h"
#include "metadata/nj_meta.h"

namespace {

class NjFixture : public MetadataFixture {
 public:
  NjFixture() {
    NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer_, 2);
    add(batch, 0, 0, 10, 1280, 720);
    add(batch, 3, 1, 20, 640, 480);
  }
  ~NjFixture() override { gst_buffer_unref(buffer_); }
  std::unique_ptr<nj::MetadataBatch> open() override {
    std::string error;
    auto batch = nj::metadata_of(buffer_, nullptr, &error);
    REQUIRE_MESSAGE(batch, error);
    return batch;
  }
  GstBuffer *buffer() { return buffer_; }

 private:
  static void add(NjBatchMeta *batch, guint source, guint batch_id, gint number, guint width, guint height) {
    NjFrameMeta *frame = nj_acquire_frame_meta(batch);
    frame->source_id = frame->pad_index = source;
    frame->batch_id = batch_id;
    frame->frame_num = number;
    frame->source_frame_width = width;
    frame->source_frame_height = height;
    nj_batch_add_frame(batch, frame);
  }
  GstBuffer *buffer_ = gst_buffer_new();
};

struct Caps {
  explicit Caps(const char *text) : caps(gst_caps_from_string(text)) {}
  ~Caps() { gst_caps_unref(caps); }
  GstCaps *caps;
};

const NjObjectMeta *first_object(NjFixture &fixture) {
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(fixture.buffer()), 0);
  return static_cast<const NjObjectMeta *>(frame->obj_meta_list->data);
}

const NjUserMeta *first_user(GstBuffer *buffer) {
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(buffer), 0);
  return static_cast<const NjUserMeta *>(frame->frame_user_meta_list->data);
}

}  // namespace

TEST_CASE("Nj metadata keeps the contract") {
  check_metadata_contract([] { return std::make_unique<NjFixture>(); });
}

TEST_CASE("an added object has a label to draw, and its id once it is tracked") {
  NjFixture fixture;
  nj::Object object;
  object.label = "bus";
  object.box = {50, 5, 20, 20};
  fixture.open()->add_object(0, object);
  const NjTextParams &text = first_object(fixture)->text_params;
  CHECK(std::string(text.display_text) == "bus");
  CHECK(text.x_offset == 50);
  CHECK(text.y_offset == 0);  // above the frame is cut
  std::vector<void *> handles;
  fixture.open()->objects(0, &handles);
  object.object_id = 12;
  fixture.open()->update_object(0, handles[0], object);
  CHECK(std::string(first_object(fixture)->text_params.display_text) == "bus 12");
}

TEST_CASE("updating twice does not add an attribute twice") {
  NjFixture fixture;
  fixture.open()->add_object(0, metadata_contract::car());
  std::vector<void *> handles;
  const nj::Object object = fixture.open()->objects(0, &handles)[0];
  fixture.open()->update_object(0, handles[0], object);
  CHECK(fixture.open()->objects(0)[0].attributes.size() == 2);
}

TEST_CASE("events travel as user metas and survive a copy") {
  NjFixture fixture;
  nj::Event event;
  event.type = "line-crossing";
  event.rule = "gate";
  event.object_id = 5;
  event.value = 3;
  fixture.open()->add_event(0, event);
  GstBuffer *copy = gst_buffer_copy(fixture.buffer());
  const NjUserMeta *user = first_user(copy);
  CHECK(user->meta_type == NJ_EVENT_META);
  const auto *read = static_cast<const NjEvent *>(user->user_meta_data);
  CHECK(std::string(read->type) == "line-crossing");
  CHECK(std::string(read->rule) == "gate");
  CHECK(read->object_id == 5);
  CHECK(read->value == 3);
  gst_buffer_unref(copy);
}

TEST_CASE("tensors live as long as any meta that shows them") {
  auto storage = std::make_shared<std::vector<uint8_t>>(64, uint8_t{7});
  const std::weak_ptr<std::vector<uint8_t>> alive = storage;
  GstBuffer *copy;
  {
    NjFixture fixture;
    nj::TensorOutput output;
    output.name = "output0";
    output.dims = {4, 4};
    output.data = std::shared_ptr<const uint8_t>(storage, storage->data());
    output.bytes = 64;
    fixture.open()->add_tensors(0, nullptr, {1, 640, 384, true, true, {output}});
    output.data.reset();
    storage.reset();
    copy = gst_buffer_copy(fixture.buffer());
  }
  REQUIRE_FALSE(alive.expired());
  const auto *meta = static_cast<const NjTensorMeta *>(first_user(copy)->user_meta_data);
  REQUIRE(meta->num_layers == 1);
  CHECK(std::string(meta->layers[0].name) == "output0");
  CHECK(meta->layers[0].rank == 2);
  CHECK(meta->network_height == 384);
  CHECK(static_cast<const uint8_t *>(meta->layers[0].data)[63] == 7);
  gst_buffer_unref(copy);
  CHECK(alive.expired());
}

TEST_CASE("a plain frame gets a batch of one, once") {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 320 * 240 * 3 / 2, nullptr);
  GST_BUFFER_PTS(buffer) = 5 * GST_SECOND;
  GST_BUFFER_OFFSET(buffer) = 17;
  const Caps caps("video/x-raw, format=I420, width=320, height=240");
  std::string error;
  {
    const auto batch = nj::metadata_of(buffer, caps.caps, &error);
    REQUIRE(batch);
    CHECK(batch->frame_count() == 1);
    CHECK(batch->frame(0).width == 320);
    CHECK(batch->frame(0).pts == 5 * GST_SECOND);
    CHECK(batch->frame(0).frame_number == 17);
    CHECK(batch->frame(0).capture > 1600000000 * GST_SECOND);
    batch->add_object(0, {});
  }
  CHECK(nj::metadata_of(buffer, caps.caps, &error)->objects(0).size() == 1);
  gst_buffer_unref(buffer);
}

TEST_CASE("the capture time of a plain frame is the reference timestamp of its source") {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 320 * 240 * 3 / 2, nullptr);
  const Caps caps("video/x-raw, format=I420, width=320, height=240");
  const Caps ntp("timestamp/x-ntp");
  gst_buffer_add_reference_timestamp_meta(buffer, ntp.caps, (2208988800ull + 1000) * GST_SECOND, GST_CLOCK_TIME_NONE);
  std::string error;
  CHECK(nj::metadata_of(buffer, caps.caps, &error)->frame(0).capture == 1000 * GST_SECOND);
  gst_buffer_unref(buffer);
}

TEST_CASE("what is neither a batch nor a frame is refused with a reason") {
  GstBuffer *buffer = gst_buffer_new();
  const Caps audio("audio/x-raw");
  const Caps batch("video/x-raw(memory:NjBatch), width=320, height=240");
  for (const GstCaps *caps : {audio.caps, batch.caps}) {
    std::string error;
    CHECK(nj::metadata_of(buffer, caps, &error) == nullptr);
    CHECK(error.find("njstreammux") != std::string::npos);
  }
  gst_buffer_unref(buffer);
}

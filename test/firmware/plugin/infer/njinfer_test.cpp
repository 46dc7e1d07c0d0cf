// njinfer on an engine without a network: what enters, what leaves, in which order.
#include <random>

#include "infer_harness.h"
#include "main.h"
#include "metadata/nj_meta.h"

using namespace nj;
using namespace nj::test;

TEST_CASE("a plain frame leaves with its objects in frame pixels") {
  Host host;
  host.look = one_car;
  InferHarness h(host);
  h.play();
  GstBuffer *out = h.through(plain_frame(kPlainCaps, 0));
  const auto objects = objects_of(out);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0].box.left == 20);
  CHECK(objects[0].box.top == 20);
  CHECK(objects[0].box.width == 40);
  CHECK(objects[0].box.height == 20);
  CHECK(objects[0].label == "car");
  CHECK(objects[0].component_id == 15);
  CHECK(objects[0].object_id == kUntrackedObject);
  CHECK(inferred(out));
  gst_buffer_unref(out);
}

TEST_CASE("the network sees the frame between its padding, normalised") {
  Host host;
  float padding = 0, picture = 0;
  host.look = [&](const SeenPicture &seen) {
    padding = seen.tensor[0];
    picture = seen.tensor[32 * 64 + 32];
    return Result{};
  };
  InferHarness h(host);
  h.play();
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, 0, 255)));
  CHECK(padding == doctest::Approx(114 / 255.0));
  CHECK(picture == doctest::Approx(1.0));
}

TEST_CASE("buffers keep their order while the host's times vary") {
  Host host;
  std::mt19937 random(1);
  host.before_batch = [&] { g_usleep(random() % 4000); };
  host.look = [](const SeenPicture &p) { return Result{{object_at(10 + p.record.frame_number, 26, 5, 5)}, {}, {}}; };
  InferHarness h(host);
  h.play();
  for (int i = 0; i < 30; i++) REQUIRE(h.push(plain_frame(kPlainCaps, frame_time(i))) == GST_FLOW_OK);
  for (int i = 0; i < 30; i++) {
    GstBuffer *out = h.pull();
    CHECK(GST_BUFFER_PTS(out) == frame_time(i));
    CHECK(objects_of(out)[0].detector_box.left == 2 * (10 + i));
    gst_buffer_unref(out);
  }
}

TEST_CASE("several batches are in flight at a time") {
  Host host;
  std::mutex gate;
  std::unique_lock hold(gate);
  host.before_batch = [&] { std::lock_guard wait(gate); };
  InferHarness h(host);
  h.play();
  // With one batch at a time the second push would wait for the first result.
  for (int i = 0; i < 3; i++) REQUIRE(h.push(plain_frame(kPlainCaps, frame_time(i))) == GST_FLOW_OK);
  CHECK(gst_harness_buffers_in_queue(h.harness) == 0);
  hold.unlock();
  for (int i = 0; i < 3; i++) gst_buffer_unref(h.pull());
}

TEST_CASE("the end of the stream waits for what is in flight") {
  Host host;
  host.before_batch = [] { g_usleep(20000); };
  InferHarness h(host);
  h.play();
  for (int i = 0; i < 3; i++) h.push(plain_frame(kPlainCaps, frame_time(i)));
  gst_harness_push_event(h.harness, gst_event_new_eos());
  int buffers = 0;
  for (bool eos = false; !eos;) {
    GstEvent *event = gst_harness_pull_event(h.harness);
    REQUIRE(event);
    eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  while (GstBuffer *out = gst_harness_try_pull(h.harness)) {
    buffers++;
    CHECK(inferred(out));
    gst_buffer_unref(out);
  }
  CHECK(buffers == 3);
}

TEST_CASE("serialized events keep their place between buffers") {
  Host host;
  host.before_batch = [] { g_usleep(5000); };
  InferHarness h(host);
  h.play();
  h.push(plain_frame(kPlainCaps, frame_time(0)));
  gst_harness_push_event(h.harness, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("mark")));
  GstEvent *event = nullptr;
  while ((event = gst_harness_pull_event(h.harness)) && GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_DOWNSTREAM)
    gst_event_unref(event);
  REQUIRE(event);
  CHECK(gst_harness_buffers_received(h.harness) == 1);
  gst_event_unref(event);
}

TEST_CASE("the interval counts each source by itself") {
  Host host;
  InferHarness h(host, kBatchCaps);
  g_object_set(h.element, "interval", 1, "batch-size", 4, nullptr);
  h.play();
  // Source 7 is in every second batch only, and still every second of its frames is looked at.
  std::vector<bool> of_3, of_7;
  for (int i = 0; i < 8; i++) {
    const bool both = i % 2 == 0;
    GstBuffer *out = h.through(batch_of(both ? std::vector<uint32_t>{3, 7} : std::vector<uint32_t>{3}, i));
    of_3.push_back(inferred(out, 0));
    if (both) of_7.push_back(inferred(out, 1));
    gst_buffer_unref(out);
  }
  CHECK(of_3 == std::vector<bool>{true, false, true, false, true, false, true, false});
  CHECK(of_7 == std::vector<bool>{true, false, true, false});
}

TEST_CASE("a frame without detections is marked as inferred, one that was left out is not") {
  Host host;
  InferHarness h(host);
  g_object_set(h.element, "interval", 1, nullptr);
  h.play();
  GstBuffer *first = h.through(plain_frame(kPlainCaps, frame_time(0)));
  GstBuffer *second = h.through(plain_frame(kPlainCaps, frame_time(1)));
  CHECK(inferred(first));
  CHECK(objects_of(first).empty());
  CHECK_FALSE(inferred(second));
  gst_buffer_unref(first);
  gst_buffer_unref(second);
  CHECK(h.count("inferred") == 1);
  CHECK(h.count("passed") == 1);
}

TEST_CASE("thresholds change while playing, in the element and in the module") {
  Host host;
  host.look = [](const SeenPicture &) {
    return Result{{object_at(10, 26, 9, 9, 0, 0.5f), object_at(10, 26, 9, 9, 1, 0.7f)}, {}, {}};
  };
  InferHarness h(host);
  h.play();
  const auto classes = [&](int i) {
    GstBuffer *out = h.through(plain_frame(kPlainCaps, frame_time(i)));
    std::vector<int> found;
    for (const Object &object : objects_of(out)) found.push_back(object.class_id);
    gst_buffer_unref(out);
    return found;
  };
  CHECK(classes(0) == std::vector<int>{0, 1});
  g_object_set(h.element, "confidence-threshold", 0.6, nullptr);
  CHECK(classes(1) == std::vector<int>{1});
  g_object_set(h.element, "class-thresholds", "0:0.4;1:0.8", nullptr);
  CHECK(classes(2) == std::vector<int>{0});
  std::lock_guard lock(host.mutex);
  CHECK(host.parameters.back() == R"({"class-thresholds":[0.4,0.8],"confidence-threshold":0.6})");
}

TEST_CASE("thresholds that are set before the start are the bundle's parameters") {
  Host host;
  InferHarness h(host);
  g_object_set(h.element, "parameters", R"({"iou-threshold": 0.5})", "confidence-threshold", 0.25, "class-thresholds",
               "2:0.5", nullptr);
  h.play();
  CHECK(host.options.parameters ==
        R"({"class-thresholds":[null,null,0.5],"confidence-threshold":0.25,"iou-threshold":0.5})");
}

TEST_CASE("classes and sizes are filtered") {
  Host host;
  host.look = [](const SeenPicture &) {
    return Result{{object_at(10, 26, 20, 20, 0), object_at(10, 26, 20, 20, 1), object_at(10, 26, 2, 2, 2)}, {}, {}};
  };
  InferHarness h(host);
  g_object_set(h.element, "filter-out-class-ids", "1", "detected-min-width", 10, nullptr);
  h.play();
  GstBuffer *out = h.through(plain_frame(kPlainCaps, 0));
  REQUIRE(objects_of(out).size() == 1);
  CHECK(objects_of(out)[0].class_id == 0);
  gst_buffer_unref(out);
}

TEST_CASE("a batch that is larger than the slots is split, and no frame is left out") {
  Host host;
  host.slots = 2;
  host.look = [](const SeenPicture &p) { return Result{{object_at(p.record.source_id, 26, 5, 5)}, {}, {}}; };
  InferHarness h(host, kBatchCaps);
  g_object_set(h.element, "batch-size", 2, nullptr);
  h.play();
  GstBuffer *out = h.through(batch_of({0, 1, 2, 3, 4, 5, 6, 7, 8}, 0));
  for (uint32_t i = 0; i < 9; i++) {
    CHECK(inferred(out, i));
    CHECK(objects_of(out, i)[0].box.left == 2 * i);
  }
  gst_buffer_unref(out);
  std::lock_guard lock(host.mutex);
  CHECK(host.batches == std::vector<uint32_t>{2, 2, 2, 2, 1});
}

TEST_CASE("caps may change in mid-stream") {
  Host host;
  host.look = one_car;
  InferHarness h(host);
  h.play();
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, frame_time(0))));
  const char *larger = "video/x-raw,format=NV12,width=256,height=128,framerate=30/1";
  h.push(plain_frame(kPlainCaps, frame_time(1)));
  gst_harness_set_src_caps_str(h.harness, larger);
  h.push(plain_frame(larger, frame_time(2)));
  GstBuffer *before = h.pull(), *after = h.pull();
  CHECK(objects_of(before)[0].box.width == 40);
  CHECK(objects_of(after)[0].box.width == 80);
  gst_buffer_unref(before);
  gst_buffer_unref(after);
}

TEST_CASE("the statistics tell where the time goes") {
  Host host;
  InferHarness h(host);
  h.play();
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, 0)));
  CHECK(h.count("frames") == 1);
  CHECK(h.count("engine-p50") == 500);
  CHECK(h.count("module-p99") == 100);
  CHECK(h.count("total-p50") > 0);
}

TEST_CASE("the raw outputs are attached on request") {
  Host host;
  InferHarness h(host);
  g_object_set(h.element, "output-tensor-meta", TRUE, nullptr);
  h.play();
  GstBuffer *out = h.through(plain_frame(kPlainCaps, 0));
  const NjFrameMeta *frame = nj_batch_nth_frame(nj_buffer_get_batch_meta(out), 0);
  REQUIRE(frame->frame_user_meta_list);
  const auto *user = static_cast<const NjUserMeta *>(frame->frame_user_meta_list->data);
  REQUIRE(user->meta_type == NJ_TENSOR_OUTPUT_META);
  const auto *tensors = static_cast<const NjTensorMeta *>(user->user_meta_data);
  REQUIRE(tensors->num_layers == 1);
  CHECK(std::string(tensors->layers[0].name) == "output0");
  CHECK(tensors->layers[0].rank == 3);
  CHECK(tensors->network_width == 64);
  gst_buffer_unref(out);
}

TEST_CASE("the latency query counts the time that results take") {
  Host host;
  host.before_batch = [] { g_usleep(30000); };
  InferHarness h(host);
  h.play();
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, 0)));
  GstQuery *query = gst_query_new_latency();
  GstPad *src = gst_element_get_static_pad(h.element, "src");
  REQUIRE(gst_pad_query(src, query));
  GstClockTime shortest;
  gst_query_parse_latency(query, nullptr, &shortest, nullptr);
  CHECK(shortest >= 30 * GST_MSECOND);
  gst_object_unref(src);
  gst_query_unref(query);
}

TEST_CASE("the reported latency does not grow with what downstream waits for") {
  Host host;
  InferHarness h(host);
  h.play();
  // The harness takes at once, so a probe is what waits.
  GstPad *src = gst_element_get_static_pad(h.element, "src");
  gst_pad_add_probe(
      src, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer) {
        g_usleep(20000);
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  for (int i = 0; i < 8; i++) h.push(plain_frame(kPlainCaps, frame_time(i)));
  for (int i = 0; i < 8; i++) gst_buffer_unref(h.pull());
  CHECK(h.count("total-p50") < 15000);
  gst_object_unref(src);
}

// njinfer when things go wrong: the host goes, the stream is cut, the settings are no good.
#include "infer_harness.h"

using namespace nj;
using namespace nj::test;

TEST_CASE("a list that is not understood is refused and the old one stays") {
  Host host;
  InferHarness h(host);
  g_object_set(h.element, "class-thresholds", "0:0.5", nullptr);
  g_object_set(h.element, "class-thresholds", "0=0.5", nullptr);
  gchar *kept = nullptr;
  g_object_get(h.element, "class-thresholds", &kept, nullptr);
  CHECK(std::string(kept) == "0:0.5");
  g_free(kept);
  const auto warnings = h.messages(GST_MESSAGE_WARNING);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("class-thresholds=0=0.5") != std::string::npos);
}

TEST_CASE("frames pass without objects while the host is gone, and objects come back with it") {
  Host host;
  host.look = one_car;
  InferHarness h(host);
  h.play();
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, frame_time(0))));
  host.set_gone(true);
  host.set_gone(true);
  GstBuffer *without = h.through(plain_frame(kPlainCaps, frame_time(1)));
  CHECK_FALSE(inferred(without));
  CHECK(objects_of(without).empty());
  gst_buffer_unref(without);
  host.set_gone(false);
  GstBuffer *with = h.through(plain_frame(kPlainCaps, frame_time(2)));
  CHECK(objects_of(with).size() == 1);
  gst_buffer_unref(with);

  CHECK(h.count("failed") == 1);
  CHECK(h.count("inferred") == 2);
  std::vector<std::string> states = h.messages(GST_MESSAGE_ELEMENT);
  REQUIRE(states.size() == 3);
  CHECK(states[0].find("state=(string)ready") != std::string::npos);
  CHECK(states[1].find("nightjar-infer, state=(string)gone") == 0);
  CHECK(states[2].find("state=(string)ready") != std::string::npos);
  CHECK(h.messages(GST_MESSAGE_ERROR).empty());
}

TEST_CASE("a GPU that failed for good is said with the batch that it cost, though none comes after it") {
  Host host;
  host.before_batch = [&] { host.failing = host.broken = true; };
  InferHarness h(host);
  h.play();
  gst_harness_push(h.harness, plain_frame(kPlainCaps, frame_time(0)));
  const auto told = [&] {
    for (int i = 0; i < 200; i++) {
      const auto errors = h.messages(GST_MESSAGE_ERROR);
      if (!errors.empty()) return errors;
      g_usleep(10000);
    }
    return std::vector<std::string>();
  }();
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("the GPU failed") != std::string::npos);
  CHECK(gst_harness_push(h.harness, plain_frame(kPlainCaps, frame_time(1))) == GST_FLOW_ERROR);
}

TEST_CASE("the loss of the host is told once, its return too") {
  Host host;
  InferHarness h(host);
  h.play();
  host.set_gone(true);
  host.set_gone(true);
  host.set_gone(false);
  CHECK(h.messages(GST_MESSAGE_WARNING).size() == 1);
  host.set_gone(true);
  host.set_gone(false);
  CHECK(h.messages(GST_MESSAGE_INFO).size() == 1);
}

TEST_CASE("a named host that is not there yet is no trouble: frames pass until it comes") {
  Host host;
  host.look = one_car;
  host.away = true;
  InferHarness h(host);
  g_object_set(h.element, "host-socket", "/run/nightjar/postprocess.sock", nullptr);
  h.play();
  GstBuffer *without = h.through(plain_frame(kPlainCaps, frame_time(0)));
  CHECK_FALSE(inferred(without));
  gst_buffer_unref(without);
  host.arrive();
  GstBuffer *with = h.through(plain_frame(kPlainCaps, frame_time(1)));
  CHECK(objects_of(with).size() == 1);
  gst_buffer_unref(with);
  const auto states = h.messages(GST_MESSAGE_ELEMENT);
  REQUIRE(states.size() == 2);
  CHECK(states[0].find("state=(string)starting") != std::string::npos);
  CHECK(states[0].find("nobody\\ listens") != std::string::npos);
  CHECK(states[1].find("state=(string)ready") != std::string::npos);
}

TEST_CASE("a bundle that the host refuses after the start is an error, once, with the words of the host") {
  Host host;
  host.away = true;
  InferHarness h(host);
  g_object_set(h.element, "host-socket", "/run/nightjar/postprocess.sock", nullptr);
  h.play();
  host.away = false;
  host.refuse("model.onnx is cut off");
  host.refuse("model.onnx is cut off");
  CHECK(h.messages(GST_MESSAGE_ERROR) == std::vector<std::string>{"gst-library-error-quark/5: model.onnx is cut off"});
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, 0)));
}

TEST_CASE("a bundle that ran and is refused later costs the results, not the stream") {
  Host host;
  InferHarness h(host);
  h.play();
  host.refuse("model.onnx does not have the sha256 of its bundle");
  const auto troubles = h.messages(static_cast<GstMessageType>(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR));
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].find("refuses the bundle: model.onnx does not have") != std::string::npos);
}

TEST_CASE("elements whose host is away start without delay") {
  Host host;
  const gint64 begin = g_get_monotonic_time();
  for (const char *factory : {"njinfer", "njanalytics"}) {
    StageHarness h(host, factory);
    set_engine_factory(nullptr);
    g_object_set(h.element, "host-socket", "/nowhere/postprocess.sock", nullptr);
    CHECK(gst_element_set_state(h.element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  CHECK(g_get_monotonic_time() - begin < G_USEC_PER_SEC);
}

TEST_CASE("a host that is stuck costs its deadline and no frame") {
  Host host;
  std::mutex gate;
  std::unique_lock hold(gate);
  host.before_batch = [&] { std::lock_guard wait(gate); };
  InferHarness h(host);
  g_object_set(h.element, "deadline", 30, nullptr);
  h.play();
  GstBuffer *out = h.through(plain_frame(kPlainCaps, 0));
  CHECK_FALSE(inferred(out));
  CHECK(h.count("failed") == 1);
  gst_buffer_unref(out);
  hold.unlock();
}

TEST_CASE("a module that fails costs the objects of its batch only") {
  Host host;
  host.look = one_car;
  InferHarness h(host);
  h.play();
  host.failing = true;
  GstBuffer *out = h.through(plain_frame(kPlainCaps, frame_time(0)));
  CHECK_FALSE(inferred(out));
  gst_buffer_unref(out);
  host.failing = false;
  out = h.through(plain_frame(kPlainCaps, frame_time(1)));
  CHECK(inferred(out));
  gst_buffer_unref(out);
}

TEST_CASE("a flush drops what is in flight and the stream goes on") {
  Host host;
  host.look = one_car;
  host.before_batch = [] { g_usleep(10000); };
  InferHarness h(host);
  h.play();
  for (int i = 0; i < 3; i++) h.push(plain_frame(kPlainCaps, frame_time(i)));
  gst_harness_push_event(h.harness, gst_event_new_flush_start());
  gst_harness_push_event(h.harness, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(h.harness, gst_event_new_segment(&segment));
  while (GstBuffer *old = gst_harness_try_pull(h.harness)) gst_buffer_unref(old);
  GstBuffer *out = h.through(plain_frame(kPlainCaps, frame_time(9)));
  CHECK(GST_BUFFER_PTS(out) == frame_time(9));
  CHECK(inferred(out));
  gst_buffer_unref(out);
}

TEST_CASE("caps that a flush finds in flight are those of the stream afterwards") {
  Host host;
  std::mutex gate;
  std::unique_lock hold(gate);
  host.before_batch = [&] { std::lock_guard wait(gate); };
  InferHarness h(host);
  g_object_set(h.element, "deadline", 50, nullptr);
  h.play();
  h.push(plain_frame(kPlainCaps, frame_time(0)));
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=NV12,width=256,height=128,framerate=30/1");
  gst_harness_push_event(h.harness, gst_event_new_flush_start());
  gst_harness_push_event(h.harness, gst_event_new_flush_stop(TRUE));
  hold.unlock();
  GstPad *src = gst_element_get_static_pad(h.element, "src");
  GstCaps *caps = gst_pad_get_current_caps(src);
  int width = 0;
  gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
  CHECK(width == 256);
  gst_caps_unref(caps);
  gst_object_unref(src);
}

TEST_CASE("the element stops and starts again, also with batches in flight") {
  Host host;
  host.look = one_car;
  host.before_batch = [] { g_usleep(5000); };
  InferHarness h(host);
  h.play();
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 3; i++) h.push(plain_frame(kPlainCaps, frame_time(i)));
    REQUIRE(gst_element_set_state(h.element, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
    REQUIRE(gst_element_set_state(h.element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    gst_harness_push_event(h.harness, gst_event_new_stream_start("again"));
    GstCaps *caps = gst_caps_from_string(kPlainCaps);
    gst_harness_push_event(h.harness, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h.harness, gst_event_new_segment(&segment));
  }
  while (GstBuffer *old = gst_harness_try_pull(h.harness)) gst_buffer_unref(old);
  gst_buffer_unref(h.through(plain_frame(kPlainCaps, 0)));
}

TEST_CASE("what cannot start says which property is wrong") {
  Host host;
  const auto error_of = [&](const char *name, const char *value) {
    InferHarness h(host);
    g_object_set(h.element, "bundle", nullptr, nullptr);
    if (name) g_object_set(h.element, name, value, nullptr);
    CHECK(gst_element_set_state(h.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
    const auto errors = h.messages(GST_MESSAGE_ERROR);
    return errors.size() == 1 ? errors[0] : "";
  };
  const std::string not_found = "gst-resource-error-quark/3: ";
  CHECK(error_of(nullptr, nullptr).find(not_found + "nothing to run: set bundle=") == 0);
  CHECK(error_of("bundle", "/nowhere").find(not_found + "bundle=/nowhere does not exist: expected a directory") == 0);
  CHECK(error_of("bundle", "/proc").find(not_found + "bundle=/proc has no bundle.yaml") == 0);
  {
    InferHarness h(host);
    g_object_set(h.element, "host-socket", ("/" + std::string(200, 'x')).c_str(), nullptr);
    CHECK(gst_element_set_state(h.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
    const auto errors = h.messages(GST_MESSAGE_ERROR);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("is too long for a Unix socket: expected at most 107 bytes") != std::string::npos);
  }
  host.refusal = "module yolo.wasm does not fit the model: expected output 84x8400";
  CHECK(error_of("bundle", bundle_directory().c_str()) == "gst-library-error-quark/5: " + host.refusal);
}

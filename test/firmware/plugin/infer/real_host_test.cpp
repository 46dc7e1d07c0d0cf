// The built plugin's njinfer with the real postprocess host, ONNX Runtime and the yolo module: what the network says
// lands in the frame.
//
// reshape.onnx (written by reshapeModel of test/services/postprocess/support/onnx.ts) gives its 3x8x8 picture back as
// the 8 fields of 24 anchors, so the pixels of a frame are the detections. Skipped where the modules are not built.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <glib/gstdio.h>
#include <gst/check/gstharness.h>

#include <string>

#include "metadata/metadata_batch.h"
#include "metadata/nj_meta.h"

namespace {

constexpr int kSkipped = 77;  // for meson
constexpr uint32_t kSize = 8, kAnchors = 24;
constexpr int kUnit = 32;  // levels per unit of the network's numbers

std::string root() { return std::string(g_getenv("NJ_TEST_DATA")) + "/../.."; }

void copy_file(const std::string &from, const std::string &to) {
  gchar *contents = nullptr;
  gsize bytes = 0;
  REQUIRE_MESSAGE(g_file_get_contents(from.c_str(), &contents, &bytes, nullptr), from);
  REQUIRE(g_file_set_contents(to.c_str(), contents, bytes, nullptr));
  g_free(contents);
}

// A bundle directory that goes when the test ends.
class Bundle {
 public:
  Bundle() {
    gchar *made = g_dir_make_tmp("nj-real-XXXXXX", nullptr);
    path = made;
    g_free(made);
    copy_file(std::string(g_getenv("NJ_TEST_DATA")) + "/plugin/infer/reshape.onnx", path + "/model.onnx");
    copy_file(root() + "/build/modules/yolo.wasm", path + "/yolo.wasm");
    const char *yaml =
        "name: tiny\nversion: 1.0.0\nkind: detect\nmodel: {file: model.onnx}\nmodule: {file: yolo.wasm}\n"
        "labels: [car, truck, bus, person]\n"
        "input: {color: RGB, layout: NCHW, dtype: float32, scale: 0.03125, mean: 0, letterbox: centre, fill: 0}\n"
        "parameters: {confidence-threshold: 0.5, iou-threshold: 0.5}\nlimits: {memory-pages: 64}\n";
    g_file_set_contents((path + "/bundle.yaml").c_str(), yaml, -1, nullptr);
  }
  ~Bundle() {
    for (const char *file : {"/model.onnx", "/yolo.wasm", "/bundle.yaml"}) g_remove((path + file).c_str());
    g_rmdir(path.c_str());
  }
  std::string path;
};

// The frame in which anchor 5 says: a box around (4, 4) of 4x2, class 2 with 0.90625.
GstBuffer *picture_with_a_bus() {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, kSize * kSize * 3, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  std::fill(map.data, map.data + map.size, 0);
  const auto set = [&](uint32_t field, int value) {
    const uint32_t at = field * kAnchors + 5, channel = at / (kSize * kSize), pixel = at % (kSize * kSize);
    map.data[pixel * 3 + channel] = value;
  };
  set(0, 4 * kUnit);
  set(1, 4 * kUnit);
  set(2, 4 * kUnit);
  set(3, 2 * kUnit);
  set(4 + 2, 29);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

}  // namespace

TEST_CASE("the pixels of a frame become the object that the network says they are") {
  const Bundle bundle;
  GstElement *element = gst_element_factory_make("njinfer", nullptr);
  REQUIRE(element);
  g_object_set(element, "bundle", bundle.path.c_str(), nullptr);
  GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=8,height=8,framerate=30/1");

  // RGB rows of 24 bytes need no padding.
  GstBuffer *out = nullptr;
  for (int i = 0; i < 20; i++) {
    gst_clear_buffer(&out);
    REQUIRE(gst_harness_push(harness, picture_with_a_bus()) == GST_FLOW_OK);
    out = gst_harness_pull(harness);
    REQUIRE(out);
  }
  std::string error;
  const auto objects = nj::metadata_of(out, nullptr, &error)->objects(0);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0].label == "bus");
  CHECK(objects[0].confidence == doctest::Approx(0.90625));
  CHECK(objects[0].box.left == doctest::Approx(2));
  CHECK(objects[0].box.top == doctest::Approx(3));
  CHECK(objects[0].box.width == doctest::Approx(4));
  CHECK(objects[0].box.height == doctest::Approx(2));

  // A threshold above it takes the object away while the stream runs.
  g_object_set(element, "confidence-threshold", 0.95, nullptr);
  gst_clear_buffer(&out);
  gst_harness_push(harness, picture_with_a_bus());
  out = gst_harness_pull(harness);
  CHECK(nj::metadata_of(out, nullptr, &error)->objects(0).empty());
  CHECK(nj_batch_nth_frame(nj_buffer_get_batch_meta(out), 0)->bInferDone);
  gst_buffer_unref(out);
  gst_harness_teardown(harness);
  gst_object_unref(element);
}

int main(int argc, char **argv) {
  if (!g_file_test((root() + "/build/modules/yolo.wasm").c_str(), G_FILE_TEST_EXISTS)) return kSkipped;
  g_setenv("NIGHTJAR_HOST", (root() + "/bin/nightjar-host").c_str(), FALSE);
  gst_init(&argc, &argv);
  doctest::Context context(argc, argv);
  return context.run();
}

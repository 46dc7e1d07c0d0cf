#include <cmath>
#include <cstring>
#include <functional>
#include <memory>

#include "metadata/main.h"
#include "plugin/video.h"

namespace {

constexpr guint8 kGrey = 60;

using Describe = std::function<void(NjFrameMeta *)>;

struct Mapped {
  Mapped(GstBuffer *buffer, const GstVideoInfo &info) {
    REQUIRE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  }
  ~Mapped() { gst_video_frame_unmap(&frame); }
  int at(guint component, int x, int y) const {
    const GstVideoFormatInfo *format = frame.info.finfo;
    const int column = x >> GST_VIDEO_FORMAT_INFO_W_SUB(format, component),
              row = y >> GST_VIDEO_FORMAT_INFO_H_SUB(format, component);
    return static_cast<guint8 *>(
        GST_VIDEO_FRAME_COMP_DATA(&frame, component))[row * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component) +
                                                      column * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component)];
  }
  bool luma_changed(int x, int y) const {
    return at(0, x, y) != kGrey ||
           (GST_VIDEO_INFO_IS_RGB(&frame.info) && (at(1, x, y) != kGrey || at(2, x, y) != kGrey));
  }
  GstVideoFrame frame;
};

// One picture through njosd, with properties as "name=value name=value".
class Osd {
 public:
  Osd(const GstVideoInfo &info, const std::string &properties) : info_(info) {
    harness_ = gst_harness_new_parse(("njosd " + properties).c_str());
    GstCaps *caps = gst_video_info_to_caps(&info);
    gst_harness_set_src_caps(harness_, caps);
    gst_harness_set_sink_caps(harness_, gst_caps_copy(caps));
  }
  ~Osd() { gst_harness_teardown(harness_); }

  GstBuffer *draw(GstBuffer *picture) {
    REQUIRE(gst_harness_push(harness_, picture) == GST_FLOW_OK);
    return gst_harness_pull(harness_);
  }
  GstBuffer *draw(const Describe &describe) {
    GstBuffer *picture = test::picture(info_, 0, kGrey);
    describe(test::add_frame(nj_buffer_add_batch_meta(picture, 1), info_, 0));
    return draw(picture);
  }

 private:
  GstVideoInfo info_;
  GstHarness *harness_;
};

struct Drawn {
  Drawn(const GstVideoInfo &info, const std::string &properties, const Describe &describe)
      : osd(info, properties), buffer(osd.draw(describe)), pixels(std::make_unique<Mapped>(buffer, info)) {}
  ~Drawn() {
    pixels.reset();
    gst_buffer_unref(buffer);
  }
  Osd osd;
  GstBuffer *buffer;
  std::unique_ptr<Mapped> pixels;
};

constexpr const char *kOnlyBoxes = "display-text=false display-trails=false";

bool on_border(int x, int y, int left, int top, int right, int bottom, int thickness) {
  if (x < left || x >= right || y < top || y >= bottom) return false;
  return x < left + thickness || x >= right - thickness || y < top + thickness || y >= bottom - thickness;
}

}  // namespace

TEST_CASE("a box changes the pixels of its edge and no other, in every format") {
  constexpr GstVideoFormat kFormats[] = {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_NV21, GST_VIDEO_FORMAT_I420,
                                         GST_VIDEO_FORMAT_YV12, GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_BGR,
                                         GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_RGBx,
                                         GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_ABGR,
                                         GST_VIDEO_FORMAT_xRGB, GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_GRAY8,
                                         GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_UYVY};
  for (const GstVideoFormat format : kFormats) {
    CAPTURE(gst_video_format_to_string(format));
    const GstVideoInfo info = test::video_info(format, 65, 49);  // odd, as chroma does not like it
    const Drawn drawn(info, kOnlyBoxes, [](NjFrameMeta *frame) { test::add_object(frame, {11, 9, 31, 23}); });
    int wrong = 0;
    for (int y = 0; y < 49; ++y)
      for (int x = 0; x < 65; ++x) wrong += drawn.pixels->luma_changed(x, y) != on_border(x, y, 11, 9, 42, 32, 3);
    CHECK(wrong == 0);
  }
}

TEST_CASE("colours come out right in YUV and RGB") {
  const auto draw_green = [](NjFrameMeta *frame) {
    test::add_object(frame, {10, 10, 40, 40})->rect_params.border_color = {0, 1, 0, 1};
  };
  const Drawn rgb(test::video_info(GST_VIDEO_FORMAT_BGRx, 64, 64), kOnlyBoxes, draw_green);
  CHECK(rgb.pixels->at(0, 11, 30) == 0);
  CHECK(rgb.pixels->at(1, 11, 30) == 255);
  CHECK(rgb.pixels->at(2, 11, 30) == 0);
  // BT.601, 16..235
  const Drawn yuv(test::video_info(GST_VIDEO_FORMAT_NV12, 64, 64), kOnlyBoxes, draw_green);
  CHECK(std::abs(yuv.pixels->at(0, 11, 30) - 145) <= 1);
  CHECK(std::abs(yuv.pixels->at(1, 11, 30) - 54) <= 1);
  CHECK(std::abs(yuv.pixels->at(2, 11, 30) - 34) <= 1);
}

TEST_CASE("zones of a module are drawn: regions filled and outlined, lines with the way in") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_RGB, 200, 100);
  const Describe zones = [](NjFrameMeta *frame) {
    const std::string text =
        R"({"zones":[{"name":"","type":"region","points":[[0.1,0.2],[0.4,0.2],[0.4,0.8],[0.1,0.8]]},)"
        R"({"name":"","type":"line","points":[[0.6,0.5],[0.9,0.5]]}]})";
    nj_frame_add_user_meta(frame, nj_acquire_module_meta(frame->batch_meta, 3, "zones", text.data(), text.size()));
  };
  const Drawn drawn(info, "display-text=false", zones);
  const auto blue = [&](int x, int y) { return drawn.pixels->at(2, x, y); };
  CHECK(blue(50, 50) > kGrey + 15);  // inside, lightly
  CHECK(blue(50, 50) < 120);
  CHECK(blue(20, 50) > 150);  // on the outline
  CHECK_FALSE(drawn.pixels->luma_changed(100, 50));
  CHECK(drawn.pixels->at(0, 130, 50) > 200);   // the line
  CHECK(drawn.pixels->luma_changed(150, 53));  // the arrow, to the right of the line: down
  CHECK_FALSE(drawn.pixels->luma_changed(150, 46));
  const Drawn without(info, "display-zones=false", zones);
  CHECK_FALSE(without.pixels->luma_changed(50, 50));
}

TEST_CASE("zones that make no sense are left out") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_RGB, 64, 64);
  for (const char *text : {R"({"zones":[{"type":"line","points":[[0,0],[7,1]]}]})", R"({"zones":[1,"a",null]})",
                           R"({"zones":[{"type":"region","points":[[0,0],[1,1]]}]})", R"({"zones":7})", "{\"zones\":[",
                           R"({"zones":[{"type":"region","points":[[0],[1],[2]]}]})", "\x01\x02"}) {
    CAPTURE(text);
    const Drawn drawn(info, "", [=](NjFrameMeta *frame) {
      nj_frame_add_user_meta(frame, nj_acquire_module_meta(frame->batch_meta, 3, "zones", text, strlen(text)));
    });
    for (int y = 0; y < 64; y += 3)
      for (int x = 0; x < 64; x += 3) CHECK_FALSE(drawn.pixels->luma_changed(x, y));
  }
}

TEST_CASE("the default colour stands for one by class") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_RGB, 64, 64);
  const auto color = [&](int class_id) {
    const Drawn drawn(info, kOnlyBoxes, [=](NjFrameMeta *frame) {
      test::add_object(frame, {10, 10, 40, 40}, nullptr, class_id);
    });
    return std::vector<int>{drawn.pixels->at(0, 11, 30), drawn.pixels->at(1, 11, 30), drawn.pixels->at(2, 11, 30)};
  };
  CHECK(color(1) == color(1));
  CHECK(color(1) != color(2));
  CHECK(color(70000) == color(70000));
}

TEST_CASE("a rotated box is drawn through its corners") {
  constexpr double kAngle = 30 * 3.14159265358979 / 180;
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_GRAY8, 200, 200);
  const Drawn drawn(info, kOnlyBoxes, [](NjFrameMeta *frame) {
    test::add_object(frame, {60, 80, 80, 40})->rect_params.rotation_angle = 30;
  });
  // Two pixels inside each corner, clockwise on screen about (100, 100).
  for (const auto &[dx, dy] : {std::pair(-38, -18), {38, -18}, {38, 18}, {-38, 18}}) {
    const int x = static_cast<int>(std::floor(100 + dx * std::cos(kAngle) - dy * std::sin(kAngle)));
    const int y = static_cast<int>(std::floor(100 + dx * std::sin(kAngle) + dy * std::cos(kAngle)));
    CHECK(drawn.pixels->luma_changed(x, y));
  }
  CHECK_FALSE(drawn.pixels->luma_changed(100, 100));
  CHECK_FALSE(drawn.pixels->luma_changed(62, 82));  // a corner of the un-rotated box
}

TEST_CASE("boxes over the edge, far outside, empty or not a number do no harm") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_I420, 33, 31);
  const Drawn drawn(info, "", [](NjFrameMeta *frame) {
    test::add_object(frame, {-20, -20, 100, 100}, "around");
    test::add_object(frame, {20, 20, 500, 500}, "over the edge");
    test::add_object(frame, {-1e9f, 1e9f, 1e9f, 1e9f}, "far");
    test::add_object(frame, {5, 5, 0, -3}, "empty");
    test::add_object(frame, {NAN, 5, INFINITY, 3}, "not a number");
    test::add_object(frame, {5, 5, 10, 10}, "\xff\xfe")->rect_params.rotation_angle = 1e30f;
    test::add_object(frame, {5, 5, 10, 10})->rect_params.border_width = 100000;
  });
  CHECK(drawn.buffer != nullptr);
}

TEST_CASE("a picture that somebody else holds is not drawn into") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_NV12, 64, 64);
  Osd osd(info, kOnlyBoxes);
  GstBuffer *picture = test::picture(info, 0, kGrey);
  test::add_object(test::add_frame(nj_buffer_add_batch_meta(picture, 1), info, 0), {10, 10, 40, 40});
  SUBCASE("as a buffer") {
    GstBuffer *drawn = osd.draw(gst_buffer_ref(picture));
    CHECK(drawn != picture);
    CHECK(test::bytes_of(drawn) != test::bytes_of(picture));
    gst_buffer_unref(drawn);
  }
  SUBCASE("as memory") {
    GstBuffer *drawn = osd.draw(gst_buffer_copy(picture));
    CHECK(test::bytes_of(drawn) != test::bytes_of(picture));
    gst_buffer_unref(drawn);
  }
  CHECK(test::bytes_of(picture) == std::vector<uint8_t>(gst_buffer_get_size(picture), kGrey));
  gst_buffer_unref(picture);
}

TEST_CASE("a picture without objects passes uncopied, also when it is shared") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_NV12, 64, 64);
  Osd osd(info, "");
  GstBuffer *picture = test::picture(info, 0, kGrey);
  GstBuffer *same = osd.draw(gst_buffer_ref(picture));
  CHECK(same == picture);
  gst_buffer_unref(same);
  gst_buffer_unref(picture);
}

TEST_CASE("in a batch each picture is drawn into a copy of its own if need be") {
  const GstVideoInfo nv12 = test::video_info(GST_VIDEO_FORMAT_NV12, 64, 64),
                     rgb = test::video_info(GST_VIDEO_FORMAT_RGB, 32, 32);
  GstHarness *harness = gst_harness_new_parse(("njosd " + std::string(kOnlyBoxes)).c_str());
  gst_harness_set_caps_str(harness, test::kBatchCaps, test::kBatchCaps);
  GstBuffer *reference = test::picture(nv12, 0, kGrey);  // as a decoder keeps it
  GstBuffer *batch = gst_buffer_new();
  NjBatchMeta *meta = nj_buffer_add_batch_meta(batch, 3);
  test::add_object(test::add_frame(meta, nv12, 0, gst_buffer_ref(reference)), {10, 10, 40, 40});
  test::add_object(test::add_frame(meta, rgb, 1, test::picture(rgb, 0, kGrey)), {4, 4, 20, 20});
  test::add_frame(meta, nv12, 2, gst_buffer_ref(reference));
  GstBuffer *alone = nj_batch_nth_frame(meta, 1)->buffer;
  REQUIRE(gst_harness_push(harness, batch) == GST_FLOW_OK);
  GstBuffer *drawn = gst_harness_pull(harness);
  meta = nj_buffer_get_batch_meta(drawn);
  CHECK(test::bytes_of(nj_batch_nth_frame(meta, 0)->buffer) != test::bytes_of(reference));
  CHECK(nj_batch_nth_frame(meta, 1)->buffer == alone);
  CHECK(test::bytes_of(alone) != std::vector<uint8_t>(gst_buffer_get_size(alone), kGrey));
  CHECK(nj_batch_nth_frame(meta, 2)->buffer == reference);
  CHECK(test::bytes_of(reference) == std::vector<uint8_t>(gst_buffer_get_size(reference), kGrey));
  gst_buffer_unref(drawn);
  gst_buffer_unref(reference);
  gst_harness_teardown(harness);
}

TEST_CASE("each display property turns its drawing off") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_GRAY8, 320, 240);
  const auto describe = [](NjFrameMeta *frame) {
    NjObjectMeta *object = test::add_object(frame, {100, 100, 80, 80}, "person");
    object->mask_params.data = static_cast<gfloat *>(g_malloc(sizeof(gfloat)));
    *object->mask_params.data = 1;
    object->mask_params.size = sizeof(gfloat);
    object->mask_params.width = object->mask_params.height = 1;
    object->mask_params.threshold = 0.5f;
    object->num_keypoints = 1;
    object->keypoints = g_new(NjKeypoint, 1);
    object->keypoints[0] = {150, 120, 1};
  };
  struct Part {
    const char *property;
    int x, y;  // a pixel that only this part changes
  };
  for (const Part &part : {Part{"display-bbox", 101, 140}, Part{"display-mask", 120, 150},
                           Part{"display-keypoints", 150, 120}, Part{"display-text", 103, 90}}) {
    CAPTURE(part.property);
    const std::string others = std::string(part.property) == "display-mask" ? "" : "display-mask=false ";
    CHECK(Drawn(info, others, describe).pixels->luma_changed(part.x, part.y));
    CHECK_FALSE(Drawn(info, "display-mask=false " + std::string(part.property) + "=false", describe)
                    .pixels->luma_changed(part.x, part.y));
  }
}

TEST_CASE("a tracked object leaves a trail that ends with its source") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_GRAY8, 320, 240);
  Osd osd(info, "display-text=false display-bbox=false");
  const auto at = [](float left) {
    return [left](NjFrameMeta *frame) {
      NjObjectMeta *object = test::add_object(frame, {left, 50, 20, 50});
      object->object_id = 7;
      object->track_state = NJ_TRACK_ACTIVE;
    };
  };
  gst_buffer_unref(osd.draw(at(50)));
  GstBuffer *drawn = osd.draw(at(150));
  const Mapped pixels(drawn, info);
  CHECK(pixels.luma_changed(150, 100));  // on the way from (60, 100) to (160, 100)
  CHECK_FALSE(pixels.luma_changed(150, 60));
  CHECK_FALSE(pixels.luma_changed(180, 100));
  gst_buffer_unref(drawn);
}

TEST_CASE("padded rows are asked for only where they can be read further on") {
  GstHarness *harness = gst_harness_new_parse("njosd");
  const char *caps_text = "video/x-raw, format=RGB, width=64, height=64, framerate=25/1";
  const auto takes_padding = [&] {
    GstCaps *caps = gst_caps_from_string(caps_text);
    GstQuery *query = gst_query_new_allocation(caps, FALSE);
    gst_pad_peer_query(harness->srcpad, query);
    const bool takes = gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    gst_query_unref(query);
    gst_caps_unref(caps);
    return takes;
  };
  SUBCASE("not where only the caps are known") {
    gst_harness_set_caps_str(harness, caps_text, caps_text);
    CHECK_FALSE(takes_padding());
  }
  SUBCASE("where GstVideoMeta is") {
    gst_harness_add_propose_allocation_meta(harness, GST_VIDEO_META_API_TYPE, nullptr);
    gst_harness_set_caps_str(harness, caps_text, caps_text);
    CHECK(takes_padding());
  }
  gst_harness_teardown(harness);
}

TEST_CASE("the clock is drawn without any metadata") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_NV12, 320, 64);
  Osd osd(info, "display-clock=true x-clock-offset=10 y-clock-offset=20");
  GstBuffer *drawn = osd.draw(test::picture(info, 0, kGrey));
  CHECK(test::bytes_of(drawn) != std::vector<uint8_t>(gst_buffer_get_size(drawn), kGrey));
  gst_buffer_unref(drawn);
}

// The list that painters on a GPU work from, against the painter of the processor: drawn here quad by quad with the
// very functions that the kernel calls.
#include <cstdlib>

#include "metadata/main.h"
#include "plugin/osd/drawn_things.h"
#include "plugin/osd/painter.h"
#include "plugin/osd/recording_canvas.h"

using namespace nj::osd;

namespace {

constexpr GstVideoFormat kFormats[] = {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_RGBA,
                                       GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_GRAY8,
                                       GST_VIDEO_FORMAT_YUY2};

class Picture {
 public:
  explicit Picture(const GstVideoInfo &info) : buffer_(test::noisy_picture(info)) {
    REQUIRE(gst_video_frame_map(&frame, &info, buffer_, GST_MAP_READWRITE));
  }
  ~Picture() {
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer_);
  }
  std::vector<uint8_t> bytes() { return test::bytes_of(buffer_); }
  GstVideoFrame frame;

 private:
  GstBuffer *buffer_;
};

void draw_here(const DrawList &list) {
  for (const DrawPicture &picture : list.pictures)
    for (int y = 0; y < picture.height; y += 2)
      for (int x = 0; x < picture.width; x += 2) {
        Quad quad;
        load_quad(picture, x, y, &quad);
        for (uint32_t i = 0; i < picture.count; ++i)
          draw_on_quad(picture, list.commands[picture.first + i], list.items.data(), x, y, &quad);
        store_quad(picture, x, y, quad);
      }
}

int largest_difference(const std::vector<uint8_t> &a, const std::vector<uint8_t> &b) {
  int most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("the list draws what the canvas draws, in every kind of format, odd sizes too") {
  for (const GstVideoFormat format : kFormats)
    for (const auto &[width, height] : {std::pair(320, 240), {161, 119}}) {
      CAPTURE(gst_video_format_to_string(format));
      CAPTURE(width);
      const GstVideoInfo info = test::video_info(format, width, height);
      GstBuffer *holder = gst_buffer_new();
      NjFrameMeta *frame = test::add_frame(nj_buffer_add_batch_meta(holder, 1), info, 0);
      test::add_everything(frame);
      Painter painter;
      Picture canvas(info), list_drawn(info);
      const std::vector<uint8_t> before = canvas.bytes();
      FrameCanvas direct(&canvas.frame);
      painter.paint(&direct, frame, {});
      DrawList list;
      RecordingCanvas recording(list_drawn.frame, &list);
      painter.paint(&recording, frame, {});
      draw_here(list);
      CHECK(largest_difference(canvas.bytes(), before) > 100);
      // A level of coverage where a polygon's side is summed in another order.
      CHECK(largest_difference(canvas.bytes(), list_drawn.bytes()) <= 1);
      gst_buffer_unref(holder);
    }
}

TEST_CASE("commands stay within the picture, and nothing is recorded of what is outside") {
  const GstVideoInfo info = test::video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
  Picture picture(info);
  DrawList list;
  RecordingCanvas canvas(picture.frame, &list);
  canvas.paint(Rect({-100, -100, 500, 500, 2}), {1, 0, 0, 1});
  canvas.paint(Rect({64, 0, 80, 10, 2}), {1, 0, 0, 1});
  canvas.paint(Rect({0, 0, 10, 10, 0}), {1, 0, 0, 0});
  REQUIRE(list.commands.size() == 1);
  CHECK(list.commands[0].left == 0);
  CHECK(list.commands[0].right == 64);
  CHECK(list.commands[0].bottom == 48);
  CHECK(list.pictures[0].count == 1);
}

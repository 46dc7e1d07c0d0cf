#include "canvas.h"

#include <algorithm>
#include <cmath>

#include "draw_list.h"

namespace nj::osd {
namespace {

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

struct Luma {
  double red, blue;  // their weights; green has the rest
};

Luma luma_of(const GstVideoInfo &info) {
  Luma luma{0.299, 0.114};
  gst_video_color_matrix_get_Kr_Kb(info.colorimetry.matrix, &luma.red, &luma.blue);
  return luma;
}

}  // namespace

Components components_of(const Ink &ink, const GstVideoInfo &info) {
  std::array<double, 3> value{ink.red, ink.green, ink.blue};
  if (!GST_VIDEO_INFO_IS_RGB(&info)) {
    const Luma luma = luma_of(info);
    const double y = luma.red * ink.red + (1 - luma.red - luma.blue) * ink.green + luma.blue * ink.blue;
    value = {y, (ink.blue - y) / (2 * (1 - luma.blue)), (ink.red - y) / (2 * (1 - luma.red))};
  }
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
  gst_video_color_range_offsets(info.colorimetry.range, info.finfo, offset, scale);
  Components components{0, 0, 0, 255};
  for (size_t i = 0; i < value.size(); ++i) components[i] = to_byte(offset[i] + value[i] * scale[i]);
  return components;
}

unsigned opacity_of(const Ink &ink) {
  return static_cast<unsigned>(std::lround(std::clamp(ink.alpha, 0.0, 1.0) * 255));
}

FrameCanvas::FrameCanvas(GstVideoFrame *frame)
    : Canvas(GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame)), frame_(frame) {
  for (auto &row : rows_) row.resize(static_cast<size_t>(width()) + 2);
}

void FrameCanvas::cover_row(const Shape &shape, const Ink &ink, int y, Span columns, uint8_t *row) const {
  const int count = columns.right - columns.left;
  shape.cover(y, columns.left, count, row);
  const unsigned opacity = opacity_of(ink);
  if (opacity < 255)
    for (int i = 0; i < count; ++i) row[i] = with_opacity(row[i], opacity);
  row[count] = row[count - 1];  // the missing half of the last pair where the width is odd
}

void FrameCanvas::paint(const Shape &shape, const Ink &ink) {
  if (ink.alpha <= 0) return;
  const Components target = components_of(ink, frame_->info);
  const Span rows = shape.rows();
  // Pairs of rows and columns, as chroma has them.
  for (int y = std::max(rows.left, 0) & ~1; y < std::min(rows.right, height()); y += 2) {
    Span columns = shape.columns(y, 2);
    columns = {std::max(columns.left, 0) & ~1, std::min(columns.right + (columns.right & 1), width())};
    if (columns.right <= columns.left) continue;
    cover_row(shape, ink, y, columns, rows_[0].data());
    if (y + 1 < height())
      cover_row(shape, ink, y + 1, columns, rows_[1].data());
    else
      rows_[1] = rows_[0];
    blend_rows(y, columns, target);
  }
}

void FrameCanvas::blend_rows(int y, Span columns, const Components &target) {
  const int count = std::min<int>(GST_VIDEO_FRAME_N_COMPONENTS(frame_), static_cast<int>(target.size()));
  for (int component = 0; component < count; ++component) blend_component(component, y, columns, target[component]);
}

void FrameCanvas::blend_component(int component, int y, Span columns, uint8_t target) {
  const GstVideoFormatInfo *format = frame_->info.finfo;
  const int sub_x = GST_VIDEO_FORMAT_INFO_W_SUB(format, component),
            sub_y = GST_VIDEO_FORMAT_INFO_H_SUB(format, component);
  const int step = GST_VIDEO_FRAME_COMP_PSTRIDE(frame_, component),
            stride = GST_VIDEO_FRAME_COMP_STRIDE(frame_, component);
  auto *data = static_cast<uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(frame_, component)) + (columns.left >> sub_x) * step;
  const int count = (columns.right - columns.left + sub_x) >> sub_x;
  const int lines = sub_y ? 1 : std::min(2, height() - y);
  for (int line = 0; line < lines; ++line) {
    uint8_t *sample = data + static_cast<ptrdiff_t>((y >> sub_y) + line) * stride;
    const uint8_t *upper = rows_[line].data(), *lower = sub_y ? rows_[1].data() : upper;
    for (int i = 0; i < count; ++i, sample += step) {
      const int at = i << sub_x, next = at + sub_x;
      const unsigned alpha = sub_x || sub_y ? (upper[at] + upper[next] + lower[at] + lower[next] + 2u) / 4 : upper[at];
      if (alpha) *sample = blended(*sample, target, alpha);
    }
  }
}

}  // namespace nj::osd

#include "recording_canvas.h"

#include <algorithm>
#include <cstring>

namespace nj::osd {
namespace {

constexpr size_t kAlign = 16;  // of a shape's items

DrawPicture picture_of(const GstVideoFrame &frame) {
  const GstVideoFormatInfo *format = frame.info.finfo;
  DrawPicture picture{};
  picture.width = GST_VIDEO_FRAME_WIDTH(&frame);
  picture.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  picture.components = std::min<uint32_t>(GST_VIDEO_FRAME_N_COMPONENTS(&frame), std::size(picture.component));
  for (uint32_t i = 0; i < picture.components; ++i)
    picture.component[i] = {static_cast<uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, i)),
                            GST_VIDEO_FRAME_COMP_STRIDE(&frame, i), GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, i),
                            static_cast<uint32_t>(GST_VIDEO_FORMAT_INFO_W_SUB(format, i)),
                            static_cast<uint32_t>(GST_VIDEO_FORMAT_INFO_H_SUB(format, i))};
  return picture;
}

size_t add_items(const ShapeData &data, std::vector<uint8_t> *items) {
  const size_t at = (items->size() + kAlign - 1) / kAlign * kAlign;
  items->resize(at + data.bytes);
  if (data.bytes) std::memcpy(items->data() + at, data.items, data.bytes);
  return at;
}

}  // namespace

void DrawList::clear() {
  pictures.clear();
  commands.clear();
  items.clear();
}

RecordingCanvas::RecordingCanvas(const GstVideoFrame &frame, DrawList *list)
    : Canvas(GST_VIDEO_FRAME_WIDTH(&frame), GST_VIDEO_FRAME_HEIGHT(&frame)), info_(frame.info), list_(list) {
  list_->pictures.push_back(picture_of(frame));
  list_->pictures.back().first = static_cast<uint32_t>(list_->commands.size());
}

void RecordingCanvas::paint(const Shape &shape, const Ink &ink) {
  const unsigned opacity = opacity_of(ink);
  const Span rows = shape.rows();
  const Span columns = shape.columns(rows.left, rows.right - rows.left);
  DrawCommand command{};
  command.left = std::max(columns.left, 0);
  command.top = std::max(rows.left, 0);
  command.right = std::min(columns.right, width());
  command.bottom = std::min(rows.right, height());
  if (opacity == 0 || command.right <= command.left || command.bottom <= command.top) return;
  const ShapeData data = shape.data();
  const Components target = components_of(ink, info_);
  command.kind = data.kind;
  command.opacity = opacity;
  std::copy(target.begin(), target.end(), command.target);
  command.count = data.count;
  command.items = add_items(data, &list_->items);
  command.shape = data.geometry;
  list_->commands.push_back(command);
  list_->pictures.back().count++;
}

}  // namespace nj::osd

// Collects what is drawn into the pictures of a batch as a DrawList, instead of drawing it.
#pragma once

#include <vector>

#include "canvas.h"
#include "draw_list.h"

namespace nj::osd {

struct DrawList {
  std::vector<DrawPicture> pictures;
  std::vector<DrawCommand> commands;  // those of a picture side by side, in the order of drawing
  std::vector<uint8_t> items;

  void clear();
};

class RecordingCanvas : public Canvas {
 public:
  // Begins another picture of the list. `frame`: its format, and where its planes lie, wherever that is; not read.
  RecordingCanvas(const GstVideoFrame &frame, DrawList *list);
  void paint(const Shape &shape, const Ink &ink) override;

 private:
  const GstVideoInfo info_;
  DrawList *const list_;
};

}  // namespace nj::osd

// Draws the metadata of one frame: zones, masks, trails, boxes, keypoints, labels, clock.
#pragma once

#include <string>

#include "../../metadata/nj_meta.h"
#include "canvas.h"
#include "label.h"
#include "trails.h"

namespace nj::osd {

struct ClockStyle {
  std::string font = "Serif";
  unsigned font_size = 12;      // points at 96 dpi
  unsigned x = 0, y = 0;        // pixels of the frame
  uint32_t color = 0xFFFFFFFF;  // RGBA, red in the highest byte
};

struct Style {
  bool boxes = true, text = true, masks = true, keypoints = true, trails = true, zones = true, clock = false;
  ClockStyle clock_style;
};

class Painter {
 public:
  // Whether paint() would change a pixel. Both may be called without metadata (nullptr).
  bool has_work(const NjFrameMeta *frame, const Style &style) const;
  // To be called once for each frame that is to be painted, after trails().update().
  void paint(Canvas *canvas, const NjFrameMeta *frame, const Style &style);

  Trails &trails() { return trails_; }

 private:
  void paint_trail(Canvas *canvas, const NjFrameMeta *frame, const NjObjectMeta *object);
  void paint_label(Canvas *canvas, const NjObjectMeta *object);
  void paint_clock(Canvas *canvas, const ClockStyle &style);

  TextCache texts_;
  Trails trails_;
};

}  // namespace nj::osd

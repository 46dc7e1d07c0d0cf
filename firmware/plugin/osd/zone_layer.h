// Regions and lines with their counts, from what a module says about the frame (NJ_MODULE_META): JSON whose first
// member is "zones", as the zones module writes it (docs/reference/zones.md). Any module may write the same and is
// drawn.
#pragma once

#include <string>
#include <vector>

#include "../../metadata/nj_meta.h"
#include "canvas.h"
#include "label.h"

namespace nj::osd {

struct DrawnZone {
  std::vector<Point> points;  // shares of the picture, 0 to 1
  std::string text;           // name and counts
  bool is_line = false;
  bool is_crowded = false;
};

// Whether the frame has zones, without reading them.
bool has_zones(const NjFrameMeta *frame);
// Zones that are no zones (missing or impossible members) are left out; so is everything when the JSON is broken.
std::vector<DrawnZone> read_zones(const NjFrameMeta *frame);

// Areas and lines, to lie below everything else, and their texts, to lie above.
void paint_zones(Canvas *canvas, const std::vector<DrawnZone> &zones);
void paint_zone_texts(Canvas *canvas, TextCache *texts, const std::vector<DrawnZone> &zones);

}  // namespace nj::osd

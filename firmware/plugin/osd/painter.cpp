#include "painter.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "palette.h"
#include "zone_layer.h"

namespace nj::osd {
namespace {

constexpr unsigned kMaxBorder = 32;  // pixels, as nvdsosd
constexpr double kMaskOpacity = 0.4;
constexpr double kPredictedOpacity = 0.5;  // boxes that only the tracker sees
constexpr double kLabelOpacity = 0.85;
constexpr float kKeypointConfidence = 0.3f;  // less sure ones are not drawn
constexpr float kShortestTrail = 8;          // pixels between its ends; an object that stands has none
constexpr int kFullHdHeight = 1080;          // above, lines grow with the picture
constexpr int kSmallestTextLines = 50;       // text is at least 1/50 of the picture high

double scale_for(const Canvas &canvas) { return std::max(1.0, static_cast<double>(canvas.height()) / kFullHdHeight); }

int text_pixels(const Canvas &canvas, unsigned points) {
  const double pixels = (points ? points : 11) * 96.0 / 72;
  return static_cast<int>(std::lround(std::max(pixels, static_cast<double>(canvas.height()) / kSmallestTextLines)));
}

TurnedBox box_of(const NjObjectMeta *object) {
  const NjRectParams &rect = object->rect_params;
  return {rect.left, rect.top, rect.width, rect.height, rect.rotation_angle};
}

bool is_drawable(const NjObjectMeta *object) {
  const NjRectParams &rect = object->rect_params;
  return std::isfinite(rect.left + rect.top + rect.width + rect.height + rect.rotation_angle) && rect.width > 0 &&
         rect.height > 0 && std::abs(rect.left) < 1e6f && std::abs(rect.top) < 1e6f && rect.width < 1e6f &&
         rect.height < 1e6f;
}

bool is_tracked(const NjObjectMeta *object) {
  return object->object_id != NJ_UNTRACKED_OBJECT_ID && object->track_state != NJ_TRACK_NONE;
}

Ink faded(Ink ink, double opacity) {
  ink.alpha *= opacity;
  return ink;
}

template <class Visit>
void each_object(const NjFrameMeta *frame, Visit visit) {
  // Oldest first: what was found later lies on top.
  for (GList *l = g_list_last(frame->obj_meta_list); l; l = l->prev) {
    const auto *object = static_cast<const NjObjectMeta *>(l->data);
    if (is_drawable(object)) visit(object);
  }
}

// ---- Boxes and masks

struct PixelBox {
  int left, top, right, bottom;
};

PixelBox pixels_of(const TurnedBox &box) {
  const auto round = [](float value) { return static_cast<int>(std::lround(value)); };
  const int left = round(box.left), top = round(box.top);
  return {left, top, std::max(round(box.left + box.width), left + 1), std::max(round(box.top + box.height), top + 1)};
}

void fill_box(Canvas *canvas, const TurnedBox &box, const Ink &ink) {
  if (!box.is_turned()) {
    const PixelBox pixels = pixels_of(box);
    canvas->paint(Rect({pixels.left, pixels.top, pixels.right, pixels.bottom, 0}), ink);
    return;
  }
  const float full = 1;
  canvas->paint(GridMask(box, &full, 1, 1, 0.5f), ink);
}

void stroke_box(Canvas *canvas, const TurnedBox &box, unsigned border, const Ink &ink) {
  if (border == 0) return;
  const auto width = static_cast<int>(std::lround(std::min(border, kMaxBorder) * scale_for(*canvas)));
  if (!box.is_turned()) {
    const PixelBox pixels = pixels_of(box);
    canvas->paint(Rect({pixels.left, pixels.top, pixels.right, pixels.bottom, width}), ink);
    return;
  }
  Strokes strokes;
  strokes.add_closed(box.corners(static_cast<float>(width) / 2), static_cast<float>(width));
  canvas->paint(strokes, ink);
}

void paint_box(Canvas *canvas, const NjObjectMeta *object) {
  const NjRectParams &rect = object->rect_params;
  const TurnedBox box = box_of(object);
  if (rect.has_bg_color) fill_box(canvas, box, to_ink(rect.bg_color));
  const double opacity = object->track_state == NJ_TRACK_PREDICTED ? kPredictedOpacity : 1;
  stroke_box(canvas, box, rect.border_width, faded(color_of(object), opacity));
}

bool has_mask(const NjObjectMeta *object) {
  const NjMaskParams &mask = object->mask_params;
  return mask.data && mask.width && mask.height &&
         mask.size >= static_cast<gsize>(mask.width) * mask.height * sizeof(gfloat);
}

void paint_mask(Canvas *canvas, const NjObjectMeta *object) {
  if (!has_mask(object)) return;
  const NjMaskParams &mask = object->mask_params;
  canvas->paint(GridMask(box_of(object), mask.data, mask.width, mask.height, mask.threshold),
                faded(color_of(object), kMaskOpacity));
}

// ---- Keypoints

// The bones between the 17 keypoints of a person, as the COCO data set counts them.
constexpr unsigned kPersonKeypoints = 17;
constexpr unsigned kBones[][2] = {{0, 1},  {0, 2},  {1, 3},  {2, 4},   {5, 6},   {5, 7},   {7, 9},   {6, 8},
                                  {8, 10}, {5, 11}, {6, 12}, {11, 12}, {11, 13}, {13, 15}, {12, 14}, {14, 16}};

void paint_keypoints(Canvas *canvas, const NjObjectMeta *object) {
  const auto scale = static_cast<float>(scale_for(*canvas));
  const auto seen = [object](unsigned i) { return object->keypoints[i].confidence >= kKeypointConfidence; };
  const auto at = [object](unsigned i) { return Point{object->keypoints[i].x, object->keypoints[i].y}; };
  Strokes bones, joints, cores;
  if (object->num_keypoints == kPersonKeypoints)
    for (const auto &bone : kBones)
      if (seen(bone[0]) && seen(bone[1])) bones.add(at(bone[0]), at(bone[1]), 2 * scale);
  for (unsigned i = 0; i < object->num_keypoints; ++i)
    if (seen(i)) {
      joints.add(at(i), at(i), 7 * scale);
      cores.add(at(i), at(i), 3 * scale);
    }
  const Ink ink = color_of(object);
  canvas->paint(bones, ink);
  canvas->paint(joints, ink);
  canvas->paint(cores, {1, 1, 1, 1});
}

}  // namespace

bool Painter::has_work(const NjFrameMeta *frame, const Style &style) const {
  if (style.clock || (style.zones && has_zones(frame))) return true;
  const bool any = style.boxes || style.text || style.masks || style.keypoints || style.trails;
  return any && frame && frame->obj_meta_list;
}

void Painter::paint(Canvas *canvas, const NjFrameMeta *frame, const Style &style) {
  if (frame) {
    const std::vector<DrawnZone> zones = style.zones ? read_zones(frame) : std::vector<DrawnZone>();
    paint_zones(canvas, zones);
    if (style.masks) each_object(frame, [&](const NjObjectMeta *object) { paint_mask(canvas, object); });
    if (style.trails) each_object(frame, [&](const NjObjectMeta *object) { paint_trail(canvas, frame, object); });
    if (style.boxes) each_object(frame, [&](const NjObjectMeta *object) { paint_box(canvas, object); });
    if (style.keypoints) each_object(frame, [&](const NjObjectMeta *object) { paint_keypoints(canvas, object); });
    if (style.text) each_object(frame, [&](const NjObjectMeta *object) { paint_label(canvas, object); });
    paint_zone_texts(canvas, &texts_, zones);
  }
  if (style.clock) paint_clock(canvas, style.clock_style);
}

void Painter::paint_trail(Canvas *canvas, const NjFrameMeta *frame, const NjObjectMeta *object) {
  const std::deque<Point> *points = is_tracked(object) ? trails_.find(frame->source_id, object->object_id) : nullptr;
  if (!points || points->size() < 2) return;
  if (std::hypot(points->back().x - points->front().x, points->back().y - points->front().y) < kShortestTrail) return;
  const auto thickness = static_cast<float>(2.5 * scale_for(*canvas));
  const auto last = static_cast<float>(points->size() - 1);
  Strokes strokes;  // fades towards the oldest point
  for (size_t i = 1; i < points->size(); ++i)
    strokes.add((*points)[i - 1], (*points)[i], thickness, static_cast<float>(i - 1) / last,
                static_cast<float>(i) / last);
  canvas->paint(strokes, color_of(object));
}

void Painter::paint_label(Canvas *canvas, const NjObjectMeta *object) {
  const NjTextParams &params = object->text_params;
  const char *text = params.display_text ? params.display_text : object->obj_label;
  if (!text || !*text) return;
  const int size = text_pixels(*canvas, params.font_size);
  const TextBitmap &bitmap = texts_.render(text, params.font_name ? params.font_name : "Sans", size);
  if (bitmap.coverage.empty()) return;
  const int margin = std::max(3, size / 3), edge = std::max(1, size / 10);
  const int width = bitmap.width + 2 * margin, height = bitmap.height + 2 * edge;

  const TurnedBox box = box_of(object);
  const std::vector<Point> corners = box.corners();
  const auto highest = std::min_element(corners.begin(), corners.end(), [](Point a, Point b) { return a.y < b.y; });
  const auto anchor_x = static_cast<int>(std::lround(box.is_turned() ? highest->x : box.left));
  const auto anchor_y = static_cast<int>(std::lround(highest->y));
  const int left = std::clamp(anchor_x, 0, std::max(0, canvas->width() - width));
  // Above the box; where there is no room, inside it at the top.
  const int top =
      std::clamp(anchor_y >= height ? anchor_y - height : anchor_y, 0, std::max(0, canvas->height() - height));

  const Ink background = label_background(object);
  const auto f = [](int value) { return static_cast<float>(value); };
  canvas->paint(RoundedRect({f(left), f(top), f(left + width), f(top + height), f(height) / 6}),
                faded(background, kLabelOpacity));
  canvas->paint(Stencil(bitmap.coverage.data(), {left + margin, top + edge, bitmap.width, bitmap.height}),
                label_ink(object, background));
}

void Painter::paint_clock(Canvas *canvas, const ClockStyle &style) {
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  const TextBitmap &bitmap =
      texts_.render(text, style.font, static_cast<int>(std::lround(style.font_size * 96.0 / 72)));
  const auto byte = [&](int shift) { return ((style.color >> shift) & 0xFF) / 255.0; };
  const Ink ink{byte(24), byte(16), byte(8), byte(0)};
  const auto x = static_cast<int>(std::min(style.x, 100000u)), y = static_cast<int>(std::min(style.y, 100000u));
  // A shadow, so that it can be read on any picture.
  canvas->paint(Stencil(bitmap.coverage.data(), {x + 1, y + 1, bitmap.width, bitmap.height}),
                faded(contrast_to(ink), 0.7));
  canvas->paint(Stencil(bitmap.coverage.data(), {x, y, bitmap.width, bitmap.height}), ink);
}

}  // namespace nj::osd

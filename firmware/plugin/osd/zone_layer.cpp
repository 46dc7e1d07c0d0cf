#include "zone_layer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "palette.h"
#include "polygon.h"

namespace nj::osd {
namespace {

using Parsed = nlohmann::json;

constexpr std::string_view kBeginning = "{\"zones\":";
constexpr size_t kMaxZones = 256;
constexpr size_t kMaxPoints = 256;
constexpr Ink kRegion{0.1, 0.75, 0.95, 1}, kLine{1, 0.8, 0.1, 1}, kCrowded{0.95, 0.3, 0.2, 1};
constexpr double kFillOpacity = 0.16, kLabelOpacity = 0.85;
constexpr int kFullHdHeight = 1080;     // above, lines grow with the picture
constexpr int kSmallestTextLines = 50;  // text is at least 1/50 of the picture high
constexpr float kArrow = 0.035f;        // length of the arrow that shows the direction "in", in heights of the picture

std::string_view text_of(const NjModuleMeta *meta) { return {reinterpret_cast<const char *>(meta->data), meta->bytes}; }

template <class Visit>
void each_text(const NjFrameMeta *frame, Visit visit) {
  for (const GList *l = frame->frame_user_meta_list; l; l = l->next) {
    const auto *user = static_cast<const NjUserMeta *>(l->data);
    if (user->meta_type != NJ_MODULE_META) continue;
    const std::string_view text = text_of(static_cast<const NjModuleMeta *>(user->user_meta_data));
    if (text.substr(0, kBeginning.size()) == kBeginning) visit(text);
  }
}

std::vector<Point> points_of(const Parsed &zone) {
  std::vector<Point> points;
  const auto found = zone.find("points");
  if (found == zone.end() || !found->is_array() || found->size() > kMaxPoints) return points;
  for (const Parsed &point : *found) {
    if (!point.is_array() || point.size() != 2 || !point[0].is_number() || !point[1].is_number()) return {};
    const Point at{point[0].get<float>(), point[1].get<float>()};
    if (!(at.x >= 0 && at.x <= 1 && at.y >= 0 && at.y <= 1)) return {};
    points.push_back(at);
  }
  return points;
}

std::string word_of(const Parsed &zone, const char *name) {
  const auto found = zone.find(name);
  return found != zone.end() && found->is_string() ? found->get<std::string>() : "";
}

// "  in 3", or nothing when the module does not count it.
std::string count_text(const Parsed &zone, const char *name) {
  const auto found = zone.find(name);
  if (found == zone.end() || !found->is_number_unsigned()) return "";
  return std::string("  ") + name + " " + std::to_string(found->get<uint64_t>());
}

DrawnZone zone_of(const Parsed &json) {
  DrawnZone zone;
  zone.points = points_of(json);
  zone.is_line = word_of(json, "type") == "line";
  const auto crowded = json.find("crowded");
  zone.is_crowded = crowded != json.end() && crowded->is_boolean() && crowded->get<bool>();
  const std::string counts = zone.is_line ? count_text(json, "in") + count_text(json, "out")
                                          : count_text(json, "now") + count_text(json, "in");
  zone.text = word_of(json, "name") + counts;
  return zone;
}

bool is_drawable(const DrawnZone &zone) { return zone.points.size() >= (zone.is_line ? 2u : 3u); }

Ink ink_of(const DrawnZone &zone) {
  if (zone.is_line) return kLine;
  return zone.is_crowded ? kCrowded : kRegion;
}

float scale_for(const Canvas &canvas) {
  return std::max(1.f, static_cast<float>(canvas.height()) / static_cast<float>(kFullHdHeight));
}

std::vector<Point> pixels_of(const DrawnZone &zone, const Canvas &canvas) {
  std::vector<Point> pixels;
  for (const Point &point : zone.points)
    pixels.push_back({point.x * static_cast<float>(canvas.width()), point.y * static_cast<float>(canvas.height())});
  return pixels;
}

// From the middle of the line to its right, seen from the first point to the last: the way in.
void add_arrow(Strokes *strokes, const std::vector<Point> &line, const Canvas &canvas, float thickness) {
  const size_t last = line.size() / 2;
  const Point from = line[last - 1], to = line[last];
  const float length = std::hypot(to.x - from.x, to.y - from.y);
  if (length < 1) return;
  const float reach = kArrow * static_cast<float>(canvas.height());
  const Point along{(to.x - from.x) / length, (to.y - from.y) / length}, right{-along.y, along.x};
  const Point middle{(from.x + to.x) / 2, (from.y + to.y) / 2};
  const Point tip{middle.x + right.x * reach, middle.y + right.y * reach};
  strokes->add(middle, tip, thickness);
  for (const float side : {-1.f, 1.f})
    strokes->add(tip,
                 {tip.x + (along.x * side - right.x) * reach * 0.4f, tip.y + (along.y * side - right.y) * reach * 0.4f},
                 thickness);
}

void paint_outline(Canvas *canvas, const DrawnZone &zone, const std::vector<Point> &points, const Ink &ink) {
  const float thickness = (zone.is_line ? 4.f : 2.f) * scale_for(*canvas);
  Strokes strokes;
  for (size_t i = 1; i < points.size(); ++i) strokes.add(points[i - 1], points[i], thickness);
  if (zone.is_line)
    add_arrow(&strokes, points, *canvas, thickness);
  else
    strokes.add(points.back(), points.front(), thickness);
  canvas->paint(strokes, ink);
}

// Above the left end of a line, in the middle of a region.
Point corner_of_text(const DrawnZone &zone, const std::vector<Point> &points, int width, int height) {
  if (zone.is_line) {
    const auto leftmost = std::min_element(points.begin(), points.end(), [](Point a, Point b) { return a.x < b.x; });
    return {leftmost->x, leftmost->y - static_cast<float>(height + 4)};
  }
  Point sum;
  for (const Point &point : points) sum = {sum.x + point.x, sum.y + point.y};
  const auto count = static_cast<float>(points.size());
  return {sum.x / count - static_cast<float>(width) / 2, sum.y / count - static_cast<float>(height) / 2};
}

void paint_text(Canvas *canvas, TextCache *texts, const DrawnZone &zone, const std::vector<Point> &points,
                const Ink &ink) {
  const int size = std::max(15, canvas->height() / kSmallestTextLines);
  const TextBitmap &bitmap = texts->render(zone.text, "Sans", size);
  if (bitmap.coverage.empty()) return;
  const int margin = std::max(3, size / 3), edge = std::max(1, size / 10);
  const int width = bitmap.width + 2 * margin, height = bitmap.height + 2 * edge;
  const Point corner = corner_of_text(zone, points, width, height);
  const int left = std::clamp(static_cast<int>(std::lround(corner.x)), 0, std::max(0, canvas->width() - width));
  const int top = std::clamp(static_cast<int>(std::lround(corner.y)), 0, std::max(0, canvas->height() - height));
  const auto f = [](int value) { return static_cast<float>(value); };
  Ink background = ink;
  background.alpha = kLabelOpacity;
  canvas->paint(RoundedRect({f(left), f(top), f(left + width), f(top + height), f(height) / 6}), background);
  canvas->paint(Stencil(bitmap.coverage.data(), {left + margin, top + edge, bitmap.width, bitmap.height}),
                contrast_to(ink));
}

}  // namespace

bool has_zones(const NjFrameMeta *frame) {
  bool found = false;
  if (frame) each_text(frame, [&](std::string_view) { found = true; });
  return found;
}

std::vector<DrawnZone> read_zones(const NjFrameMeta *frame) {
  std::vector<DrawnZone> zones;
  if (!frame) return zones;
  each_text(frame, [&](std::string_view text) {
    const Parsed document = Parsed::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!document.is_object()) return;
    const auto list = document.find("zones");
    if (list == document.end() || !list->is_array()) return;
    for (const Parsed &json : *list) {
      if (!json.is_object() || zones.size() >= kMaxZones) continue;
      DrawnZone zone = zone_of(json);
      if (is_drawable(zone)) zones.push_back(std::move(zone));
    }
  });
  return zones;
}

void paint_zones(Canvas *canvas, const std::vector<DrawnZone> &zones) {
  for (const DrawnZone &zone : zones) {
    const std::vector<Point> points = pixels_of(zone, *canvas);
    if (!zone.is_line) {
      Ink fill = ink_of(zone);
      fill.alpha = kFillOpacity;
      canvas->paint(Polygon(points), fill);
    }
    paint_outline(canvas, zone, points, ink_of(zone));
  }
}

void paint_zone_texts(Canvas *canvas, TextCache *texts, const std::vector<DrawnZone> &zones) {
  for (const DrawnZone &zone : zones) paint_text(canvas, texts, zone, pixels_of(zone, *canvas), ink_of(zone));
}

}  // namespace nj::osd

#include "label.h"

#include <cairo.h>
#include <glib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

namespace nj::osd {
namespace {

// Labels with ids and clocks go on changing; at this many texts the cache starts afresh.
constexpr size_t kMaxTexts = 512;
constexpr int kMaxWidth = 4096;  // pixels

struct CairoFree {
  void operator()(cairo_t *context) const { cairo_destroy(context); }
  void operator()(cairo_surface_t *surface) const { cairo_surface_destroy(surface); }
};
using Surface = std::unique_ptr<cairo_surface_t, CairoFree>;
using Context = std::unique_ptr<cairo_t, CairoFree>;

Context context_on(const Surface &surface, const std::string &font, int pixels) {
  Context context(cairo_create(surface.get()));
  cairo_select_font_face(context.get(), font.c_str(), CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
  cairo_set_font_size(context.get(), pixels);
  return context;
}

Surface surface_of(int width, int height) {
  return Surface(cairo_image_surface_create(CAIRO_FORMAT_A8, width, height));
}

TextBitmap bitmap_of(cairo_surface_t *surface) {
  cairo_surface_flush(surface);
  TextBitmap bitmap;
  bitmap.width = cairo_image_surface_get_width(surface);
  bitmap.height = cairo_image_surface_get_height(surface);
  const int stride = cairo_image_surface_get_stride(surface);
  const unsigned char *data = cairo_image_surface_get_data(surface);
  for (int y = 0; data && y < bitmap.height; ++y)
    bitmap.coverage.insert(bitmap.coverage.end(), data + y * stride, data + y * stride + bitmap.width);
  return bitmap;
}

TextBitmap draw(const std::string &text, const std::string &font, int pixels) {
  if (text.empty() || !g_utf8_validate(text.c_str(), -1, nullptr)) return {};
  cairo_font_extents_t line;
  cairo_text_extents_t extents;
  const Context measure = context_on(surface_of(1, 1), font, pixels);
  cairo_font_extents(measure.get(), &line);
  cairo_text_extents(measure.get(), text.c_str(), &extents);
  const int width = std::clamp(static_cast<int>(std::ceil(extents.x_advance)), 1, kMaxWidth);
  const Surface surface = surface_of(width, std::max(1, static_cast<int>(std::ceil(line.ascent + line.descent))));
  const Context context = context_on(surface, font, pixels);
  cairo_move_to(context.get(), 0, line.ascent);
  cairo_show_text(context.get(), text.c_str());
  return bitmap_of(surface.get());
}

}  // namespace

const TextBitmap &TextCache::render(const std::string &text, const std::string &font, int pixels) {
  if (bitmaps_.size() >= kMaxTexts) bitmaps_.clear();
  pixels = std::clamp(pixels, 1, 500);
  const std::string key = std::to_string(pixels) + '\n' + font + '\n' + text;
  const auto found = bitmaps_.find(key);
  if (found != bitmaps_.end()) return found->second;
  return bitmaps_.emplace(key, draw(text, font, pixels)).first->second;
}

}  // namespace nj::osd

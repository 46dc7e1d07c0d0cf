#include "palette.h"

#include <cstdint>
#include <iterator>

namespace nj::osd {
namespace {

// 0xRRGGBB. Neighbours differ clearly, all are bright enough for night pictures.
constexpr uint32_t kPalette[] = {0x2FD3FF, 0xFF9F1C, 0x9B6BFF, 0x3DDC84, 0xFF4D6D, 0xF9E547, 0x4D8DFF, 0xFF7AC6,
                                 0x00C2A8, 0xC8F560, 0xB983FF, 0xFF6B35, 0x7FE7FF, 0xE0B0FF, 0x6EE7B7, 0xFFC9A3};

bool is_color(const NjColor &color, double red, double green, double blue) {
  return color.red == red && color.green == green && color.blue == blue;
}

double brightness(const Ink &ink) { return 0.299 * ink.red + 0.587 * ink.green + 0.114 * ink.blue; }

}  // namespace

Ink class_color(int class_id) {
  const uint32_t rgb = kPalette[static_cast<unsigned>(class_id) % std::size(kPalette)];
  return {(rgb >> 16 & 0xFF) / 255.0, (rgb >> 8 & 0xFF) / 255.0, (rgb & 0xFF) / 255.0, 1};
}

Ink color_of(const NjObjectMeta *object) {
  const NjColor &color = object->rect_params.border_color;
  const bool is_default = is_color(color, 1, 0, 0) || color.alpha <= 0;
  return is_default ? class_color(object->class_id) : to_ink(color);
}

Ink contrast_to(const Ink &ink) {
  const double value = brightness(ink) > 0.5 ? 0 : 1;
  return {value, value, value, 1};
}

Ink label_background(const NjObjectMeta *object) {
  const NjTextParams &text = object->text_params;
  const bool is_default = !text.set_bg_clr || is_color(text.text_bg_clr, 0, 0, 0);
  return is_default ? color_of(object) : to_ink(text.text_bg_clr);
}

Ink label_ink(const NjObjectMeta *object, const Ink &background) {
  const NjColor &color = object->text_params.font_color;
  const bool is_default = is_color(color, 1, 1, 1) || color.alpha <= 0;
  return is_default ? contrast_to(background) : to_ink(color);
}

}  // namespace nj::osd

// Text as coverage, rendered with cairo and kept, because the same labels come back frame after frame.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace nj::osd {

struct TextBitmap {
  int width = 0, height = 0;  // height: of the font's line, the same for all texts of one size
  std::vector<uint8_t> coverage;
};

class TextCache {
 public:
  // `pixels`: height of the font's em, 1..500. Text that is no UTF-8 gives an empty bitmap. Valid until the next call.
  const TextBitmap &render(const std::string &text, const std::string &font, int pixels);

 private:
  std::unordered_map<std::string, TextBitmap> bitmaps_;
};

}  // namespace nj::osd

// Colours of objects: what the metadata asks for, or where it has the default, one of the palette by class.
#pragma once

#include "../../metadata/nj_meta.h"
#include "canvas.h"

namespace nj::osd {

inline Ink to_ink(const NjColor &color) { return {color.red, color.green, color.blue, color.alpha}; }

Ink class_color(int class_id);
// The object's border colour; red (nvinfer's default) and none stand for the colour of its class.
Ink color_of(const NjObjectMeta *object);
// Black or white, whichever is easier to read on `ink`.
Ink contrast_to(const Ink &ink);
// Behind the label: as the metadata says; black (the default) and none stand for the object's colour.
Ink label_background(const NjObjectMeta *object);
Ink label_ink(const NjObjectMeta *object, const Ink &background);

}  // namespace nj::osd

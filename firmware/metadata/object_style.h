// How objects are labelled, in whatever metadata they are written to: nvinfer's and nvtracker's ways, with what goes
// wrong there (labels cut inside a character, offsets below 0 in unsigned fields) done right.
#pragma once

#include <glib.h>

#include <string>

#include "metadata_batch.h"

namespace nj {

constexpr guint kLabelFontSize = 11;  // points at 96 dpi
constexpr float kLabelRise = 10;      // pixels from the top of the box up to the text

// Longer labels are cut before the first incomplete UTF-8 character.
template <size_t kSize>
void cut_label(gchar (&target)[kSize], const std::string &label) {
  g_strlcpy(target, label.c_str(), kSize);
  const gchar *end = nullptr;
  if (!g_utf8_validate(target, -1, &end)) target[end - target] = '\0';
}

// What is drawn beside the object: the label, and the id when it has one (as nvtracker's display-tracking-id). The
// upper half of an id says in which run of the tracker it was given: people do not need it. To be freed with g_free.
inline gchar *display_text(const Object &object) {
  if (object.object_id == kUntrackedObject) return g_strdup(object.label.c_str());
  return g_strdup_printf("%s %u", object.label.c_str(), static_cast<unsigned>(object.object_id & G_MAXUINT32));
}

// Where text may begin: nothing lies left of or above the frame.
inline guint text_offset(float pixels) { return pixels > 0 ? static_cast<guint>(pixels) : 0; }

}  // namespace nj

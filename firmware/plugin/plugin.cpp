// libgstnightjar.so: found through GST_PLUGIN_PATH, listed by `gst-inspect-1.0 nightjar`.
#include "../metadata/nj_meta.h"
#include "elements.h"

#define PACKAGE "nightjar"

static gboolean plugin_init(GstPlugin *plugin) {
  nj_batch_meta_get_info();
  gboolean complete = TRUE;
#define NJ_ELEMENT(name) complete &= nj_##name##_register(plugin);
#include "elements.def"
#undef NJ_ELEMENT
  return complete;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, nightjar,
                  "Video analytics: batching, inference, rules, drawing and messages", plugin_init, NJ_VERSION,
                  "Apache 2.0", "Nightjar", "Nightjar")

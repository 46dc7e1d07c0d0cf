// The elements of the plugin: each file defines its own registration, plugin.cpp calls them all.
#pragma once

#include <gst/gst.h>

#define NJ_ELEMENT(name) gboolean nj_##name##_register(GstPlugin *plugin);
#include "elements.def"
#undef NJ_ELEMENT

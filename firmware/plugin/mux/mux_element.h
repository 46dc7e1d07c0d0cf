// What njstreammux' parts share: the element (njstreammux.cpp), its properties (properties.cpp), its sink pads and
// their coming and going (sink_pads.cpp), its source pad with the pushing task (source_pad.cpp).
#pragma once

#include <gst/gst.h>

#include "mux.h"
#include "mux_pad.h"

typedef struct {
  GstElement parent;
  GstPad *source_pad;  // owned by the element
  nj::Mux *mux;
} NjStreamMux;

#define NJ_STREAM_MUX(object) (reinterpret_cast<NjStreamMux *>(object))

GST_DEBUG_CATEGORY_EXTERN(nj_stream_mux_debug);

namespace nj {

// set_property, get_property and what they know.
void install_mux_properties(GObjectClass *klass);

// The template of sink_%u, request_new_pad and release_pad.
void install_mux_sink_pads(GstElementClass *klass);
// Pads as children, whose properties can be set as sink_0::sensor-id.
void init_mux_child_proxy(gpointer interface, gpointer);

// The template of src; the pad itself is added to each element.
void install_mux_source_pad(GstElementClass *klass);
void add_mux_source_pad(NjStreamMux *self);

}  // namespace nj

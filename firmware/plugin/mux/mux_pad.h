// The sink pad of njstreammux: a GstPad with its queue, a camera's name and counters.
#pragma once

#include <gst/gst.h>

#include "stream_queue.h"

typedef struct {
  GstPad parent;
  nj::StreamQueue *stream;  // owned
} NjStreamMuxPad;

typedef struct {
  GstPadClass parent_class;
} NjStreamMuxPadClass;

GType nj_stream_mux_pad_get_type(void);
#define NJ_TYPE_STREAM_MUX_PAD (nj_stream_mux_pad_get_type())
#define NJ_STREAM_MUX_PAD(object) (reinterpret_cast<NjStreamMuxPad *>(object))

GstPad *nj_stream_mux_pad_new(GstPadTemplate *pad_template, const gchar *name, guint index);

// njstreammux: makes one batch of the frames of several sources, one frame of each, without copying or scaling any.
//
//   gst-launch-1.0 njstreammux name=m batch-size=2 ! njinfer bundle=build/bundles/street ! fakesink
//     videotestsrc is-live=true ! m.sink_0   videotestsrc is-live=true pattern=ball ! m.sink_1
//
// The batch buffer has no memory: each NjFrameMeta refers to its source's buffer. Sources may differ in size, format
// and rate, may change them, stall, end, come and go while playing. See mux/mux.h for how it works,
// mux/mux_element.h for the parts of the element.
#include "elements.h"
#include "mux/mux_element.h"

GST_DEBUG_CATEGORY(nj_stream_mux_debug);

typedef struct {
  GstElementClass parent_class;
} NjStreamMuxClass;

GType nj_stream_mux_get_type(void);
G_DEFINE_TYPE_WITH_CODE(NjStreamMux, nj_stream_mux, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, nj::init_mux_child_proxy))

static void nj_stream_mux_finalize(GObject *object) {
  delete NJ_STREAM_MUX(object)->mux;
  G_OBJECT_CLASS(nj_stream_mux_parent_class)->finalize(object);
}

static void nj_stream_mux_class_init(NjStreamMuxClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = nj_stream_mux_finalize;
  nj::install_mux_properties(object_class);

  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  nj::install_mux_sink_pads(element_class);
  nj::install_mux_source_pad(element_class);
  gst_element_class_set_static_metadata(element_class, "Nightjar stream mux", "Muxer/Video",
                                        "Batches the frames of several video sources, without copying or scaling them",
                                        "Nightjar");
}

static void nj_stream_mux_init(NjStreamMux *self) { nj::add_mux_source_pad(self); }

gboolean nj_njstreammux_register(GstPlugin *plugin) {
  GST_DEBUG_CATEGORY_INIT(nj_stream_mux_debug, "njstreammux", 0, "Nightjar stream mux");
  return gst_element_register(plugin, "njstreammux", GST_RANK_NONE, nj_stream_mux_get_type());
}

// The sink pads of njstreammux: what sources push and ask, pads that come and go while playing.
#include <mutex>

#include "../../frames/frame_mapper.h"
#include "mux_element.h"

#define GST_CAT_DEFAULT nj_stream_mux_debug

namespace {

constexpr guint kMinBuffers = 4;  // of a source, in flight behind the mux

GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  return NJ_STREAM_MUX(parent)->mux->chain(NJ_STREAM_MUX_PAD(pad)->stream, buffer);
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  NJ_STREAM_MUX(parent)->mux->event(NJ_STREAM_MUX_PAD(pad)->stream, event);
  gst_event_unref(event);
  return TRUE;
}

// Padded planes are welcome, and a decoder needs more buffers than it would for a sink: frames wait here.
void answer_allocation(NjStreamMux *self, GstQuery *query) {
  guint max_queued;
  {
    std::lock_guard held(self->mux->lock());
    max_queued = self->mux->settings.max_queued;
  }
  GstCaps *caps = nullptr;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, nullptr);
  const gsize bytes = caps && gst_video_info_from_caps(&info, caps) ? GST_VIDEO_INFO_SIZE(&info) : 0;
  gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(bytes), max_queued + kMinBuffers, 0);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_ALLOCATION:
      answer_allocation(NJ_STREAM_MUX(parent), query);
      return TRUE;
    case GST_QUERY_CAPS: {  // what comes after the mux has no say in a source's size or format
      GstCaps *filter;
      gst_query_parse_caps(query, &filter);
      GstCaps *caps = gst_pad_get_pad_template_caps(pad);
      GstCaps *answer = filter ? gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST) : gst_caps_ref(caps);
      gst_query_set_caps_result(query, answer);
      gst_caps_unref(answer);
      gst_caps_unref(caps);
      return TRUE;
    }
    default:
      return gst_pad_query_default(pad, parent, query);
  }
}

GstPad *new_sink_pad(GstPadTemplate *pad_template, guint index) {
  gchar *name = g_strdup_printf("sink_%u", index);
  GstPad *pad = nj_stream_mux_pad_new(pad_template, name, index);
  g_free(name);
  gst_pad_set_chain_function(pad, chain);
  gst_pad_set_event_function(pad, sink_event);
  gst_pad_set_query_function(pad, sink_query);
  return pad;
}

bool has_pad(GstElement *element, guint index) {
  gchar *name = g_strdup_printf("sink_%u", index);
  GstPad *pad = gst_element_get_static_pad(element, name);
  g_free(name);
  if (pad) gst_object_unref(pad);
  return pad != nullptr;
}

// false: the name asked for is none of sink_0, sink_1, … or in use.
bool pad_index(GstElement *element, const gchar *name, guint *index) {
  if (!name || g_str_equal(name, "sink_%u")) {
    for (*index = 0; has_pad(element, *index);) ++*index;
    return true;
  }
  guint64 number;
  if (!g_str_has_prefix(name, "sink_") || !g_ascii_string_to_unsigned(name + 5, 10, 0, G_MAXINT, &number, nullptr))
    return false;
  *index = static_cast<guint>(number);
  return !has_pad(element, *index);
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *pad_template, const gchar *name, const GstCaps *) {
  guint index;
  if (!pad_index(element, name, &index)) {
    GST_WARNING_OBJECT(element, "no pad \"%s\": expected sink_N, N not yet in use", name);
    return nullptr;
  }
  GstPad *pad = new_sink_pad(pad_template, index);
  NJ_STREAM_MUX(element)->mux->add_stream(NJ_STREAM_MUX_PAD(pad)->stream);
  // A pad that comes while playing misses the element's own activation.
  if (NJ_STREAM_MUX(element)->mux->running()) gst_pad_set_active(pad, TRUE);
  gst_element_add_pad(element, pad);
  gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  return pad;
}

void release_pad(GstElement *element, GstPad *pad) {
  nj::Mux *mux = NJ_STREAM_MUX(element)->mux;
  nj::StreamQueue *stream = NJ_STREAM_MUX_PAD(pad)->stream;
  gst_object_ref(pad);
  mux->stop_stream(stream);
  gst_pad_set_active(pad, FALSE);
  mux->remove_stream(stream);
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  gst_element_remove_pad(element, pad);
  gst_object_unref(pad);
}

// ---- Pads as children

GObject *child_by_index(GstChildProxy *proxy, guint index) {
  GST_OBJECT_LOCK(proxy);
  gpointer pad = g_list_nth_data(GST_ELEMENT(proxy)->sinkpads, index);
  if (pad) gst_object_ref(pad);
  GST_OBJECT_UNLOCK(proxy);
  return static_cast<GObject *>(pad);
}

GObject *child_by_name(GstChildProxy *proxy, const gchar *name) {
  return reinterpret_cast<GObject *>(gst_element_get_static_pad(GST_ELEMENT(proxy), name));
}

guint children_count(GstChildProxy *proxy) {
  GST_OBJECT_LOCK(proxy);
  const guint count = GST_ELEMENT(proxy)->numsinkpads;
  GST_OBJECT_UNLOCK(proxy);
  return count;
}

GstPadTemplate *sink_pad_template() {
  GstCaps *caps = nj::frame_caps();
  GstPadTemplate *pad_template =
      gst_pad_template_new_with_gtype("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, caps, NJ_TYPE_STREAM_MUX_PAD);
  gst_caps_unref(caps);
  return pad_template;
}

}  // namespace

void nj::install_mux_sink_pads(GstElementClass *klass) {
  klass->request_new_pad = request_new_pad;
  klass->release_pad = release_pad;
  gst_element_class_add_pad_template(klass, sink_pad_template());
}

void nj::init_mux_child_proxy(gpointer interface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *>(interface);
  proxy->get_child_by_index = child_by_index;
  proxy->get_child_by_name = child_by_name;
  proxy->get_children_count = children_count;
}

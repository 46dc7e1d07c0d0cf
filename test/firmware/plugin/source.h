// A source that a test pushes from: a pad linked to a request pad of an element.
#pragma once

#include <doctest/doctest.h>

#include "video.h"

namespace test {

class Source {
 public:
  Source(GstElement *mux, const char *pad_name, const GstVideoInfo &info) : mux_(mux), info_(info) {
    sink_ = gst_element_request_pad_simple(mux, pad_name);
    REQUIRE(sink_ != nullptr);
    pad_ = gst_pad_new(nullptr, GST_PAD_SRC);
    REQUIRE(gst_pad_link(pad_, sink_) == GST_PAD_LINK_OK);
    gst_pad_set_active(sink_, TRUE);
    gst_pad_set_active(pad_, TRUE);
    gst_pad_push_event(pad_, gst_event_new_stream_start("source"));
    set_info(info);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(pad_, gst_event_new_segment(&segment));
  }
  Source(const Source &) = delete;
  ~Source() {
    gst_pad_set_active(pad_, FALSE);
    gst_pad_unlink(pad_, sink_);
    gst_element_release_request_pad(mux_, sink_);
    gst_object_unref(sink_);
    gst_object_unref(pad_);
  }

  void set_info(const GstVideoInfo &info) {
    info_ = info;
    GstCaps *caps = gst_video_info_to_caps(&info);
    gst_pad_push_event(pad_, gst_event_new_caps(caps));
    gst_caps_unref(caps);
  }
  void set_segment_start(GstClockTime start) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = segment.position = start;
    gst_pad_push_event(pad_, gst_event_new_segment(&segment));
  }
  GstFlowReturn push(GstClockTime pts) { return gst_pad_push(pad_, picture(info_, pts)); }
  GstFlowReturn push_buffer(GstBuffer *buffer) { return gst_pad_push(pad_, buffer); }
  void end() { gst_pad_push_event(pad_, gst_event_new_eos()); }
  bool send(GstEvent *event) { return gst_pad_push_event(pad_, event); }
  GstPad *pad() { return pad_; }
  GstPad *sink() { return sink_; }

 private:
  GstElement *mux_;
  GstVideoInfo info_;
  GstPad *sink_;
  GstPad *pad_;
};

}  // namespace test

// What the shell's parts share: the pads and the stream (stage_element.cpp), the properties (stage_properties.cpp).
#pragma once

#include <atomic>
#include <memory>

#include "stage_element.h"

struct NjStageElementPrivate {
  GstPad *sink = nullptr, *src = nullptr;

  nj::EngineSettings settings;       // guarded by the object lock
  std::shared_ptr<nj::Stage> stage;  // guarded by the object lock
  nj::BatchQueue queue;

  // Sink pad's streaming thread only.
  GstCaps *caps = nullptr;
  bool plain = false;        // video/x-raw in system memory: one frame per buffer
  guint64 frame_number = 0;  // for plain frames that carry no offset

  std::atomic<GstFlowReturn> flow{GST_FLOW_FLUSHING};  // last result of the source pad
  std::atomic<GstClockTime> latency{0};                // what was last reported

  ~NjStageElementPrivate() { gst_clear_caps(&caps); }
};

namespace nj {

// Installs bundle, module, parameters and so on, with their set_property and get_property.
void install_stage_properties(GObjectClass *gobject);

}  // namespace nj

#include "host_watch.h"

namespace nj {

const char *engine_state_name(EngineState state) {
  switch (state) {
    case EngineState::Starting:
      return "starting";
    case EngineState::Ready:
      return "ready";
    case EngineState::Gone:
      return "gone";
    case EngineState::Refused:
      return "refused";
  }
  return "unknown";
}

void HostWatch::changed(EngineState state, const std::string &message) {
  std::lock_guard lock(mutex_);
  // Each failed attempt to connect again is no news; another layout of a ready host is.
  if (state == last_ && state != EngineState::Ready) return;
  post(state, message);
  if (state == last_) return;
  announce(state, message);
  last_ = state;
}

void HostWatch::post(EngineState state, const std::string &message) {
  GstStructure *structure = gst_structure_new(message_name_, "state", G_TYPE_STRING, engine_state_name(state),
                                              "message", G_TYPE_STRING, message.c_str(), nullptr);
  gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), structure));
}

void HostWatch::announce(EngineState state, const std::string &message) {
  const char *reason = message.empty() ? "no reason given" : message.c_str();
  if (state == EngineState::Gone && !lost_) {
    GST_ELEMENT_WARNING(element_, RESOURCE, NOT_FOUND,
                        ("postprocess host lost (%s): frames pass without results until it is back", reason),
                        (nullptr));
    lost_ = true;
  }
  if (state == EngineState::Refused)
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("the postprocess host refuses the bundle: %s", reason),
                        (nullptr));
  if (state == EngineState::Ready && lost_) {
    GST_ELEMENT_INFO(element_, RESOURCE, NOT_FOUND, ("postprocess host is back"), (nullptr));
    lost_ = false;
  }
}

}  // namespace nj

#include "host_watch.h"

namespace nj {

// A host that starts together with the pipeline, and loads its model, takes this long without a word of warning.
static constexpr gint64 kPatience = 5 * G_USEC_PER_SEC;

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
  last_message_ = message;
  if (state == last_) return;
  announce(state, message);
  last_ = state;
}

void HostWatch::started(const std::string &reason) {
  std::lock_guard lock(mutex_);
  started_ = true;
  started_at_ = g_get_monotonic_time();
  if (last_ == EngineState::Refused) return announce(EngineState::Refused, last_message_);
  if (last_ || reason.empty()) return;
  last_message_ = reason;
  last_ = EngineState::Starting;
  post(EngineState::Starting, reason);
}

void HostWatch::missed() {
  std::lock_guard lock(mutex_);
  if (was_ready_ || lost_ || last_ == EngineState::Refused) return;
  if (!started_ || g_get_monotonic_time() - started_at_ < kPatience) return;
  lost_ = true;
  GST_ELEMENT_WARNING(element_, RESOURCE, NOT_FOUND,
                      ("no postprocess host (%s): frames pass without results until it is there",
                       last_message_.empty() ? "no reason given" : last_message_.c_str()),
                      (nullptr));
}

// A bundle that never ran cannot be used. One that ran may be mended, or the host may: frames pass meanwhile.
void HostWatch::refuse(const char *reason) {
  if (was_ready_)
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("the postprocess host refuses the bundle: %s", reason),
                        (nullptr));
  else if (started_)
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS, ("%s", reason), (nullptr));
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
  if (state == EngineState::Refused) refuse(reason);
  if (state == EngineState::Ready && lost_) {
    GST_ELEMENT_INFO(element_, RESOURCE, NOT_FOUND, ("postprocess host is %s", was_ready_ ? "back" : "there"),
                     (nullptr));
    lost_ = false;
  }
  if (state == EngineState::Ready) was_ready_ = true;
}

}  // namespace nj

// Tells the application how the postprocess host is doing: element messages at each change, one warning when it is
// lost or does not come, one info when it is (back), an error when it refuses the bundle before it ever ran it.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>
#include <string>

#include "../../engines/engine.h"

namespace nj {

const char *engine_state_name(EngineState state);

class HostWatch {
 public:
  // `element` outlives the watch. `message_name`: the name of the element messages' structure, "nightjar-infer".
  HostWatch(GstElement *element, const char *message_name) : element_(element), message_name_(message_name) {}

  // Any thread.
  void changed(EngineState state, const std::string &message);
  // The element has started, with its host or (`reason`) still without. Until then a refusal is no error of the watch:
  // the state change fails with it.
  void started(const std::string &reason);
  // A batch found no host.
  void missed();

 private:
  GstElement *element_;
  const char *message_name_;
  std::mutex mutex_;
  std::optional<EngineState> last_;
  std::string last_message_;
  bool lost_ = false, started_ = false, was_ready_ = false;
  gint64 started_at_ = 0;  // µs, monotonic

  void refuse(const char *reason);
  void post(EngineState state, const std::string &message);
  void announce(EngineState state, const std::string &message);
};

}  // namespace nj

// Tells the application how the postprocess host is doing: element messages at each change, one warning when it is
// lost, one info when it is back.
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

 private:
  GstElement *element_;
  const char *message_name_;
  std::mutex mutex_;
  std::optional<EngineState> last_;
  bool lost_ = false;

  void post(EngineState state, const std::string &message);
  void announce(EngineState state, const std::string &message);
};

}  // namespace nj

// Draws lists into pictures in device memory.
#pragma once

#include <string>

#include "../../cuda/resources.h"
#include "recording_canvas.h"

namespace nj::osd {

class DrawDevice {
 public:
  // On the current GPU; waits until it is done, asleep. false: *error says what failed.
  bool draw(const DrawList &list, std::string *error);

 private:
  cuda::Stream stream_;
  cuda::Event done_;
  cuda::PinnedMemory host_;
  cuda::DeviceMemory device_;
};

}  // namespace nj::osd

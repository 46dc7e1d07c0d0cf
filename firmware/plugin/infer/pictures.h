// From frames to the network's input: by the engine itself when it has GPU memory of its own, else by a preprocessor
// that suits the memory of the frames, into the slot of the link.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../../engines/engine.h"
#include "../../frames/frame_mapper.h"

namespace nj {

class PictureMaker {
 public:
  explicit PictureMaker(int gpu) : gpu_(gpu) {}

  // Picture i becomes row i of the batch. false: *error says why it cannot.
  bool make(Work &work, const std::vector<Picture> &pictures, std::vector<Geometry> *geometries, std::string *error);

 private:
  const int gpu_;
  std::unique_ptr<Preprocessor> cpu_ = make_cpu_preprocessor();
  std::unique_ptr<Preprocessor> cuda_;  // made for the first frame in GPU memory

  Preprocessor *preprocessor_for(const FrameView &frame, std::string *error);
};

}  // namespace nj

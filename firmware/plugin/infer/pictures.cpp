#include "pictures.h"

#include <stdexcept>

namespace nj {

namespace {

uint64_t tensor_bytes(const TensorSpec &spec) { return uint64_t{3} * spec.width * spec.height * (spec.half ? 2 : 4); }

int first_input(const EngineInfo &info) {
  for (size_t i = 0; i < info.tensors.size(); i++)
    if (info.tensors[i].is_input) return static_cast<int>(i);
  return -1;
}

}  // namespace

Preprocessor *PictureMaker::preprocessor_for(const FrameView &frame, std::string *error) {
  if (frame.memory == MemoryKind::System) return cpu_.get();
  if (!cuda_) cuda_ = make_cuda_preprocessor(gpu_, error);
  return cuda_.get();
}

bool PictureMaker::make(Work &work, const std::vector<Picture> &pictures, std::vector<Geometry> *geometries,
                        std::string *error) {
  if (work.prepares()) return work.prepare(pictures, geometries, error);
  const auto info = work.info();
  const int input = first_input(*info);
  if (input < 0 || info->tensors[input].frame_bytes < tensor_bytes(info->input)) {
    *error = "the model's first input does not have the size of a " + std::to_string(info->input.width) + "x" +
             std::to_string(info->input.height) + " picture with 3 channels";
    return false;
  }
  try {
    for (uint32_t i = 0; i < pictures.size(); i++) {
      Preprocessor *preprocessor = preprocessor_for(*pictures[i].frame, error);
      if (!preprocessor) return false;
      geometries->push_back(
          preprocessor->run(*pictures[i].frame, pictures[i].region, info->input, work.input(input, i)));
    }
  } catch (const std::runtime_error &failure) {
    *error = failure.what();
    return false;
  }
  return true;
}

}  // namespace nj

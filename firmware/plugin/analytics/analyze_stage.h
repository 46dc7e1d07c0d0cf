// njanalytics' work: the objects of each frame go to an analyze module, what it concludes comes back into the metadata.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "../infer/engine_stage.h"
#include "object_records.h"

namespace nj {

// What happens to objects that the module does not continue.
enum class Untracked { Keep = 0, Remove = 1 };

class AnalyzeStage : public EngineStage {
 public:
  AnalyzeStage(GstElement *element, EngineSettings engine, Untracked untracked);

  bool submit(const std::shared_ptr<Batch> &batch, BatchQueue &queue, StageError *error) override;
  void reset() override;
  void set_untracked(Untracked untracked) { untracked_ = untracked; }

 protected:
  link::Kind kind() const override { return link::Kind::Analyze; }

 private:
  class AnalyzeJob;
  struct Frame;

  std::atomic<Untracked> untracked_;
  std::mutex mutex_;
  std::map<uint32_t, int32_t> last_frame_;  // frame number by source; guarded by mutex_
  LabelMemory labels_;                      // the sink pad's thread learns, the task reads; guarded by mutex_

  std::vector<Frame> read_frames(const MetadataBatch &metadata);
  bool restarted(const FrameInfo &info);
  void write_frame(Work &work, uint32_t index, const Frame &frame);
  void submit_frames(const std::shared_ptr<Batch> &batch, std::vector<Frame> frames, BatchQueue &queue);
};

}  // namespace nj

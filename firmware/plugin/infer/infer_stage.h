// njinfer's work: choose frames or objects, prepare tensors, hand them to the engine, write what comes back.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "../../frames/frame_mapper.h"
#include "../../metadata/metadata_batch.h"
#include "../../preprocess/preprocessor.h"
#include "engine_stage.h"
#include "object_reader.h"
#include "selection.h"
#include "settings.h"

namespace nj {

// One picture for the network: a frame, or an object in it.
struct Target {
  uint32_t frame = 0;  // in the batch
  FrameInfo info;
  // Secondary mode.
  bool is_object = false;
  Object object;
  int object_index = -1;  // in the frame's objects
  void *handle = nullptr;

  Geometry geometry;  // set by preprocessing
};

class InferStage : public EngineStage {
 public:
  InferStage(GstElement *element, EngineSettings engine, InferSettings settings);

  bool submit(const std::shared_ptr<Batch> &batch, BatchQueue &queue, StageError *error) override;
  void reset() override;
  // Any thread. What is in flight keeps the settings it was submitted with.
  void change(const InferSettings &settings);

 protected:
  std::string parameters() const override;
  link::Kind kind() const override { return link::Kind::Detect; }

 private:
  class InferJob;
  class ReuseJob;

  mutable std::mutex mutex_;
  std::shared_ptr<const InferSettings> infer_;  // guarded by mutex_
  std::unique_ptr<Preprocessor> preprocessor_ = make_cpu_preprocessor();
  IntervalCounter intervals_;  // guarded by mutex_
  ObjectCache cache_;

  std::shared_ptr<const InferSettings> current() const;
  std::vector<Target> choose(MetadataBatch &metadata, const InferSettings &settings, std::vector<Target> *reused);
  void choose_objects(MetadataBatch &metadata, uint32_t frame, const InferSettings &settings,
                      std::vector<Target> &chosen, std::vector<Target> *reused);
  // Fills a slot with the pictures of `targets`. false: the host's tensor cannot hold them.
  bool prepare(Work &work, const FrameMapper &frames, std::vector<Target> &targets);
  // Pushes a job for each slot that the targets need.
  void infer_targets(const std::shared_ptr<Batch> &batch, const FrameMapper *frames, std::vector<Target> targets,
                     const std::shared_ptr<const InferSettings> &rules, BatchQueue &queue);
  // Counts the targets from `from` on as failed.
  void give_up(const std::vector<Target> &targets, size_t from);
};

}  // namespace nj

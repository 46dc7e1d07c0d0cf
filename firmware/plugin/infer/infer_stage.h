// njinfer's work: choose frames or objects, prepare tensors, hand them to the engine, write what comes back.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "../../frames/frame_mapper.h"
#include "../../metadata/metadata_batch.h"
#include "engine_stage.h"
#include "object_reader.h"
#include "pictures.h"
#include "selection.h"
#include "settings.h"

namespace nj {

// One picture for the network: a frame, or an object in it.
struct Target {
  uint32_t frame = 0;  // in the batch's metadata
  FrameInfo info;
  // Secondary mode.
  bool is_object = false;
  Object object;
  int object_index = -1;  // in the frame's objects
  void *handle = nullptr;

  uint32_t surface = 0;  // of the frame in the batch's memory
  Geometry geometry;     // set by preprocessing
};

class InferStage : public EngineStage {
 public:
  InferStage(GstElement *element, EngineSettings engine, InferSettings settings);

  bool submit(const std::shared_ptr<Batch> &batch, BatchQueue &queue, StageError *error) override;
  void reset() override;
  void heed(GstEvent *event) override;
  // Any thread. What is in flight keeps the settings it was submitted with.
  void change(const InferSettings &settings);

 protected:
  std::string parameters() const override;
  link::Kind kind() const override { return link::Kind::Detect; }

 private:
  class InferJob;
  class ReuseJob;

  PictureMaker pictures_;
  mutable std::mutex mutex_;
  std::shared_ptr<const InferSettings> infer_;  // guarded by mutex_
  IntervalCounter intervals_;                   // guarded by mutex_
  std::map<uint32_t, unsigned> own_intervals_;  // by source, set by an event; guarded by mutex_
  ObjectCache cache_;

  std::shared_ptr<const InferSettings> current() const;
  std::vector<Target> choose(MetadataBatch &metadata, const InferSettings &settings, std::vector<Target> *reused);
  // Whether the frame's turn has come; counts it.
  bool is_due(const FrameInfo &info, const InferSettings &settings, bool batch_is_due);
  void choose_objects(MetadataBatch &metadata, uint32_t frame, const InferSettings &settings,
                      std::vector<Target> &chosen, std::vector<Target> *reused);
  // The pixels of the batch, and in the targets, where theirs are. nullptr: *error.
  std::unique_ptr<FrameMapper> map(const Batch &batch, std::vector<Target> &targets, std::string *error);
  // Fills a slot with the pictures of `targets`. false: the host's tensor cannot hold them.
  bool prepare(Work &work, const FrameMapper &frames, std::vector<Target> &targets);
  // Pushes a job for each slot that the targets need.
  void infer_targets(const std::shared_ptr<Batch> &batch, const FrameMapper *frames, std::vector<Target> targets,
                     const std::shared_ptr<const InferSettings> &rules, BatchQueue &queue);
  // Counts the targets from `from` on as failed.
  void give_up(const std::vector<Target> &targets, size_t from);
};

}  // namespace nj

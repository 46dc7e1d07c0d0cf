#include "analyze_stage.h"

#include <algorithm>

namespace nj {

// One frame on its way through the module.
struct AnalyzeStage::Frame {
  uint32_t index = 0;  // in the batch
  FrameInfo info;
  bool discontinuity = false;
  std::vector<Object> objects;
  std::vector<void *> handles;
};

class AnalyzeStage::AnalyzeJob : public Job {
 public:
  AnalyzeJob(AnalyzeStage &stage, std::shared_ptr<Batch> batch, std::unique_ptr<Work> work, std::vector<Frame> frames,
             std::shared_ptr<BusyTime> busy, bool is_last)
      : stage_(stage),
        batch_(std::move(batch)),
        work_(std::move(work)),
        frames_(std::move(frames)),
        busy_(std::move(busy)),
        is_last_(is_last) {}

  void finish() override {
    std::string error;
    if (!work_->wait(&error)) return fail(error);
    const auto metadata = metadata_of(batch_->buffer(), batch_->caps(), &error);
    if (!metadata) return fail(error);
    {
      std::lock_guard lock(stage_.mutex_);
      for (uint32_t i = 0; i < frames_.size(); i++) apply(*metadata, i);
    }
    stage_.statistics.inferred(frames_.size());
    stage_.statistics.slot(0, work_->times());
    busy_->add(0, work_->times());
    if (is_last_) stage_.statistics.total(busy_->microseconds());
  }

 private:
  AnalyzeStage &stage_;
  std::shared_ptr<Batch> batch_;
  std::unique_ptr<Work> work_;
  std::vector<Frame> frames_;
  std::shared_ptr<BusyTime> busy_;
  bool is_last_;  // of its buffer

  void fail(const std::string &error) {
    stage_.report_failure(error);
    stage_.statistics.failed(frames_.size());
  }

  void apply(MetadataBatch &metadata, uint32_t index) {
    const Frame &frame = frames_[index];
    const link::FrameRecord &record = work_->frame(index);
    const link::ObjectRecord *objects = work_->objects_out(index);
    const uint8_t *aux = work_->aux_out(index);
    std::vector<bool> is_continued(frame.objects.size(), false);
    std::vector<int> places(record.objects_out, -1);  // of each record in the frame's objects
    int total = static_cast<int>(frame.objects.size());
    for (uint32_t k = 0; k < record.objects_out; k++) {
      const int32_t input = objects[k].input;
      if (input >= 0 && static_cast<size_t>(input) < frame.objects.size()) {
        is_continued[input] = true;
        places[k] = input;
        std::vector<uint8_t> said = user_of(objects[k], aux);
        if (said.empty() && is_unchanged(frame.objects[input], objects[k])) continue;
        Object object =
            continued(frame.objects[input], objects[k], stage_.labels_, frame.info.width, frame.info.height);
        object.user = user(std::move(said));
        metadata.update_object(frame.index, frame.handles[input], object);
      } else if (add(metadata, frame, objects[k], aux, places)) {
        places[k] = total++;
      }
    }
    for (uint32_t k = 0; k < record.events_out; k++)
      metadata.add_event(frame.index, read_event(work_->events_out(index)[k], objects, record.objects_out,
                                                 frame.objects, stage_.labels_));
    if (record.user_bytes > 0 && !metadata.add_user_data(frame.index, user(user_of(record, aux))))
      stage_.report_failure("the metadata of this pipeline has no place for the module's user metadata");
    if (stage_.untracked_ == Untracked::Remove) remove(metadata, frame, is_continued, record.objects_in);
  }

  UserData user(std::vector<uint8_t> bytes) const {
    if (bytes.empty()) return {};
    return {static_cast<int>(stage_.settings().unique_id), work_->info()->bundle_name, std::move(bytes)};
  }

  bool add(MetadataBatch &metadata, const Frame &frame, const link::ObjectRecord &record, const uint8_t *aux,
           const std::vector<int> &places) {
    Object object = created(record, static_cast<int>(stage_.settings().unique_id), stage_.labels_, frame.info.width,
                            frame.info.height);
    if (object.box.width <= 0) return false;
    if (record.parent >= 0 && static_cast<size_t>(record.parent) < places.size()) object.parent = places[record.parent];
    object.user = user(user_of(record, aux));
    metadata.add_object(frame.index, object);
    return true;
  }

  // Objects that the module never saw (more than its limit) stay.
  static void remove(MetadataBatch &metadata, const Frame &frame, const std::vector<bool> &is_continued,
                     uint32_t seen) {
    for (uint32_t i = 0; i < std::min<size_t>(seen, is_continued.size()); i++)
      if (!is_continued[i]) metadata.remove_object(frame.index, frame.handles[i]);
  }
};

AnalyzeStage::AnalyzeStage(GstElement *element, EngineSettings engine, Untracked untracked)
    : EngineStage(element, "nightjar-infer", std::move(engine)), untracked_(untracked) {}

void AnalyzeStage::reset() {
  std::lock_guard lock(mutex_);
  last_frame_.clear();
}

// A source that counts its frames from the start again is another recording: modules must not join its tracks to those
// before.
bool AnalyzeStage::restarted(const FrameInfo &info) {
  const auto [last, is_new] = last_frame_.try_emplace(info.source_id, info.frame_number);
  const bool back = is_new || info.frame_number < last->second;
  last->second = info.frame_number;
  return back;
}

std::vector<AnalyzeStage::Frame> AnalyzeStage::read_frames(const MetadataBatch &metadata) {
  std::vector<Frame> frames(metadata.frame_count());
  std::lock_guard lock(mutex_);
  for (uint32_t i = 0; i < frames.size(); i++) {
    Frame &frame = frames[i];
    frame.index = i;
    frame.info = metadata.frame(i);
    frame.discontinuity = restarted(frame.info);
    frame.objects = metadata.objects(i, &frame.handles);
    labels_.learn(frame.objects);
  }
  return frames;
}

void AnalyzeStage::write_frame(Work &work, uint32_t index, const Frame &frame) {
  const auto info = work.info();
  link::FrameRecord &record = work.frame(index);
  record = {};
  record.source_id = frame.info.source_id;
  record.frame_number = frame.info.frame_number;
  record.pts = frame.info.pts;
  record.capture = frame.info.capture;
  record.width = frame.info.width;
  record.height = frame.info.height;
  record.scale_x = record.scale_y = 1;
  record.flags =
      (frame.info.inferred ? link::kFrameInferred : 0u) | (frame.discontinuity ? link::kFrameDiscontinuity : 0u);
  record.objects_in = write_records(frame.objects, work.objects_in(index), info->max_objects, work.aux_in(index),
                                    info->aux_bytes, &record.aux_in);
  if (record.objects_in < frame.objects.size())
    report_failure(std::to_string(frame.objects.size()) + " objects in a frame, the module takes " +
                   std::to_string(info->max_objects) + " (limits: objects of the bundle); the others pass as they are");
}

void AnalyzeStage::submit_frames(const std::shared_ptr<Batch> &batch, std::vector<Frame> frames, BatchQueue &queue) {
  const auto busy = std::make_shared<BusyTime>();
  for (size_t next = 0; next < frames.size();) {
    auto work = acquire(queue);
    if (!work) return statistics.failed(frames.size() - next);
    const size_t count = std::min<size_t>(work->capacity(), frames.size() - next);
    std::vector<Frame> part(std::make_move_iterator(frames.begin() + next),
                            std::make_move_iterator(frames.begin() + next + count));
    for (uint32_t i = 0; i < count; i++) write_frame(*work, i, part[i]);
    work->submit(count);
    queue.push_job(std::make_unique<AnalyzeJob>(*this, batch, std::move(work), std::move(part), busy,
                                                next + count == frames.size()));
    next += count;
  }
}

bool AnalyzeStage::submit(const std::shared_ptr<Batch> &batch, BatchQueue &queue, StageError *error) {
  *error = {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, {}, {}};
  std::vector<Frame> frames;
  {
    const auto metadata = metadata_of(batch->buffer(), batch->caps(), &error->message);
    if (!metadata) return false;
    frames = read_frames(*metadata);
  }
  statistics.frames(frames.size());
  submit_frames(batch, std::move(frames), queue);
  return true;
}

}  // namespace nj

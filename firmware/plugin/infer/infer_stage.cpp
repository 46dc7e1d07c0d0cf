#include "infer_stage.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "../../frames/nvmm.h"
#include "../../metadata/nj_meta.h"
#include "stream_notice.h"

GST_DEBUG_CATEGORY_EXTERN(nj_infer_debug);
#define GST_CAT_DEFAULT nj_infer_debug

namespace nj {

namespace {

// Stands for the batches themselves where sources are counted.
constexpr uint32_t kBatches = UINT32_MAX;

// Its caps have no format: to ask them for a frame's layout is logged as an error.
bool is_batch(const GstCaps *caps) {
  return gst_caps_features_contains(gst_caps_get_features(caps, 0), NJ_CAPS_FEATURE_BATCH);
}

uint64_t now_us() { return static_cast<uint64_t>(g_get_monotonic_time()); }

void fill_record(link::FrameRecord &record, const Target &target) {
  record = {};
  record.source_id = target.info.source_id;
  record.frame_number = target.info.frame_number;
  record.pts = target.info.pts;
  record.capture = target.info.capture;
  record.width = target.info.width;
  record.height = target.info.height;
  record.scale_x = target.geometry.scale_x;
  record.scale_y = target.geometry.scale_y;
  record.offset_x = target.geometry.offset_x;
  record.offset_y = target.geometry.offset_y;
  record.flags = link::kFrameInferred;
}

size_t distinct_frames(const std::vector<Target> &targets, size_t from = 0) {
  std::set<uint32_t> frames;
  for (size_t i = from; i < targets.size(); i++) frames.insert(targets[i].frame);
  return frames.size();
}

std::vector<TensorOutput> copy_outputs(const Work &work, const EngineInfo &info, uint32_t frame) {
  std::vector<TensorOutput> outputs;
  for (size_t i = 0; i < info.tensors.size(); i++) {
    const link::TensorDescriptor &tensor = info.tensors[i];
    if (tensor.is_input) continue;
    const auto *data = static_cast<const uint8_t *>(work.output(i, frame));
    auto copy = std::shared_ptr<uint8_t>(new uint8_t[tensor.frame_bytes], std::default_delete<uint8_t[]>());
    std::memcpy(copy.get(), data, tensor.frame_bytes);
    TensorOutput output;
    output.name.assign(tensor.name, strnlen(tensor.name, sizeof tensor.name));
    output.data_type = tensor.data_type;
    output.dims.assign(tensor.dims + std::min(1u, tensor.rank), tensor.dims + std::min(tensor.rank, link::kMaxRank));
    output.data = std::move(copy);
    output.bytes = tensor.frame_bytes;
    outputs.push_back(std::move(output));
  }
  return outputs;
}

void add_attributes(MetadataBatch &metadata, const Target &target, std::vector<Attribute> attributes, int unique_id) {
  if (attributes.empty()) return;
  Object object = target.object;
  object.component_id = unique_id;
  object.attributes = std::move(attributes);
  metadata.update_object(target.frame, target.handle, object);
}

}  // namespace

// One slot of the engine on its way.
class InferStage::InferJob : public Job {
 public:
  InferJob(InferStage &stage, std::shared_ptr<Batch> batch, std::unique_ptr<Work> work, std::vector<Target> targets,
           std::shared_ptr<const InferSettings> settings, std::shared_ptr<BusyTime> busy, uint64_t preprocess_us,
           bool is_last)
      : stage_(stage),
        batch_(std::move(batch)),
        work_(std::move(work)),
        targets_(std::move(targets)),
        settings_(std::move(settings)),
        busy_(std::move(busy)),
        preprocess_us_(preprocess_us),
        is_last_(is_last) {}

  void finish() override {
    std::string error;
    if (work_->wait(&error)) {
      write_results(&error);
      count_time();
      stage_.statistics.inferred(distinct_frames(targets_));
    } else {
      stage_.report_failure(error);
      stage_.give_up(targets_, 0);
    }
  }

 private:
  InferStage &stage_;
  std::shared_ptr<Batch> batch_;
  std::unique_ptr<Work> work_;
  std::vector<Target> targets_;
  std::shared_ptr<const InferSettings> settings_;
  std::shared_ptr<BusyTime> busy_;
  uint64_t preprocess_us_;
  bool is_last_;  // of its buffer

  void count_time() {
    const WorkTimes times = work_->times();
    stage_.statistics.slot(preprocess_us_, times);
    busy_->add(preprocess_us_, times);
    if (is_last_) stage_.statistics.total(busy_->microseconds());
  }

  void write_results(std::string *error) {
    const auto metadata = metadata_of(batch_->buffer(), batch_->caps(), error);
    if (!metadata) return stage_.report_failure(*error);
    const auto info = work_->info();
    for (uint32_t i = 0; i < targets_.size(); i++) {
      write_target(*metadata, *info, i);
      // A secondary look at some objects is no look at the frame.
      if (!targets_[i].is_object) metadata->set_inferred(targets_[i].frame);
      if (settings_->tensor_meta) metadata->add_tensors(targets_[i].frame, targets_[i].handle, tensors(*info, i));
    }
  }

  NetworkOutput tensors(const EngineInfo &info, uint32_t index) const {
    return {stage_.settings().unique_id,
            info.input.width,
            info.input.height,
            info.input.letterbox != Letterbox::Stretch,
            info.input.letterbox == Letterbox::Centre,
            copy_outputs(*work_, info, index)};
  }

  void write_target(MetadataBatch &metadata, const EngineInfo &info, uint32_t index) {
    const Target &target = targets_[index];
    const link::FrameRecord &record = work_->frame(index);
    const link::ObjectRecord *records = work_->objects_out(index);
    const ReadContext context{
        *settings_,        info, static_cast<int>(stage_.settings().unique_id), target.geometry, target.info.width,
        target.info.height};
    const int first = first_child_index(metadata, target, records, record.objects_out);
    std::vector<int> places(record.objects_out, -1);  // of each record in the frame's objects
    std::vector<Attribute> whole;
    int added = 0;
    for (uint32_t k = 0; k < record.objects_out; k++) {
      const RecordExtras extras = read_extras(records[k], work_->aux_out(index), info.aux_bytes);
      if (is_whole_picture(records[k])) {
        append(whole, read_attributes(extras, context));
        continue;
      }
      auto object = read_object(records[k], extras, context);
      if (!object) continue;
      object->parent = parent_of(target, records[k], places);
      metadata.add_object(target.frame, *object);
      places[k] = first + added++;
    }
    write_whole_picture(metadata, target, context, std::move(whole));
  }

  // Only needed for records that refer to each other.
  static int first_child_index(const MetadataBatch &metadata, const Target &target, const link::ObjectRecord *records,
                               uint32_t count) {
    const bool needed = std::any_of(records, records + count, [](const auto &record) { return record.parent >= 0; });
    return needed ? static_cast<int>(metadata.objects(target.frame).size()) : 0;
  }

  static int parent_of(const Target &target, const link::ObjectRecord &record, const std::vector<int> &places) {
    if (record.parent >= 0 && static_cast<size_t>(record.parent) < places.size()) return places[record.parent];
    return target.is_object ? target.object_index : -1;
  }

  static void append(std::vector<Attribute> &all, std::vector<Attribute> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  // Attributes of the object, or, of a whole frame, an object that covers it.
  void write_whole_picture(MetadataBatch &metadata, const Target &target, const ReadContext &context,
                           std::vector<Attribute> attributes) {
    if (target.is_object) {
      stage_.cache_.store(target.info.source_id, target.object.object_id, attributes);
      return add_attributes(metadata, target, std::move(attributes), context.unique_id);
    }
    if (attributes.empty()) return;
    Object object;
    object.component_id = context.unique_id;
    object.class_id = static_cast<int>(attributes.front().class_id);
    object.label = attributes.front().label;
    object.confidence = attributes.front().confidence;
    object.box =
        object.detector_box = {0, 0, static_cast<float>(context.frame_width), static_cast<float>(context.frame_height)};
    object.attributes = std::move(attributes);
    metadata.add_object(target.frame, object);
  }
};

// Objects whose attributes are known, or come with a job before this one.
class InferStage::ReuseJob : public Job {
 public:
  ReuseJob(InferStage &stage, std::shared_ptr<Batch> batch, std::vector<Target> targets)
      : stage_(stage), batch_(std::move(batch)), targets_(std::move(targets)) {}

  void finish() override {
    std::string error;
    const auto metadata = metadata_of(batch_->buffer(), batch_->caps(), &error);
    if (!metadata) return stage_.report_failure(error);
    for (const Target &target : targets_)
      add_attributes(*metadata, target, stage_.cache_.find(target.info.source_id, target.object.object_id),
                     static_cast<int>(stage_.settings().unique_id));
  }

 private:
  InferStage &stage_;
  std::shared_ptr<Batch> batch_;
  std::vector<Target> targets_;
};

InferStage::InferStage(GstElement *element, EngineSettings engine, InferSettings settings)
    : EngineStage(element, "nightjar-infer", std::move(engine)),
      pictures_(std::max(this->settings().gpu_id, 0)),
      infer_(std::make_shared<const InferSettings>(std::move(settings))) {}

std::shared_ptr<const InferSettings> InferStage::current() const {
  std::lock_guard lock(mutex_);
  return infer_;
}

std::string InferStage::parameters() const { return module_parameters(settings().parameters, *current(), false); }

void InferStage::change(const InferSettings &settings) {
  bool thresholds;
  {
    std::lock_guard lock(mutex_);
    thresholds = settings.confidence_threshold != infer_->confidence_threshold ||
                 settings.class_thresholds != infer_->class_thresholds;
    if (settings.interval != infer_->interval) own_intervals_.clear();
    infer_ = std::make_shared<const InferSettings>(settings);
  }
  if (thresholds && engine()) engine()->set_parameters(module_parameters({}, settings, true));
}

void InferStage::reset() {
  std::lock_guard lock(mutex_);
  intervals_.reset();
  cache_.reset();
}

void InferStage::heed(GstEvent *event) {
  const StreamNotice notice = read_notice(event);
  std::lock_guard lock(mutex_);
  if (notice.kind == StreamNotice::Kind::Over) {
    intervals_.forget(*notice.source_id);
    own_intervals_.erase(*notice.source_id);
    cache_.forget(*notice.source_id);
  }
  if (notice.kind != StreamNotice::Kind::Interval) return;
  // nvinfer knows one interval for all.
  if (notice.source_id && infer_->interval_mode == IntervalMode::Source) {
    own_intervals_[*notice.source_id] = notice.interval;
    return;
  }
  InferSettings changed = *infer_;
  changed.interval = notice.interval;
  own_intervals_.clear();
  infer_ = std::make_shared<const InferSettings>(std::move(changed));
}

void InferStage::choose_objects(MetadataBatch &metadata, uint32_t frame, const InferSettings &settings,
                                std::vector<Target> &chosen, std::vector<Target> *reused) {
  std::vector<void *> handles;
  std::vector<Object> objects = metadata.objects(frame, &handles);
  const FrameInfo info = metadata.frame(frame);
  for (size_t i = 0; i < objects.size(); i++) {
    if (!is_candidate(objects[i], settings)) continue;
    const auto decision = cache_.decide(info.source_id, objects[i], info.frame_number, settings.reinfer_interval);
    Target target{frame, info, true, std::move(objects[i]), static_cast<int>(i), handles[i], 0, {}};
    (decision == ObjectCache::Decision::Infer ? chosen : *reused).push_back(std::move(target));
  }
}

bool InferStage::is_due(const FrameInfo &info, const InferSettings &settings, bool batch_is_due) {
  if (settings.interval_mode == IntervalMode::Batch) return batch_is_due;
  const auto own = own_intervals_.find(info.source_id);
  return intervals_.next(info.source_id, own == own_intervals_.end() ? settings.interval : own->second);
}

std::vector<Target> InferStage::choose(MetadataBatch &metadata, const InferSettings &settings,
                                       std::vector<Target> *reused) {
  std::vector<Target> chosen;
  std::lock_guard lock(mutex_);
  const bool batch_is_due =
      settings.interval_mode == IntervalMode::Batch && intervals_.next(kBatches, settings.interval);
  for (uint32_t i = 0; i < metadata.frame_count(); i++) {
    const FrameInfo info = metadata.frame(i);
    if (!is_due(info, settings, batch_is_due)) continue;
    if (settings.mode == ProcessMode::Secondary) {
      choose_objects(metadata, i, settings, chosen, reused);
    } else {
      chosen.push_back({i, info, false, {}, -1, nullptr, 0, {}});
    }
  }
  return chosen;
}

bool InferStage::prepare(Work &work, const FrameMapper &frames, std::vector<Target> &targets) {
  std::vector<Region> crops(targets.size());
  std::vector<Picture> pictures;
  for (size_t i = 0; i < targets.size(); i++) {
    const Box &box = targets[i].object.box;
    crops[i] = {box.left, box.top, box.width, box.height};
    pictures.push_back({&frames.frame(targets[i].surface), targets[i].is_object ? &crops[i] : nullptr});
  }
  std::vector<Geometry> geometries;
  std::string error;
  if (!pictures_.make(work, pictures, &geometries, &error)) {
    report_failure(error);
    return false;
  }
  for (size_t i = 0; i < targets.size(); i++) {
    targets[i].geometry = geometries[i];
    fill_record(work.frame(i), targets[i]);
  }
  return true;
}

void InferStage::give_up(const std::vector<Target> &targets, size_t from) {
  statistics.failed(distinct_frames(targets, from));
  for (size_t i = from; i < targets.size(); i++)
    if (targets[i].is_object) cache_.store(targets[i].info.source_id, targets[i].object.object_id, {});
}

void InferStage::infer_targets(const std::shared_ptr<Batch> &batch, const FrameMapper *frames,
                               std::vector<Target> targets, const std::shared_ptr<const InferSettings> &rules,
                               BatchQueue &queue) {
  const auto busy = std::make_shared<BusyTime>();
  for (size_t next = 0; next < targets.size();) {
    auto work = acquire(queue);
    if (!work) return give_up(targets, next);
    const size_t count = std::min({size_t{work->capacity()}, size_t{settings().batch_size}, targets.size() - next});
    std::vector<Target> part(targets.begin() + next, targets.begin() + next + count);
    const uint64_t begin = now_us();
    if (!prepare(*work, *frames, part)) return give_up(targets, next);
    work->submit(count);
    const uint64_t spent = now_us() - begin;
    queue.push_job(std::make_unique<InferJob>(*this, batch, std::move(work), std::move(part), rules, busy, spent,
                                              next + count == targets.size()));
    next += count;
  }
}

std::unique_ptr<FrameMapper> InferStage::map(const Batch &batch, std::vector<Target> &targets, std::string *error) {
  const bool nvmm = is_nvmm(batch.caps());
  GstVideoInfo plain;
  const bool is_plain = !nvmm && !is_batch(batch.caps()) && gst_video_info_from_caps(&plain, batch.caps());
  auto frames =
      nvmm ? map_nvmm_frames(batch.buffer(), error) : map_frames(batch.buffer(), is_plain ? &plain : nullptr, error);
  if (!frames) return nullptr;
  for (Target &target : targets) {
    target.surface = nvmm ? target.info.batch_id : target.frame;
    if (target.surface >= frames->frame_count()) {
      *error = "the metadata of frame " + std::to_string(target.frame) + " names surface " +
               std::to_string(target.surface) + " and the buffer has " + std::to_string(frames->frame_count());
      return nullptr;
    }
    // What the pixels say counts: metadata keeps the size of the source when a converter has scaled the frame since.
    target.info.width = frames->frame(target.surface).width;
    target.info.height = frames->frame(target.surface).height;
  }
  return frames;
}

bool InferStage::submit(const std::shared_ptr<Batch> &batch, BatchQueue &queue, StageError *error) {
  const auto rules = current();
  *error = {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, fault(), {}};
  if (!error->message.empty()) return false;
  *error = {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, {}, {}};
  std::vector<Target> targets, reused;
  size_t frame_count = 0;
  {
    const auto metadata = metadata_of(batch->buffer(), batch->caps(), &error->message);
    if (!metadata) return false;
    frame_count = metadata->frame_count();
    targets = choose(*metadata, *rules, &reused);
  }
  statistics.frames(frame_count);
  statistics.passed(frame_count - distinct_frames(targets));

  const auto frames = targets.empty() ? nullptr : map(*batch, targets, &error->message);
  if (!targets.empty() && !frames) {
    error->code = GST_STREAM_ERROR_FORMAT;
    return false;
  }
  infer_targets(batch, frames.get(), std::move(targets), rules, queue);
  if (!reused.empty()) queue.push_job(std::make_unique<ReuseJob>(*this, batch, std::move(reused)));
  return true;
}

}  // namespace nj

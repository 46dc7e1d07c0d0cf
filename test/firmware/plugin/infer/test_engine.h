// An engine for tests of the elements: the contract of engine.h with a thread of its own and no network. What a picture
// "contains" is decided by a function of the test.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engines/engine.h"

namespace nj::test {

struct SeenPicture {
  link::FrameRecord record;
  const float *tensor = nullptr;               // detect: 3 planes
  std::vector<link::ObjectRecord> objects_in;  // analyze
};

struct Result {
  std::vector<link::ObjectRecord> objects;
  std::vector<link::EventRecord> events;
  std::vector<uint8_t> aux;
  uint32_t user = 0, user_bytes = 0;  // analyze: of the frame, in aux
};

// What all engines of a test share: how they behave, and what they were asked.
struct Host {
  uint32_t network_width = 64, network_height = 64;
  uint32_t max_batch = 16, slots = 3;
  std::vector<std::string> labels{"car", "truck", "bus"};
  std::string refusal;            // not empty: start() fails
  std::atomic<bool> away{false};  // nobody answers at start(); see arrive() and refuse()
  std::function<Result(const SeenPicture &)> look = [](const SeenPicture &) { return Result{}; };
  std::function<void()> before_batch = [] {};  // in the host's thread; may sleep
  std::atomic<bool> gone{false}, failing{false};
  std::atomic<bool> broken{false};  // for good

  std::mutex mutex;
  EngineOptions options;
  std::vector<uint32_t> batches;        // sizes, in order
  std::vector<std::string> parameters;  // of set_parameters
  Engine *engine = nullptr;

  std::unique_ptr<Engine> make(const EngineOptions &requested);
  // The host goes away or comes back, as the element hears it.
  void set_gone(bool now) {
    gone = now;
    engine->on_state(now ? EngineState::Gone : EngineState::Ready, now ? "hung up" : "");
  }
  void arrive() {
    away = false;
    engine->on_state(EngineState::Ready, "");
  }
  void refuse(const std::string &reason) {
    refusal = reason;
    engine->on_state(EngineState::Refused, reason);
  }
};

struct Slot {
  std::vector<link::FrameRecord> frames;
  std::vector<std::vector<float>> tensors;
  std::vector<std::vector<link::ObjectRecord>> objects_in;
  std::vector<std::vector<uint8_t>> aux_in;
  std::vector<Result> results;
  uint32_t batch = 0;
  bool done = false;
  uint64_t submitted = 0, ended = 0;  // ns, monotonic
};

inline uint64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class TestEngine : public Engine {
 public:
  TestEngine(Host &host, const EngineOptions &options) : host_(host), kind_(options.kind), deadline_(options.deadline) {
    auto info = std::make_shared<EngineInfo>();
    info->bundle_name = "test";
    info->labels = host.labels;
    info->input.width = host.network_width;
    info->input.height = host.network_height;
    info->max_batch = std::min(host.max_batch, options.max_batch);
    info->max_objects = 8;
    info->max_events = 4;
    info->aux_bytes = 4096;
    info->tensors = {tensor("images", true, host), tensor("output0", false, host)};
    info_ = std::move(info);
    free_ = host.slots;
    thread_ = std::thread([this] { run(); });
  }

  ~TestEngine() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  bool start(std::chrono::milliseconds, std::string *error) override {
    *error = host_.away ? "nobody listens" : host_.refusal;
    if (host_.away) return false;
    if (host_.refusal.empty() && on_state) on_state(EngineState::Ready, "");
    return host_.refusal.empty();
  }
  EngineState state() const override {
    if (!host_.refusal.empty()) return EngineState::Refused;
    if (host_.away) return EngineState::Starting;
    return host_.gone ? EngineState::Gone : EngineState::Ready;
  }
  EngineInfo info() const override { return *info_; }
  std::string fault() const override { return host_.broken ? "the GPU failed" : ""; }
  void set_parameters(const std::string &json) override {
    std::lock_guard lock(host_.mutex);
    host_.parameters.push_back(json);
  }

  std::unique_ptr<Work> acquire(std::chrono::milliseconds timeout) override;

 private:
  friend class TestWork;
  Host &host_;
  link::Kind kind_;
  std::chrono::milliseconds deadline_;
  std::shared_ptr<const EngineInfo> info_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Slot>> queue_;
  uint32_t free_ = 0;
  bool stopping_ = false;
  std::thread thread_;

  static link::TensorDescriptor tensor(const char *name, bool input, const Host &host) {
    link::TensorDescriptor descriptor = {};
    std::strncpy(descriptor.name, name, sizeof descriptor.name - 1);
    descriptor.rank = 4;
    descriptor.dims[0] = host.max_batch;
    descriptor.dims[1] = 3;
    descriptor.dims[2] = host.network_height;
    descriptor.dims[3] = host.network_width;
    descriptor.frame_bytes = uint64_t{12} * host.network_width * host.network_height;
    descriptor.is_input = input;
    return descriptor;
  }

  void run() {
    for (;;) {
      std::shared_ptr<Slot> slot;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        slot = queue_.front();
        queue_.pop_front();
      }
      host_.before_batch();
      {
        std::lock_guard lock(host_.mutex);
        host_.batches.push_back(slot->batch);
      }
      for (uint32_t i = 0; i < slot->batch; i++) look(*slot, i);
      {
        std::lock_guard lock(mutex_);
        slot->done = true;
        slot->ended = now_ns();
      }
      changed_.notify_all();
    }
  }

  void look(Slot &slot, uint32_t i) {
    SeenPicture picture{slot.frames[i], kind_ == link::Kind::Detect ? slot.tensors[i].data() : nullptr, {}};
    picture.objects_in.assign(slot.objects_in[i].begin(), slot.objects_in[i].begin() + slot.frames[i].objects_in);
    slot.results[i] = host_.look(picture);
    slot.results[i].aux.resize(info_->aux_bytes);
    slot.frames[i].objects_out = slot.results[i].objects.size();
    slot.frames[i].events_out = slot.results[i].events.size();
    slot.frames[i].aux_out = slot.results[i].aux.size();
    slot.frames[i].user = slot.results[i].user;
    slot.frames[i].user_bytes = slot.results[i].user_bytes;
  }
};

class TestWork : public Work {
 public:
  explicit TestWork(TestEngine &engine) : engine_(engine), slot_(std::make_shared<Slot>()) {
    const uint32_t n = engine.info_->max_batch;
    slot_->frames.resize(n);
    slot_->results.resize(n);
    slot_->tensors.assign(n, std::vector<float>(engine.info_->tensors[0].frame_bytes / 4));
    slot_->objects_in.assign(n, std::vector<link::ObjectRecord>(engine.info_->max_objects));
    slot_->aux_in.assign(n, std::vector<uint8_t>(engine.info_->aux_bytes));
  }
  ~TestWork() override {
    {
      std::lock_guard lock(engine_.mutex_);
      engine_.free_++;
    }
    engine_.changed_.notify_all();
  }
  std::shared_ptr<const EngineInfo> info() const override { return engine_.info_; }
  uint32_t capacity() const override { return engine_.info_->max_batch; }
  link::FrameRecord &frame(uint32_t i) override { return slot_->frames.at(i); }
  void *input(uint32_t, uint32_t i) override { return slot_->tensors.at(i).data(); }
  const void *output(uint32_t, uint32_t i) const override { return slot_->tensors.at(i).data(); }
  link::ObjectRecord *objects_in(uint32_t i) override { return slot_->objects_in.at(i).data(); }
  uint8_t *aux_in(uint32_t i) override { return slot_->aux_in.at(i).data(); }
  const link::ObjectRecord *objects_out(uint32_t i) const override { return slot_->results.at(i).objects.data(); }
  const link::EventRecord *events_out(uint32_t i) const override { return slot_->results.at(i).events.data(); }
  const uint8_t *aux_out(uint32_t i) const override { return slot_->results.at(i).aux.data(); }
  // The engine took 500 µs and the module 100 µs, whatever the whole took.
  WorkTimes times() const override {
    return {slot_->submitted, slot_->submitted, slot_->submitted + 500000, slot_->ended - 100000, slot_->ended};
  }

  void submit(uint32_t batch) override {
    {
      std::lock_guard lock(engine_.mutex_);
      slot_->batch = batch;
      slot_->submitted = now_ns();
      engine_.queue_.push_back(slot_);
    }
    engine_.changed_.notify_all();
  }
  bool wait(std::string *error) override {
    std::unique_lock lock(engine_.mutex_);
    const bool in_time =
        engine_.changed_.wait_for(lock, engine_.deadline_, [this] { return slot_->done || engine_.host_.gone; });
    if (slot_->done && !engine_.host_.failing && !engine_.host_.gone) return true;
    *error = engine_.host_.failing ? "module trapped" : in_time ? "host gone" : "deadline";
    return false;
  }

 private:
  TestEngine &engine_;
  std::shared_ptr<Slot> slot_;
};

inline std::unique_ptr<Work> TestEngine::acquire(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (host_.gone || host_.away || !changed_.wait_for(lock, timeout, [this] { return free_ > 0; })) return nullptr;
  free_--;
  return std::make_unique<TestWork>(*this);
}

inline std::unique_ptr<Engine> Host::make(const EngineOptions &requested) {
  options = requested;
  auto made = std::make_unique<TestEngine>(*this, requested);
  engine = made.get();
  return made;
}

inline link::ObjectRecord object_at(float left, float top, float width, float height, int class_id = 0,
                                    float confidence = 0.9f) {
  link::ObjectRecord record = {};
  record.left = left;
  record.top = top;
  record.width = width;
  record.height = height;
  record.class_id = class_id;
  record.confidence = confidence;
  record.object_id = link::kUntracked;
  record.parent = record.input = -1;
  return record;
}

}  // namespace nj::test

// The remote engine: ONNX Runtime and the module, both in the postprocess host. A Work is one slot of the link.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "../link/client.h"
#include "../link/results.h"
#include "engine.h"
#include "host_process.h"
#include "slot_table.h"

namespace nj {
namespace {

using link::FrameRecord;
using link::SlotState;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kOwnHostDelay{100};  // longest pause between attempts to reach a host that we start ourselves

uint64_t monotonic_ns() {
  return uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

class RemoteWork : public Work {
 public:
  RemoteWork(std::shared_ptr<SlotTable> table, uint32_t index, milliseconds deadline)
      : table_(std::move(table)), index_(index), deadline_(deadline), results_(table_->results(index)) {
    std::fill(results_.frames.begin(), results_.frames.end(), FrameRecord{});
  }

  ~RemoteWork() override { table_->give_back(index_, stage_ != Stage::Submitted); }

  std::shared_ptr<const EngineInfo> info() const override { return table_->info; }

  uint32_t capacity() const override { return header().max_batch; }

  FrameRecord &frame(uint32_t index) override { return results_.frames.at(index); }

  void *input(uint32_t tensor, uint32_t frame) override {
    return is_tensor(tensor, frame, true) ? tensor_bytes(tensor, frame) : nullptr;
  }

  const void *output(uint32_t tensor, uint32_t frame) const override {
    return is_tensor(tensor, frame, false) ? tensor_bytes(tensor, frame) : nullptr;
  }

  link::ObjectRecord *objects_in(uint32_t frame) override {
    return reinterpret_cast<link::ObjectRecord *>(
        row(header().objects_in, frame, header().max_objects * sizeof(link::ObjectRecord)));
  }

  uint8_t *aux_in(uint32_t frame) override { return row(header().aux_in, frame, header().aux_bytes); }

  const link::ObjectRecord *objects_out(uint32_t frame) const override { return results_.objects.at(frame).data(); }
  const link::EventRecord *events_out(uint32_t frame) const override { return results_.events.at(frame).data(); }
  const uint8_t *aux_out(uint32_t frame) const override { return row(header().aux_out, frame, header().aux_bytes); }

  void *output_place(uint32_t tensor, uint32_t frame) override {
    return is_tensor(tensor, frame, false) ? tensor_bytes(tensor, frame) : nullptr;
  }

  SharedRange shared() const override { return {memory().base(), memory().bytes(), table_}; }

  void submit(uint32_t batch) override { hand_over(batch, header().kind == uint32_t(link::Kind::Detect), 0); }

  void submit_outputs(uint32_t batch, uint64_t engine_start) override { hand_over(batch, false, engine_start); }

  bool wait(std::string *error) override {
    if (stage_ != Stage::Submitted) {
      *error = "this batch was not submitted";
      return false;
    }
    return wait_until_done(error) && take_outcome(error);
  }

  WorkTimes times() const override {
    const link::SlotHeader &slot = memory().slot(index_);
    return {slot.submitted, slot.engine_start, slot.engine_end, slot.module_start, slot.module_end};
  }

 private:
  enum class Stage { Filling, Submitted, Done };

  const link::Memory &memory() const { return table_->memory(); }
  const link::LinkHeader &header() const { return table_->header(); }

  bool is_tensor(uint32_t tensor, uint32_t frame, bool input) const {
    return tensor < header().tensor_count && frame < capacity() && (header().tensors[tensor].is_input != 0) == input;
  }

  void *tensor_bytes(uint32_t tensor, uint32_t frame) const {
    return row(header().tensors[tensor].offset, frame, header().tensors[tensor].frame_bytes);
  }

  uint8_t *row(uint64_t offset, uint32_t frame, uint64_t bytes) const {
    return frame < capacity() ? memory().at(index_, offset, frame, bytes) : nullptr;
  }

  void hand_over(uint32_t batch, bool to_engine, uint64_t engine_start) {
    if (stage_ != Stage::Filling) return;
    batch_ = std::clamp(batch, 1u, capacity());
    write_frames();
    write_slot_header(engine_start);
    submitted_ = Clock::now();
    stage_ = Stage::Submitted;
    memory().set_state(index_, to_engine ? SlotState::InputReady : SlotState::OutputReady);
    memory().ring(to_engine ? link::kBellEngine : link::kBellModule);
  }

  void write_frames() {
    for (uint32_t i = 0; i < batch_; ++i) {
      FrameRecord &frame = results_.frames[i];
      frame.objects_in = std::min(frame.objects_in, header().max_objects);
      frame.aux_in = std::min(frame.aux_in, header().aux_bytes);
      frame.objects_out = frame.events_out = frame.aux_out = frame.user = frame.user_bytes = 0;
    }
    memcpy(memory().at(index_, header().frames), results_.frames.data(), batch_ * sizeof(FrameRecord));
  }

  // `engine_start`: of an engine on this side, which ended just now; 0 for the others.
  void write_slot_header(uint64_t engine_start) {
    static std::atomic<uint64_t> sequence{0};
    link::SlotHeader &slot = memory().slot(index_);
    slot.batch = batch_;
    slot.sequence = ++sequence;
    slot.engine_start = slot.engine_end = slot.module_start = slot.module_end = 0;
    slot.error_code = 0;
    slot.error[0] = 0;
    slot.submitted = monotonic_ns();
    if (!engine_start) return;
    slot.engine_start = engine_start;
    slot.engine_end = slot.submitted;
    slot.submitted = engine_start;
  }

  bool wait_until_done(std::string *error) {
    for (;;) {
      const uint32_t seen = memory().bell(link::kBellElement);
      if (SlotTable::is_done(memory().state(index_))) return true;
      if (table_->session->ended()) {
        *error = "the postprocess host has gone";
        return false;
      }
      const auto left = submitted_ + deadline_ - Clock::now();
      if (left <= Clock::duration::zero()) {
        *error = "no result within the deadline of " + std::to_string(deadline_.count()) + " ms";
        return false;
      }
      memory().wait(link::kBellElement, seen, left);
    }
  }

  bool take_outcome(std::string *error) {
    stage_ = Stage::Done;
    if (memory().state(index_) == SlotState::ResultReady)
      return link::take_results(memory(), index_, batch_, &results_, error);
    *error = link::failure_of(memory(), index_);
    return false;
  }

  const std::shared_ptr<SlotTable> table_;
  const uint32_t index_;
  const milliseconds deadline_;
  link::Results &results_;
  Stage stage_ = Stage::Filling;
  uint32_t batch_ = 0;
  Clock::time_point submitted_;
};

EngineState engine_state(link::ClientState state) {
  switch (state) {
    case link::ClientState::Connecting:
      return EngineState::Starting;
    case link::ClientState::Ready:
      return EngineState::Ready;
    case link::ClientState::Gone:
      return EngineState::Gone;
    case link::ClientState::Refused:
      return EngineState::Refused;
  }
  return EngineState::Gone;
}

// What a build without an engine of its own makes of a bundle that needs one.
bool refuse_local_model(const std::shared_ptr<const EngineInfo> &info, std::string *error) {
  if (info->model.file.empty()) return true;
  *error = "bundle " + info->bundle_name + " runs its model (" + info->model.file + ") on the GPU with the engine \"" +
           info->model.engine +
           "\", which this build of the plugin does not have: build it with -Dcuda=enabled, or use a bundle with an "
           "ONNX model";
  return false;
}

class RemoteEngine : public Engine {
 public:
  RemoteEngine(const EngineOptions &options, LayoutCheck check)
      : options_(options), check_(check ? std::move(check) : refuse_local_model) {}

  bool start(milliseconds timeout, std::string *error) override {
    impossible_ = true;
    if (!options_.parameters.empty() && !link::merge_parameters(options_.parameters, &parameters_, error)) return false;
    if (options_.host_socket.empty() && !(host_ = HostProcess::shared(error))) return false;
    impossible_ = false;
    client_ =
        std::make_unique<link::Client>(client_options(), [this](link::ClientState state, const std::string &message) {
          if (on_state) on_state(engine_state(state), message);
        });
    client_->wait_settled(timeout);
    if (client_->state() == link::ClientState::Ready) return true;
    *error = client_->message();
    if (error->empty())
      *error = "the postprocess host has not answered within " + std::to_string(timeout.count()) + " ms";
    return false;
  }

  EngineState state() const override {
    if (impossible_) return EngineState::Refused;
    return client_ ? engine_state(client_->state()) : EngineState::Starting;
  }

  EngineInfo info() const override {
    auto session = client_ ? client_->session() : nullptr;
    return session ? *describe(*session) : EngineInfo{};
  }

  std::unique_ptr<Work> acquire(milliseconds timeout) override {
    const auto deadline = Clock::now() + timeout;
    while (client_) {
      auto session = client_->usable_session(deadline);
      if (!session) return nullptr;
      auto slots = table(session);
      const uint32_t seen = slots->memory().bell(link::kBellElement);
      const int index = session->ended() ? -1 : slots->take();
      if (index >= 0) return std::make_unique<RemoteWork>(slots, uint32_t(index), options_.deadline);
      if (slots->lost_a_slot()) client_->reset("the postprocess host has not given a slot back for 10 s");
      const auto left = deadline - Clock::now();
      if (left <= Clock::duration::zero()) return nullptr;
      if (!session->draining()) slots->memory().wait(link::kBellElement, seen, left);
    }
    return nullptr;
  }

  void set_parameters(const std::string &json) override {
    if (client_) client_->set_parameters(json);
  }

 private:
  link::ClientOptions client_options() {
    link::ClientOptions client;
    client.open = {options_.kind,      options_.instance, options_.bundle,
                   options_.model,     options_.module,   parameters_,
                   options_.max_batch, options_.slots,    0};
    client.socket = [this](std::string *error, bool *permanent) { return host_socket(error, permanent); };
    client.check = [this](const link::Session &session, std::string *error) {
      return check_(describe(session), error);
    };
    if (host_) client.longest_delay = kOwnHostDelay;
    return client;
  }

  std::string host_socket(std::string *error, bool *permanent) const {
    if (!host_) return options_.host_socket;
    *error = host_->failure();
    *permanent = !error->empty();
    return *permanent ? "" : host_->socket_path();
  }

  // The table of this session; a new session gets a new one.
  std::shared_ptr<SlotTable> table(const std::shared_ptr<link::Session> &session) {
    std::lock_guard lock(mutex_);
    if (!table_ || table_->session != session) table_ = std::make_shared<SlotTable>(session);
    return table_;
  }

  const EngineOptions options_;
  const LayoutCheck check_;
  std::string parameters_ = "{}";
  bool impossible_ = false;  // start() found that there can be no host
  std::shared_ptr<HostProcess> host_;
  std::mutex mutex_;
  std::shared_ptr<SlotTable> table_;
  std::unique_ptr<link::Client> client_;  // last: its thread calls into this object
};

}  // namespace

std::unique_ptr<Engine> make_remote_engine(const EngineOptions &options, LayoutCheck check) {
  return std::make_unique<RemoteEngine>(options, std::move(check));
}

}  // namespace nj

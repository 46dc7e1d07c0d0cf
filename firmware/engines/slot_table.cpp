#include "slot_table.h"

#include <algorithm>

namespace nj {
namespace {

using link::SlotState;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLostAfter{10};

}  // namespace

std::shared_ptr<const EngineInfo> describe(const link::Session &session) {
  const link::LinkHeader &header = session.memory->header();
  auto info = std::make_shared<EngineInfo>();
  info->bundle_name = session.layout.bundle_name;
  info->bundle_version = session.layout.bundle_version;
  info->labels = session.layout.labels;
  info->input = session.layout.input;
  info->model = {session.layout.model_file, session.layout.model_engine, session.layout.model_batch,
                 session.layout.candidates, session.layout.model_precision};
  info->max_batch = header.max_batch;
  info->max_objects = header.max_objects;
  info->max_events = header.max_events;
  info->aux_bytes = header.aux_bytes;
  info->tensors.assign(header.tensors, header.tensors + header.tensor_count);
  info->generation = header.generation;
  return info;
}

SlotTable::SlotTable(std::shared_ptr<link::Session> of) : session(std::move(of)), info(describe(*session)) {
  for (uint32_t i = 0; i < header().slot_count; ++i) slots_.emplace_back(header());
}

int SlotTable::take() {
  std::lock_guard lock(mutex_);
  std::lock_guard taking(session->taking);
  if (session->draining()) return -1;
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].use == Use::Late && is_done(memory().state(i))) slots_[i].use = Use::Free;
    if (slots_[i].use != Use::Free) continue;
    slots_[i].use = Use::Held;
    memory().set_state(i, SlotState::Filling);
    return int(i);
  }
  return -1;
}

void SlotTable::give_back(uint32_t index, bool done) {
  {
    std::lock_guard lock(mutex_);
    slots_[index].use = done ? Use::Free : Use::Late;
    slots_[index].late_since = Clock::now();
    if (done) memory().set_state(index, SlotState::Free);
  }
  memory().ring(link::kBellElement);  // somebody may wait for a slot
}

bool SlotTable::lost_a_slot() {
  std::lock_guard lock(mutex_);
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot &slot) {
    return slot.use == Use::Late && Clock::now() - slot.late_since > kLostAfter;
  });
}

}  // namespace nj

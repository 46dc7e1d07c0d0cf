// The slots of one session of the link: which are taken, and the buffers that belong to them.
//
// A slot that is given back before the host is done with it (deadline) is remembered as late: it becomes free when the
// host hands it over, and when that does not happen for kLostAfter, the link is opened anew.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "../link/client.h"
#include "../link/results.h"
#include "engine.h"

namespace nj {

std::shared_ptr<const EngineInfo> describe(const link::Session &session);

class SlotTable {
 public:
  explicit SlotTable(std::shared_ptr<link::Session> of);

  const std::shared_ptr<link::Session> session;
  const std::shared_ptr<const EngineInfo> info;

  const link::Memory &memory() const { return *session->memory; }
  const link::LinkHeader &header() const { return session->memory->header(); }
  link::Results &results(uint32_t index) { return slots_[index].results; }

  // Index of a slot that is now ours, -1 when there is none.
  int take();
  // `done`: the host does not have the slot.
  void give_back(uint32_t index, bool done);
  // The host has kept a slot for much too long.
  bool lost_a_slot();

  static bool is_done(link::SlotState state) {
    return state == link::SlotState::ResultReady || state == link::SlotState::Failed;
  }

 private:
  enum class Use { Free, Held, Late };
  struct Slot {
    explicit Slot(const link::LinkHeader &header) : results(header) {}
    Use use = Use::Free;
    std::chrono::steady_clock::time_point late_since;
    link::Results results;
  };

  std::mutex mutex_;
  std::vector<Slot> slots_;
};

}  // namespace nj

// When a batch goes, and with which frames: decided from the queues alone.
#pragma once

#include <vector>

#include "stream_queue.h"

namespace nj {

struct BatchRules {
  guint batch_size = 0;          // most frames in a batch; 0: as many as there are sources
  gint64 timeout = 33000;        // µs from the first frame; negative: wait for a full batch
  bool sync_inputs = false;      // only frames of the same moment share a batch
  GstClockTime max_latency = 0;  // ns that sync_inputs waits for late sources, on top of the timeout
};

enum class Action { Wait, Push, Ended };

struct Decision {
  Action action = Action::Wait;
  gint64 deadline = -1;  // µs, monotonic, of Wait; -1: until something changes
};

// `idle_since`: when the previous batch was pushed, µs. `now`: µs. Both monotonic.
Decision decide(const std::vector<StreamQueue *> &streams, const BatchRules &rules, gint64 idle_since, gint64 now);

// Streams whose first frame goes into the batch, one frame each, in order of the pad number; when not all fit, from pad
// number `first` and round, so that all sources get their turn.
std::vector<StreamQueue *> choose(const std::vector<StreamQueue *> &streams, const BatchRules &rules, guint first);

// With sync_inputs: drops (and counts) first frames that are older than the batch at `last` by more than max_latency.
void drop_late(const std::vector<StreamQueue *> &streams, const BatchRules &rules, GstClockTime last);

}  // namespace nj

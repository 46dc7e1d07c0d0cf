// What an inference element does with its batches, free of pads and GObject: see StageElement for those.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <string>

#include "batch_queue.h"
#include "statistics.h"

namespace nj {

// An element error in the making.
struct StageError {
  GQuark domain = 0;
  int code = 0;
  std::string message;  // for people: what, where, what was expected, what to do
  std::string detail;
};

class Stage {
 public:
  virtual ~Stage() = default;
  // READY -> PAUSED. false: *error becomes an element error.
  virtual bool start(StageError *error) = 0;
  // Looks at a batch: pushes its jobs, not the batch itself. false: *error becomes an element error.
  virtual bool submit(const std::shared_ptr<Batch> &batch, BatchQueue &queue, StageError *error) = 0;
  // EOS or flush: counters start again, what is remembered of objects is forgotten.
  virtual void reset() = 0;
  // A serialized event in its place between the batches, before it is passed on.
  virtual void heed(GstEvent *) {}
  // A JSON object of module parameters: only what changes. Any thread.
  virtual void set_parameters(const std::string &json) = 0;
  // Why nothing but a new process helps (a GPU that faulted); empty while all is well.
  virtual std::string fault() const { return {}; }

  Statistics statistics;
};

}  // namespace nj

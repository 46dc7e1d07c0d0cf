// The part of a stage that deals with its engine: checks the files, starts it, watches it, asks it for slots.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host_watch.h"
#include "stage.h"

namespace nj {

// What njinfer and njanalytics have in common. Read at start; `parameters` also while playing.
struct EngineSettings {
  std::string bundle, model, module;
  std::string parameters;  // JSON object
  std::string host_socket;
  guint unique_id = 0;
  guint batch_size = 1;
  guint slots = 0;
  guint deadline_ms = 0;
  gint gpu_id = -1;  // -1: the first one, should one be needed
};

class EngineStage : public Stage {
 public:
  EngineStage(GstElement *element, const char *message_name, EngineSettings settings);

  bool start(StageError *error) override;
  void set_parameters(const std::string &json) override;
  std::string fault() const override { return engine_ ? engine_->fault() : ""; }

 protected:
  // The module's parameters as a JSON object, as they are to be now.
  virtual std::string parameters() const { return settings_.parameters; }
  virtual link::Kind kind() const = 0;

  GstElement *element() const { return element_; }
  const EngineSettings &settings() const { return settings_; }
  Engine *engine() const { return engine_.get(); }
  // A free slot; nothing when the host is gone, when none came free within the deadline, or when the queue flushes.
  std::unique_ptr<Work> acquire(const BatchQueue &queue);
  // Says in the log, at most once a second, why batches fail.
  void report_failure(const std::string &reason);

 private:
  GstElement *element_;
  EngineSettings settings_;
  HostWatch watch_;
  gint64 last_report_ = 0;  // µs, monotonic
  // Last: its thread calls watch_ until it is gone.
  std::unique_ptr<Engine> engine_;

  bool check_files(StageError *error) const;
};

// The error that says which property names a missing file or directory; nothing when it is there.
std::optional<StageError> missing_path(const char *property, const std::string &path, bool directory);

// Whether `text` is a JSON object; empty counts as one.
bool is_json_object(const std::string &text);

}  // namespace nj

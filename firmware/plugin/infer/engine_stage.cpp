#include "engine_stage.h"

#include <sys/un.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine_factory.h"

GST_DEBUG_CATEGORY_EXTERN(nj_infer_debug);
#define GST_CAT_DEFAULT nj_infer_debug

namespace nj {

namespace {

// Loading a large model and warming it may take this long.
constexpr std::chrono::seconds kStartTimeout{60};
// The elements of a pipeline start one after the other: each waits for a host that somebody else runs no longer than
// this. Frames pass until it has answered.
constexpr std::chrono::milliseconds kNamedHostTimeout{200};
// How often a wait for a slot looks whether the element is being flushed.
constexpr std::chrono::milliseconds kFlushCheck{50};
constexpr size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr gint64 kReportInterval = G_USEC_PER_SEC;

StageError settings_error(std::string message) {
  return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, std::move(message), {}};
}

}  // namespace

std::optional<StageError> missing_path(const char *property, const std::string &path, bool directory) {
  const GFileTest test = directory ? G_FILE_TEST_IS_DIR : G_FILE_TEST_IS_REGULAR;
  if (g_file_test(path.c_str(), test)) return std::nullopt;
  const bool exists = g_file_test(path.c_str(), G_FILE_TEST_EXISTS);
  const char *expected = directory ? "a directory with bundle.yaml in it" : "a readable file";
  std::string message =
      std::string(property) + "=" + path + (exists ? " is not " : " does not exist: expected ") + expected;
  return StageError{GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, std::move(message), {}};
}

bool is_json_object(const std::string &text) {
  return text.empty() || nlohmann::json::parse(text, nullptr, false).is_object();
}

EngineStage::EngineStage(GstElement *element, const char *message_name, EngineSettings settings)
    : element_(element), settings_(std::move(settings)), watch_(element, message_name) {}

bool EngineStage::check_files(StageError *error) const {
  const bool needs_model = kind() == link::Kind::Detect;
  std::optional<StageError> problem;
  if (!settings_.bundle.empty()) {
    problem = missing_path("bundle", settings_.bundle, true);
    if (!problem && !g_file_test((settings_.bundle + "/bundle.yaml").c_str(), G_FILE_TEST_IS_REGULAR))
      problem = StageError{GST_RESOURCE_ERROR,
                           GST_RESOURCE_ERROR_NOT_FOUND,
                           "bundle=" + settings_.bundle + " has no bundle.yaml: expected the directory of a bundle",
                           {}};
  } else if (settings_.module.empty() || (needs_model && settings_.model.empty())) {
    const char *text = needs_model ? "nothing to run: set bundle=DIRECTORY, or model=FILE and module=FILE"
                                   : "nothing to run: set bundle=DIRECTORY or module=FILE";
    problem = StageError{GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, text, {}};
  } else {
    if (needs_model) problem = missing_path("model", settings_.model, false);
    if (!problem) problem = missing_path("module", settings_.module, false);
  }
  if (!problem && settings_.host_socket.size() > kLongestSocketPath)
    problem =
        settings_error("host-socket=" + settings_.host_socket + " is too long for a Unix socket: expected at most " +
                       std::to_string(kLongestSocketPath) + " bytes");
  if (problem) *error = *problem;
  return !problem;
}

bool EngineStage::start(StageError *error) {
  if (!check_files(error)) return false;
  EngineOptions options;
  options.bundle = settings_.bundle;
  options.model = settings_.bundle.empty() ? settings_.model : "";
  options.module = settings_.bundle.empty() ? settings_.module : "";
  options.parameters = parameters();
  options.host_socket = settings_.host_socket;
  gchar *name = gst_object_get_name(GST_OBJECT(element_));
  options.instance = name;
  g_free(name);
  options.max_batch = settings_.batch_size;
  options.slots = settings_.slots;
  options.deadline = std::chrono::milliseconds(settings_.deadline_ms);
  options.kind = kind();
  options.device = std::max(settings_.gpu_id, 0);

  engine_ = make_engine(options);
  engine_->on_state = [this](EngineState state, const std::string &message) { watch_.changed(state, message); };
  std::string reason;
  const bool own = settings_.host_socket.empty();
  const bool ready = engine_->start(own ? std::chrono::milliseconds(kStartTimeout) : kNamedHostTimeout, &reason);
  // A host that is named but not there yet is no error. One of our own must start.
  if (!ready && (own || engine_->state() == EngineState::Refused)) {
    engine_.reset();
    *error = settings_error(reason.empty() ? "the postprocess host did not answer in time" : reason);
    return false;
  }
  watch_.started(ready ? "" : reason);
  return true;
}

void EngineStage::set_parameters(const std::string &json) {
  if (engine_) engine_->set_parameters(json.empty() ? "{}" : json);
}

std::unique_ptr<Work> EngineStage::acquire(const BatchQueue &queue) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(settings_.deadline_ms);
  while (!queue.flushing()) {
    if (auto work = engine_->acquire(kFlushCheck)) return work;
    if (engine_->state() != EngineState::Ready) {
      watch_.missed();
      break;
    }
    if (std::chrono::steady_clock::now() >= give_up) break;
  }
  return nullptr;
}

void EngineStage::report_failure(const std::string &reason) {
  const gint64 now = g_get_monotonic_time();
  if (last_report_ && now - last_report_ < kReportInterval) return;
  last_report_ = now;
  GST_CAT_WARNING_OBJECT(nj_infer_debug, element_, "frames pass without results: %s", reason.c_str());
}

}  // namespace nj

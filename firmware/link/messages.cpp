#include "messages.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace nj::link {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr uint32_t kMaxSide = 16384;  // pixels of a network input
constexpr size_t kMaxLabels = 65536;

// Exceptions stay inside of this file: a member that is missing or of another type throws this.
struct Malformed {
  std::string what;
};

Json parse(const std::string &text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); }

const Json &member(const Json &object, const char *name) {
  auto found = object.find(name);
  if (found == object.end()) throw Malformed{std::string(name) + " is missing"};
  return *found;
}

std::string text_of(const Json &object, const char *name) {
  const Json &value = member(object, name);
  if (!value.is_string()) throw Malformed{std::string(name) + " must be a string"};
  return value.get<std::string>();
}

std::string optional_text(const Json &object, const char *name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

uint64_t whole_of(const Json &object, const char *name, uint64_t low, uint64_t high) {
  const Json &value = member(object, name);
  // A number that was written by JavaScript has no type of its own: 3.0 comes as 3.
  if (!value.is_number_unsigned() || value.get<uint64_t>() < low || value.get<uint64_t>() > high)
    throw Malformed{std::string(name) + " must be a whole number from " + std::to_string(low) + " to " +
                    std::to_string(high)};
  return value.get<uint64_t>();
}

// One of two or three words; returns its index.
int word_of(const Json &object, const char *name, std::initializer_list<const char *> words) {
  const std::string value = text_of(object, name);
  int index = 0;
  std::string expected;
  for (const char *word : words) {
    if (value == word) return index;
    expected += (index++ ? " or " : "") + std::string(word);
  }
  throw Malformed{std::string(name) + " is \"" + value + "\", expected " + expected};
}

void channels_of(const Json &object, const char *name, float out[3]) {
  const Json &value = member(object, name);
  if (!value.is_array() || value.size() != 3) throw Malformed{std::string(name) + " must be an array of 3 numbers"};
  for (size_t i = 0; i < 3; ++i) {
    if (!value[i].is_number()) throw Malformed{std::string(name) + " must be an array of 3 numbers"};
    out[i] = value[i].get<float>();
    if (!std::isfinite(out[i])) throw Malformed{std::string(name) + " must be an array of 3 finite numbers"};
  }
}

TensorSpec input_of(const Json &input) {
  TensorSpec spec;
  spec.width = uint32_t(whole_of(input, "width", 1, kMaxSide));
  spec.height = uint32_t(whole_of(input, "height", 1, kMaxSide));
  spec.bgr = word_of(input, "color", {"RGB", "BGR"}) == 1;
  spec.channels_last = word_of(input, "layout", {"NCHW", "NHWC"}) == 1;
  spec.half = word_of(input, "dtype", {"float32", "float16"}) == 1;
  channels_of(input, "scale", spec.scale);
  channels_of(input, "mean", spec.mean);
  constexpr Letterbox kLetterbox[] = {Letterbox::Centre, Letterbox::BottomRight, Letterbox::Stretch};
  spec.letterbox = kLetterbox[word_of(input, "letterbox", {"centre", "bottom-right", "stretch"})];
  spec.fill = uint8_t(whole_of(input, "fill", 0, 255));
  return spec;
}

std::vector<std::string> labels_of(const Json &object) {
  const Json &labels = member(object, "labels");
  if (!labels.is_array() || labels.size() > kMaxLabels) throw Malformed{"labels must be an array of strings"};
  std::vector<std::string> names;
  for (const Json &label : labels) {
    if (!label.is_string()) throw Malformed{"labels must be an array of strings"};
    names.push_back(label.get<std::string>());
  }
  return names;
}

CandidateRule candidate_rule_of(const Json &object) {
  CandidateRule rule;
  rule.output = text_of(object, "output");
  rule.anchors = uint32_t(whole_of(object, "anchors", 1, UINT32_MAX));
  rule.first_score = uint32_t(whole_of(object, "firstScore", 0, UINT32_MAX));
  rule.scores = uint32_t(whole_of(object, "scores", 1, UINT32_MAX));
  const Json &threshold = member(object, "threshold");
  if (!threshold.is_number()) throw Malformed{"threshold must be a number"};
  rule.threshold = threshold.get<float>();
  return rule;
}

void local_model_of(const Json &object, LayoutMessage *layout) {
  const auto model = object.find("model");
  if (model == object.end()) return;
  layout->model_file = text_of(*model, "file");
  layout->model_engine = text_of(*model, "engine");
  layout->model_batch = uint32_t(whole_of(*model, "batch", 0, kMaxBatch));
  layout->model_precision = optional_text(*model, "precision");
  const auto candidates = model->find("candidates");
  if (candidates == model->end()) return;
  if (!candidates->is_array()) throw Malformed{"candidates must be an array"};
  for (const Json &rule : *candidates) layout->candidates.push_back(candidate_rule_of(rule));
}

LayoutMessage layout_of(const Json &object, Kind kind) {
  LayoutMessage layout;
  layout.generation = uint32_t(whole_of(object, "generation", 1, UINT32_MAX));
  layout.bytes = whole_of(object, "bytes", sizeof(LinkHeader), kMaxBytes);
  const Json &bundle = member(object, "bundle");
  layout.bundle_name = text_of(bundle, "name");
  layout.bundle_version = text_of(bundle, "version");
  layout.labels = labels_of(object);
  if (kind == Kind::Detect) {
    layout.input = input_of(member(object, "input"));
    local_model_of(object, &layout);
  }
  return layout;
}

void read_message(const Json &object, Kind kind, HostMessage *message) {
  const std::string type = text_of(object, "type");
  if (type == "layout") {
    message->type = HostMessage::Type::Layout;
    message->layout = layout_of(object, kind);
  } else if (type == "refused") {
    message->type = HostMessage::Type::Refused;
    message->code = text_of(object, "code");
    message->key = optional_text(object, "key");
    message->text = text_of(object, "message");
  } else if (type == "reconfigure") {
    message->type = HostMessage::Type::Reconfigure;
    message->layout = layout_of(object, kind);
    message->text = optional_text(object, "reason");
  } else if (type == "state") {
    message->type = HostMessage::Type::State;
    message->ready = word_of(object, "state", {"ready", "degraded"}) == 0;
    message->text = optional_text(object, "message");
  } else {
    throw Malformed{"its type \"" + type + "\" is unknown"};
  }
}

// Text of people (paths, names) may hold bytes that are not UTF-8: they are replaced rather than refused.
std::string dump(const Json &object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json object_or_empty(const std::string &text) {
  Json value = parse(text);
  return value.is_object() ? value : Json::object();
}

}  // namespace

std::string encode_open(const OpenRequest &request) {
  Json message = {{"type", "open"},
                  {"version", kVersion},
                  {"kind", request.kind == Kind::Detect ? "detect" : "analyze"},
                  {"instance", request.instance},
                  {"parameters", object_or_empty(request.parameters)},
                  {"batch", request.batch},
                  {"slots", request.slots},
                  {"generation", request.generation}};
  if (!request.bundle.empty()) message["bundle"] = request.bundle;
  if (!request.model.empty()) message["model"] = request.model;
  if (!request.module.empty()) message["module"] = request.module;
  return dump(message);
}

std::string encode_parameters(const std::string &parameters) {
  return dump({{"type", "parameters"}, {"parameters", object_or_empty(parameters)}});
}

std::string encode_switched(uint32_t generation) { return dump({{"type", "switched"}, {"generation", generation}}); }

std::string encode_declined(uint32_t generation, const std::string &message) {
  return dump({{"type", "declined"}, {"generation", generation}, {"message", message}});
}

bool decode(const std::string &line, Kind kind, HostMessage *message, std::string *error) {
  Json object = parse(line);
  if (!object.is_object()) {
    *error = "the host sent a line that is not a JSON object";
    return false;
  }
  try {
    read_message(object, kind, message);
    return true;
  } catch (const Malformed &malformed) {
    *error = "the host sent a message that cannot be used: " + malformed.what;
    return false;
  }
}

bool merge_parameters(const std::string &changes, std::string *parameters, std::string *error) {
  Json object = parse(changes);
  if (!object.is_object()) {
    *error = "parameters must be a JSON object, for example {\"confidence-threshold\": 0.4}; got: " + changes;
    return false;
  }
  Json merged = object_or_empty(*parameters);
  merged.update(object);
  *parameters = dump(merged);
  return true;
}

}  // namespace nj::link

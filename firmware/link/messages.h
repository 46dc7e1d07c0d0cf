// The messages of docs/reference/link.md, as the element writes and reads them. All JSON of the link is in
// messages.cpp.
#pragma once

#include <string>
#include <vector>

#include "../preprocess/preprocessor.h"
#include "protocol.h"

namespace nj::link {

// What the element asks the host for.
struct OpenRequest {
  Kind kind = Kind::Detect;
  std::string instance;       // name of the element, for logs
  std::string bundle;         // directory; or the two files below
  std::string model, module;  // files
  std::string parameters;     // JSON object, empty for none
  uint32_t batch = 1;         // frames in a slot
  uint32_t slots = 3;
  uint32_t generation = 0;  // of the layout that the element has; 0 at first
};

// An output [fields, anchors] of a model that the element runs itself, of which the module gets the candidates only: in
// the link it is [fields, keep].
struct CandidateRule {
  std::string output;
  uint32_t anchors = 0;                  // that the model gives
  uint32_t first_score = 0, scores = 0;  // fields that are scores
  float threshold = 0;                   // an anchor with a score of at least this is one
};

struct LayoutMessage {
  uint32_t generation = 0;
  uint64_t bytes = 0;
  std::string bundle_name, bundle_version;
  std::vector<std::string> labels;
  TensorSpec input;  // detect only
  // A model that the element runs itself; the file is empty where the host runs it.
  std::string model_file, model_engine;
  uint32_t model_batch = 0;     // frames of one run; 0: any number
  std::string model_precision;  // of an engine that has to be built; empty: as the builder likes
  std::vector<CandidateRule> candidates;
};

// A message of the host. Only what belongs to its type is filled in.
struct HostMessage {
  enum class Type { Layout, Refused, Reconfigure, State } type = Type::State;
  LayoutMessage layout;   // layout, reconfigure
  std::string code, key;  // refused
  bool ready = false;     // state
  std::string text;       // refused, reconfigure, state: for people
};

std::string encode_open(const OpenRequest &request);
std::string encode_parameters(const std::string &parameters);
// The answer to a reconfiguration: no slot of an older generation is begun any more.
std::string encode_switched(uint32_t generation);
// The other answer: this side cannot run that layout, the one before stays.
std::string encode_declined(uint32_t generation, const std::string &message);

// false: *error says what was expected. `kind` decides whether a layout must describe an input.
bool decode(const std::string &line, Kind kind, HostMessage *message, std::string *error);

// Lays the members of the JSON object `changes` over those of *parameters. false: *error says that it is no object.
bool merge_parameters(const std::string &changes, std::string *parameters, std::string *error);

}  // namespace nj::link

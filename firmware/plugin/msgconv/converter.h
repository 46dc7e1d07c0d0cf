// From the metadata of one frame to the documents that njmsgconv attaches to it: decides how many, which schema, which
// time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "documents.h"

namespace nj::msgconv {

enum class Schema { Full = 0, Minimal = 1 };
enum class Clock { Capture = 0, Conversion = 1 };

struct Settings {  // see the properties of njmsgconv
  Schema schema = Schema::Full;
  Clock timestamp = Clock::Capture;
  bool from_frames = false;  // msg2p-newapi
  bool extensions = false;
  bool events = false;
  bool dummy_payload = false;
  unsigned component_id = 0;
  unsigned frame_interval = 30;
};

struct Document {
  NjPayloadKind kind;
  std::string text;
};

class Converter {
 public:
  Converter(Settings settings, std::optional<Site> site, Environment environment);

  // The caller holds the batch's lock.
  std::vector<Document> convert(const NjFrameMeta *frame) const;

 private:
  void frame_documents(const NjFrameMeta *frame, std::vector<Document> &out) const;
  void event_msg_documents(const NjFrameMeta *frame, std::vector<Document> &out) const;
  void event_documents(const NjFrameMeta *frame, std::vector<Document> &out) const;
  std::string timestamp(const NjFrameMeta *frame) const;
  std::vector<const NjEventMsgMeta *> event_msgs(const NjFrameMeta *frame) const;

  Settings settings_;
  std::optional<Site> site_;
  Environment environment_;
  Context context_;

  Converter(const Converter &) = delete;
  Converter &operator=(const Converter &) = delete;
};

}  // namespace nj::msgconv

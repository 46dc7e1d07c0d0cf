// The documents that njmsgconv writes. Each function builds one from metadata; none keeps anything.
//
// nvmsgconv's schemas are reproduced member for member (docs/reference/topics.md shows them and lists what differs).
// List order is kept: objects, event metas and custom messages come newest first, as in the frame's lists.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "../../metadata/nj_event_msg_meta.h"
#include "../../metadata/nj_meta.h"
#include "json.h"
#include "site.h"

namespace nj::msgconv {

// Where ids and the present come from; tests put their own here.
struct Environment {
  std::function<uint64_t()> now;      // ns since the epoch
  std::function<std::string()> uuid;  // a new one each time
};
Environment system_environment();

struct Context {
  const Site *site;  // NULL: no config file
  const Environment *environment;
};

// Pieces of the full schema; null when the config has no such group.
Json sensor_json(const Context &context, int number);
Json analytics_json(const Context &context, int number);
Json place_json(const Place &place);  // id, name, type, location
Json place_coordinate_json(const Place &place);
Json bbox_json(float left, float top, float width, float height);
Json location_json(double lat, double lon, double alt);
Json coordinate_json(double x, double y, double z);

// New API (msg2p-newapi=true): documents from frames and objects. `timestamp` is the text of "@timestamp".
Json frame_full(const Context &context, const NjFrameMeta *frame, const NjObjectMeta *object,
                const std::string &timestamp);
Json frame_minimal(const Context &context, const NjFrameMeta *frame, const std::string &timestamp);

// Event mode: documents from NjEventMsgMeta. The minimal one takes all events of a frame; frame number, time and sensor
// are those of the first. With no events it describes `empty`, a document without objects.
Json event_msg_full(const Context &context, const NjEventMsgMeta *event);
Json event_msg_minimal(const Context &context, const std::vector<const NjEventMsgMeta *> &events);
Json event_msg_none(const Context &context, const NjFrameMeta *frame, const std::string &timestamp);

// The id of the camera in the minimal schema: the config's sensor id, else the frame's own sensor_id, else "0".
std::string frame_sensor_id(const Context &context, const NjFrameMeta *frame);

// Ours: the "nightjar" member (extensions=true), for a frame with all its objects or with the one of a full document,
// and the document of one event (events=true).
Json nightjar_member(const Context &context, const NjFrameMeta *frame, const NjObjectMeta *only);
Json nightjar_event(const Context &context, const NjFrameMeta *frame, const NjEvent *event,
                    const std::string &timestamp);

}  // namespace nj::msgconv

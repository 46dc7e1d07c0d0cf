#include "converter.h"

#include "text.h"

namespace nj::msgconv {

Converter::Converter(Settings settings, std::optional<Site> site, Environment environment)
    : settings_(settings), site_(std::move(site)), environment_(std::move(environment)) {
  context_ = {site_ ? &*site_ : nullptr, &environment_};
}

std::vector<Document> Converter::convert(const NjFrameMeta *frame) const {
  std::vector<Document> documents;
  if (settings_.from_frames) {
    frame_documents(frame, documents);
  } else {
    event_msg_documents(frame, documents);
  }
  if (settings_.events) event_documents(frame, documents);
  return documents;
}

void Converter::frame_documents(const NjFrameMeta *frame, std::vector<Document> &out) const {
  if (frame->frame_num % static_cast<int64_t>(settings_.frame_interval) != 0) return;
  const std::string time = timestamp(frame);
  if (settings_.schema == Schema::Minimal) {
    Json document = frame_minimal(context_, frame, time);
    if (settings_.extensions) document.set("nightjar", nightjar_member(context_, frame, nullptr));
    out.push_back({NJ_PAYLOAD_OBJECTS, document.text()});
    return;
  }
  for (const GList *o = frame->obj_meta_list; o; o = o->next) {
    const auto *object = static_cast<const NjObjectMeta *>(o->data);
    Json document = frame_full(context_, frame, object, time);
    if (settings_.extensions) document.set("nightjar", nightjar_member(context_, frame, object));
    out.push_back({NJ_PAYLOAD_OBJECTS, document.text()});
  }
}

void Converter::event_msg_documents(const NjFrameMeta *frame, std::vector<Document> &out) const {
  const auto events = event_msgs(frame);
  if (settings_.schema == Schema::Full) {
    for (const NjEventMsgMeta *event : events) {
      out.push_back({NJ_PAYLOAD_OBJECTS, event_msg_full(context_, event).text()});
    }
  } else if (!events.empty()) {
    out.push_back({NJ_PAYLOAD_OBJECTS, event_msg_minimal(context_, events).text()});
  } else if (settings_.dummy_payload) {
    out.push_back({NJ_PAYLOAD_OBJECTS, event_msg_none(context_, frame, utc_milliseconds(frame->ntp_timestamp)).text()});
  }
}

// Oldest first: events of one frame follow each other as the module told them.
void Converter::event_documents(const NjFrameMeta *frame, std::vector<Document> &out) const {
  for (const GList *u = g_list_last(frame->frame_user_meta_list); u; u = u->prev) {
    const auto *user = static_cast<const NjUserMeta *>(u->data);
    if (user->meta_type != NJ_EVENT_META || !user->user_meta_data) continue;
    const auto *event = static_cast<const NjEvent *>(user->user_meta_data);
    out.push_back({NJ_PAYLOAD_EVENT, nightjar_event(context_, frame, event, timestamp(frame)).text()});
  }
}

std::string Converter::timestamp(const NjFrameMeta *frame) const {
  const bool captured = settings_.timestamp == Clock::Capture && frame->ntp_timestamp != 0;
  return utc_milliseconds(captured ? frame->ntp_timestamp : environment_.now());
}

std::vector<const NjEventMsgMeta *> Converter::event_msgs(const NjFrameMeta *frame) const {
  std::vector<const NjEventMsgMeta *> events;
  for (const GList *u = frame->frame_user_meta_list; u; u = u->next) {
    const auto *user = static_cast<const NjUserMeta *>(u->data);
    if (user->meta_type != NJ_EVENT_MSG_META || !user->user_meta_data) continue;
    const auto *event = static_cast<const NjEventMsgMeta *>(user->user_meta_data);
    const bool wanted =
        settings_.component_id == 0 || static_cast<unsigned>(event->componentId) == settings_.component_id;
    if (wanted) events.push_back(event);
  }
  return events;
}

}  // namespace nj::msgconv

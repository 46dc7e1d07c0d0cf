#include "batch_rules.h"

#include <algorithm>

namespace nj {
namespace {

// A source that missed this many batches in a row has stalled: it is not waited for until it delivers again.
constexpr guint kStalledAfter = 8;
// Without a frame rate, frames this close to each other are of the same moment.
constexpr GstClockTime kSameMoment = 20 * GST_MSECOND;

bool waits_for(const StreamQueue &stream, const BatchRules &rules) {
  if (!stream.frames.empty()) return true;
  return !stream.eos && (rules.timeout < 0 || stream.missed < kStalledAfter);
}

gint64 oldest_arrival(const std::vector<StreamQueue *> &streams) {
  gint64 oldest = G_MAXINT64;
  for (const StreamQueue *stream : streams)
    if (!stream->frames.empty()) oldest = std::min(oldest, stream->frames.front().arrival);
  return oldest;
}

GstClockTime same_moment(const GstVideoInfo &info) {
  if (GST_VIDEO_INFO_FPS_N(&info) <= 0) return kSameMoment;
  return gst_util_uint64_scale_int(GST_SECOND / 2, GST_VIDEO_INFO_FPS_D(&info), GST_VIDEO_INFO_FPS_N(&info));
}

// Keeps the streams whose first frame belongs to the moment of the earliest.
void keep_earliest_moment(std::vector<StreamQueue *> *streams) {
  const auto earlier = [](const StreamQueue *a, const StreamQueue *b) {
    return a->frames.front().running_time < b->frames.front().running_time;
  };
  const QueuedFrame &earliest = (*std::min_element(streams->begin(), streams->end(), earlier))->frames.front();
  if (!GST_CLOCK_TIME_IS_VALID(earliest.running_time)) return;
  const GstClockTime end = earliest.running_time + same_moment(earliest.info);
  streams->erase(std::remove_if(streams->begin(), streams->end(),
                                [end](const StreamQueue *s) { return s->frames.front().running_time > end; }),
                 streams->end());
}

}  // namespace

Decision decide(const std::vector<StreamQueue *> &streams, const BatchRules &rules, gint64 idle_since, gint64 now) {
  const auto ready =
      std::count_if(streams.begin(), streams.end(), [](const StreamQueue *s) { return !s->frames.empty(); });
  if (ready == 0) {
    const bool all_ended = std::all_of(streams.begin(), streams.end(), [](const StreamQueue *s) { return s->ended(); });
    return {!streams.empty() && all_ended ? Action::Ended : Action::Wait, -1};
  }
  const auto expected =
      std::count_if(streams.begin(), streams.end(), [&](const StreamQueue *s) { return waits_for(*s, rules); });
  // Frames of the same moment are only known when all have shown one.
  const bool limited = rules.batch_size > 0 && !rules.sync_inputs;
  if (ready >= (limited ? std::min<long>(rules.batch_size, expected) : expected)) return {Action::Push, -1};
  if (rules.timeout < 0) return {};
  const gint64 patience =
      rules.timeout + (rules.sync_inputs ? static_cast<gint64>(GST_TIME_AS_USECONDS(rules.max_latency)) : 0);
  const gint64 deadline = std::max(oldest_arrival(streams), idle_since) + patience;
  return now >= deadline ? Decision{Action::Push, -1} : Decision{Action::Wait, deadline};
}

std::vector<StreamQueue *> choose(const std::vector<StreamQueue *> &streams, const BatchRules &rules, guint first) {
  std::vector<StreamQueue *> chosen;
  for (StreamQueue *stream : streams)
    if (!stream->frames.empty()) chosen.push_back(stream);
  if (rules.sync_inputs && !chosen.empty()) keep_earliest_moment(&chosen);
  if (rules.batch_size == 0 || chosen.size() <= rules.batch_size) return chosen;
  const auto start =
      std::find_if(chosen.begin(), chosen.end(), [first](const StreamQueue *s) { return s->index >= first; });
  std::rotate(chosen.begin(), start, chosen.end());
  chosen.resize(rules.batch_size);
  return chosen;
}

void drop_late(const std::vector<StreamQueue *> &streams, const BatchRules &rules, GstClockTime last) {
  if (!rules.sync_inputs || !GST_CLOCK_TIME_IS_VALID(last)) return;
  const auto is_late = [&](const QueuedFrame &frame) {
    return GST_CLOCK_TIME_IS_VALID(frame.running_time) && frame.running_time + rules.max_latency < last;
  };
  for (StreamQueue *stream : streams)
    while (!stream->frames.empty() && is_late(stream->frames.front())) stream->drop_oldest();
}

}  // namespace nj

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "plugin/mux/batch_rules.h"

#include <doctest/doctest.h>

#include <memory>

namespace {

constexpr gint64 kMillisecond = 1000;  // µs

struct Streams {
  explicit Streams(guint count) {
    for (guint i = 0; i < count; ++i) {
      owned.push_back(std::make_unique<nj::StreamQueue>(i));
      all.push_back(owned.back().get());
    }
  }
  void queue(guint index, gint64 arrival, GstClockTime running_time = 0) {
    nj::QueuedFrame frame;
    gst_video_info_init(&frame.info);
    frame.arrival = arrival;
    frame.running_time = running_time;
    owned[index]->frames.push_back(std::move(frame));
  }
  std::vector<guint> chosen(const nj::BatchRules &rules, guint first = 0) {
    std::vector<guint> indices;
    for (const nj::StreamQueue *stream : nj::choose(all, rules, first)) indices.push_back(stream->index);
    return indices;
  }
  std::vector<std::unique_ptr<nj::StreamQueue>> owned;
  std::vector<nj::StreamQueue *> all;
};

using Indices = std::vector<guint>;

}  // namespace

TEST_CASE("a batch goes when every source has a frame") {
  Streams streams(2);
  streams.queue(0, 0);
  CHECK(nj::decide(streams.all, {}, 0, 1).action == nj::Action::Wait);
  streams.queue(1, 0);
  CHECK(nj::decide(streams.all, {}, 0, 1).action == nj::Action::Push);
}

TEST_CASE("a batch goes at the timeout, counted from its first frame") {
  Streams streams(2);
  streams.queue(0, 10 * kMillisecond);
  nj::BatchRules rules;
  rules.timeout = 33 * kMillisecond;
  const nj::Decision waiting = nj::decide(streams.all, rules, 0, 20 * kMillisecond);
  CHECK(waiting.action == nj::Action::Wait);
  CHECK(waiting.deadline == 43 * kMillisecond);
  CHECK(nj::decide(streams.all, rules, 0, 43 * kMillisecond).action == nj::Action::Push);
}

TEST_CASE("without a timeout a batch waits for every source that has not ended") {
  Streams streams(3);
  nj::BatchRules rules;
  rules.timeout = -1;
  streams.queue(0, 0);
  streams.owned[1]->missed = 1000;
  CHECK(nj::decide(streams.all, rules, 0, 1000000 * kMillisecond).deadline == -1);
  streams.owned[1]->eos = streams.owned[2]->eos = true;
  CHECK(nj::decide(streams.all, rules, 0, 1).action == nj::Action::Push);
}

TEST_CASE("a source that has stalled is not waited for") {
  Streams streams(2);
  streams.queue(0, 0);
  streams.owned[1]->missed = 7;
  CHECK(nj::decide(streams.all, {}, 0, 1).action == nj::Action::Wait);
  streams.owned[1]->missed = 8;
  CHECK(nj::decide(streams.all, {}, 0, 1).action == nj::Action::Push);
}

TEST_CASE("a full batch does not wait for the sources beyond its size, and all get their turn") {
  Streams streams(3);
  nj::BatchRules rules;
  rules.batch_size = 2;
  streams.queue(0, 0);
  streams.queue(2, 0);
  CHECK(nj::decide(streams.all, rules, 0, 1).action == nj::Action::Push);
  streams.queue(1, 0);
  CHECK(streams.chosen(rules, 0) == Indices{0, 1});
  CHECK(streams.chosen(rules, 2) == Indices{2, 0});
  CHECK(streams.chosen(rules, 3) == Indices{0, 1});
}

TEST_CASE("the stream ends when all sources have, and not when there is none") {
  Streams streams(2);
  streams.owned[0]->eos = true;
  CHECK(nj::decide(streams.all, {}, 0, 0).action == nj::Action::Wait);
  streams.owned[1]->eos = true;
  CHECK(nj::decide(streams.all, {}, 0, 0).action == nj::Action::Ended);
  streams.queue(0, 0);
  CHECK(nj::decide(streams.all, {}, 0, 0).action == nj::Action::Push);
  CHECK(nj::decide({}, {}, 0, 0).action == nj::Action::Wait);
}

TEST_CASE("synchronised sources share a batch only with frames of the same moment") {
  Streams streams(3);
  nj::BatchRules rules;
  rules.sync_inputs = true;
  streams.queue(0, 0, 100 * GST_MSECOND);
  streams.queue(1, 0, 110 * GST_MSECOND);
  streams.queue(2, 0, 140 * GST_MSECOND);
  CHECK(streams.chosen(rules) == Indices{0, 1});
  rules.sync_inputs = false;
  CHECK(streams.chosen(rules) == Indices{0, 1, 2});
}

TEST_CASE("frames that come too late for their moment are dropped and counted") {
  Streams streams(1);
  nj::BatchRules rules;
  rules.sync_inputs = true;
  rules.max_latency = 50 * GST_MSECOND;
  streams.queue(0, 0, 100 * GST_MSECOND);
  streams.queue(0, 0, 160 * GST_MSECOND);
  nj::drop_late(streams.all, rules, 200 * GST_MSECOND);
  REQUIRE(streams.all[0]->frames.size() == 1);
  CHECK(streams.all[0]->frames[0].running_time == 160 * GST_MSECOND);
  CHECK(streams.all[0]->dropped == 1);
}

TEST_CASE("the segment of a dropped frame goes on to the next") {
  Streams streams(1);
  nj::StreamQueue &stream = *streams.all[0];
  streams.queue(0, 0);
  streams.queue(0, 0);
  stream.frames[0].segment.emplace();
  stream.segment_changed = false;
  stream.drop_oldest();
  CHECK(stream.frames[0].segment.has_value());
  stream.drop_oldest();
  CHECK(stream.segment_changed);
}

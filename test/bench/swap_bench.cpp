// A live pipeline whose inference elements get other bundles meanwhile: counts what is lost, and what comes late.
//
//   swap-bench --fps 30 "videotestsrc is-live=true ! … ! njinfer name=infer … ! njanalytics name=tracker … ! fakesink
//   name=sink"
//
// Counts from the first line on standard input until that closes, then prints one line of JSON. A frame's delay is its
// arrival at the sink after its own time on the pipeline's clock; a frame is late when its delay is more than one frame
// interval above the median. What an element passed without looking, or failed on, is lost.
#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

namespace {

struct Arrival {
  double time;   // s, of the frame on the pipeline's clock
  double delay;  // ms
};

struct Run {
  std::mutex mutex;
  std::vector<Arrival> arrivals;
};

void arrived(GstElement *sink, GstBuffer *buffer, GstPad *, gpointer data) {
  auto *run = static_cast<Run *>(data);
  GstClock *clock = gst_element_get_clock(sink);
  if (!clock) return;
  const GstClockTime now = gst_clock_get_time(clock) - gst_element_get_base_time(sink);
  gst_object_unref(clock);
  const double pts = double(GST_BUFFER_PTS(buffer)) / GST_SECOND;
  std::lock_guard lock(run->mutex);
  run->arrivals.push_back({pts, (double(now) / GST_SECOND - pts) * 1000});
}

guint64 stat(GstElement *element, const char *name) {
  GstStructure *stats = nullptr;
  guint64 value = 0;
  g_object_get(element, "stats", &stats, nullptr);
  if (stats) gst_structure_get_uint64(stats, name, &value);
  if (stats) gst_structure_free(stats);
  return value;
}

constexpr const char *kElements[] = {"infer", "tracker"};
constexpr const char *kCounters[] = {"frames", "inferred", "passed", "failed"};

using Counters = std::array<std::array<guint64, 4>, 2>;

Counters read_counters(GstElement *pipeline) {
  Counters counters{};
  for (size_t i = 0; i < counters.size(); i++) {
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), kElements[i]);
    if (!element) continue;
    for (size_t k = 0; k < counters[i].size(); k++) counters[i][k] = stat(element, kCounters[k]);
    gst_object_unref(element);
  }
  return counters;
}

double at(const std::vector<double> &sorted, double share) {
  return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, size_t(sorted.size() * share))];
}

// The sink sees every frame, also one that nobody looked at: those are in the elements' counters.
void report(const std::vector<Arrival> &arrivals, const Counters &before, const Counters &after, double interval) {
  std::vector<double> delays;
  double last = -1;
  guint64 missing = 0;
  for (const Arrival &arrival : arrivals) {
    if (last >= 0) missing += guint64(std::max(0.0, (arrival.time - last) * 1000 / interval - 0.5));
    last = arrival.time;
    delays.push_back(arrival.delay);
  }
  std::sort(delays.begin(), delays.end());
  const double median = at(delays, 0.5);
  const auto late = std::count_if(delays.begin(), delays.end(), [&](double d) { return d > median + interval; });
  printf("{\"frames\":%zu,\"missing\":%lu,\"late\":%ld,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f", delays.size(),
         static_cast<unsigned long>(missing), long(late), median, at(delays, 0.99), at(delays, 1));
  for (size_t i = 0; i < before.size(); i++) {
    printf(",\"%s\":{", kElements[i]);
    for (size_t k = 0; k < before[i].size(); k++)
      printf("%s\"%s\":%lu", k ? "," : "", kCounters[k], static_cast<unsigned long>(after[i][k] - before[i][k]));
    printf("}");
  }
  printf("}\n");
}

// Blocks until a line has come; false at the end of the input.
bool read_line() {
  for (int c = getchar(); c != EOF; c = getchar())
    if (c == '\n') return true;
  return false;
}

bool failed(GstBus *bus) {
  GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  if (!message) return false;
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  fprintf(stderr, "swap-bench: %s\n", error->message);
  g_error_free(error);
  gst_message_unref(message);
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 4 || strcmp(argv[1], "--fps") != 0) {
    fprintf(stderr, "usage: swap-bench --fps N PIPELINE\n");
    return 2;
  }
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(argv[3], &error);
  if (!pipeline || error) {
    fprintf(stderr, "swap-bench: %s\n", error ? error->message : "no pipeline");
    return 2;
  }
  Run run;
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, nullptr);
  g_signal_connect(sink, "handoff", G_CALLBACK(arrived), &run);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  Counters before{};
  if (read_line()) {
    std::lock_guard lock(run.mutex);
    run.arrivals.clear();
    before = read_counters(pipeline);
  }
  while (read_line()) {
  }
  GstBus *bus = gst_element_get_bus(pipeline);
  const bool broken = failed(bus);
  gst_object_unref(bus);
  if (!broken) {
    std::lock_guard lock(run.mutex);
    report(run.arrivals, before, read_counters(pipeline), 1000 / atof(argv[2]));
  }
  fflush(stdout);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return broken ? 1 : 0;
}

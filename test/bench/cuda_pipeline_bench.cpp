// njinfer with an engine on the GPU, from frames in GPU memory to objects; scripts/bench-gpu compares it with its
// engine alone (cuda-engine-bench) at the same batch.
//
// streams: frames of the clip (H.264, 1080p) that lie in GPU memory already (--frames decoded: decoded by NVDEC for
// each stream), in njstreammux, one batch of all streams at a time. In the clock: the frames that come out behind
// njinfer, from the 20th batch on. With --pace, held frames come at that many batches a second, so that none waits for
// another: stats then says what a batch takes from its preprocessing to its objects. CPU: of this process and of the
// postprocess host. Needs a bundle whose model runs on the GPU.
//
// usage: cuda-pipeline-bench --bundle DIR --clip FILE [--frames held|decoded] [--streams N] [--batches N] [--slots N]
//          [--pace BATCHES_PER_SECOND] [--only decode]
// Prints one line of JSON; times in microseconds.
#include <cuda_runtime_api.h>
#include <dirent.h>
#include <gst/gst.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "metadata/nj_meta.h"

namespace {

constexpr int kWarmUp = 20;
constexpr size_t kHeld = 96;  // frames: more than the second-level cache of the GPU holds

struct Options {
  std::string bundle, clip, only, frames = "held";
  int streams = 1, batches = 200, slots = 4, pace = 0;

  bool held() const { return frames == "held"; }
};

double now() { return g_get_monotonic_time() / 1e6; }

double cpu_seconds_of(const std::string &pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(line.substr(end + 2));
  std::string field;
  int parent = 0;
  double ticks = 0;
  for (int i = 3; fields >> field; i++) {
    if (i == 4) parent = std::atoi(field.c_str());
    if (i == 14 || i == 15) ticks += std::atof(field.c_str());
  }
  return parent == getpid() ? ticks / sysconf(_SC_CLK_TCK) : 0;
}

double cpu_seconds() {
  rusage own;
  getrusage(RUSAGE_SELF, &own);
  double total = own.ru_utime.tv_sec + own.ru_stime.tv_sec + (own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
  if (DIR *processes = opendir("/proc")) {
    while (const dirent *entry = readdir(processes))
      if (std::isdigit(entry->d_name[0])) total += cpu_seconds_of(entry->d_name);
    closedir(processes);
  }
  return total;
}

double free_mib() {
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  return free / 1048576.0;
}

struct Counter {
  GstElement *pipeline = nullptr;
  int last = 0;  // batch, after which the pipeline has run long enough
  std::atomic<int> batches{0};
  std::atomic<long> frames{0}, objects{0};
  std::atomic<double> begin{0}, end{0}, cpu_begin{0};
  std::atomic<long> counted{0};
};

GstPadProbeReturn count(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *counter = static_cast<Counter *>(data);
  const NjBatchMeta *batch = nj_buffer_get_batch_meta(GST_PAD_PROBE_INFO_BUFFER(info));
  long frames = 1;
  if (batch) {
    frames = batch->num_frames_in_batch;
    for (GList *l = batch->frame_meta_list; l; l = l->next)
      counter->objects += g_list_length(static_cast<NjFrameMeta *>(l->data)->obj_meta_list);
  }
  counter->frames += frames;
  const int number = ++counter->batches;
  if (number == kWarmUp) {
    counter->cpu_begin = cpu_seconds();
    counter->begin = now();
  } else if (number > kWarmUp) {
    counter->counted += frames;
    counter->end = now();
  }
  if (number == counter->last)
    gst_element_post_message(counter->pipeline, gst_message_new_application(GST_OBJECT(counter->pipeline),
                                                                            gst_structure_new_empty("enough")));
  return GST_PAD_PROBE_OK;
}

// The first frames of the clip, as the decoder left them in GPU memory.
struct Held {
  std::mutex mutex;
  std::vector<GstBuffer *> frames;
};

void hold(GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
  auto *held = static_cast<Held *>(data);
  std::lock_guard lock(held->mutex);
  if (held->frames.size() < kHeld) held->frames.push_back(gst_buffer_ref(buffer));
}

bool wait_for_frames(Held *held) {
  for (int i = 0; i < 1000; i++) {
    g_usleep(10000);
    std::lock_guard lock(held->mutex);
    if (held->frames.size() == kHeld) return true;
  }
  return false;
}

void feed(GstElement *source, std::vector<GstBuffer *> frames, int count, int pace) {
  const gint64 begin = g_get_monotonic_time();
  for (int i = 0; i < count; i++) {
    if (pace) g_usleep(std::max<gint64>(begin + gint64{i} * G_USEC_PER_SEC / pace - g_get_monotonic_time(), 0));
    GstBuffer *buffer = gst_buffer_copy(frames[i % frames.size()]);
    GST_BUFFER_PTS(buffer) = i * (GST_SECOND / 30);
    GstFlowReturn flow;
    g_signal_emit_by_name(source, "push-buffer", buffer, &flow);
    gst_buffer_unref(buffer);
    if (flow != GST_FLOW_OK) return;
  }
  GstFlowReturn flow;
  g_signal_emit_by_name(source, "end-of-stream", &flow);
}

std::string pipeline_text(const Options &options) {
  std::string text = "njstreammux name=mux batch-size=" + std::to_string(options.streams) +
                     " batched-push-timeout=1000000 max-queued-frames=4 ";
  if (options.only != "decode")
    text += "! njinfer name=infer gpu-id=0 bundle=" + options.bundle +
            " batch-size=" + std::to_string(options.streams) + " slots=" + std::to_string(options.slots) +
            " deadline=5000 ";
  text += "! fakesink name=sink sync=false async=false ";
  for (int i = 0; i < options.streams; i++) {
    if (options.held())
      text += "appsrc name=s" + std::to_string(i) +
              " format=time block=true max-buffers=8 max-bytes=0 "
              "caps=\"video/x-raw(memory:CUDAMemory),format=NV12,width=1920,height=1080,framerate=30/"
              "1,colorimetry=bt601\" ! mux. ";
    else
      text += "filesrc location=" + options.clip + " ! qtdemux ! h264parse ! nvh264sldec ! njloop ! mux. ";
  }
  if (options.held())
    text += "filesrc location=" + options.clip +
            " ! qtdemux ! h264parse ! nvh264sldec ! fakesink name=hold signal-handoffs=true sync=false async=false";
  return text;
}

// The counters and times of njinfer as JSON.
std::string stats_of(GstElement *infer) {
  GstStructure *stats = nullptr;
  g_object_get(infer, "stats", &stats, nullptr);
  std::string text;
  for (gint i = 0; i < gst_structure_n_fields(stats); i++) {
    const gchar *name = gst_structure_nth_field_name(stats, i);
    guint64 value = 0;
    gst_structure_get_uint64(stats, name, &value);
    text += std::string(text.empty() ? "{\"" : ", \"") + name + "\": " + std::to_string(value);
  }
  gst_structure_free(stats);
  return text + "}";
}

bool run(GstElement *pipeline) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(
      bus, 120 * GST_SECOND,
      static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION));
  const bool good = message && GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR;
  if (!good && message) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    std::fprintf(stderr, "cuda-pipeline-bench: %s\n", error->message);
  } else if (!good) {
    std::fprintf(stderr, "cuda-pipeline-bench: no end within 120 s\n");
  }
  return good;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--bundle") options.bundle = argv[i + 1];
    if (name == "--clip") options.clip = argv[i + 1];
    if (name == "--frames") options.frames = argv[i + 1];
    if (name == "--only") options.only = argv[i + 1];
    if (name == "--streams") options.streams = std::atoi(argv[i + 1]);
    if (name == "--batches") options.batches = std::atoi(argv[i + 1]);
    if (name == "--slots") options.slots = std::atoi(argv[i + 1]);
    if (name == "--pace") options.pace = std::atoi(argv[i + 1]);
  }
  cudaFree(nullptr);
  const double free_before = free_mib();
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(pipeline_text(options).c_str(), &error);
  if (!pipeline || error) {
    std::fprintf(stderr, "cuda-pipeline-bench: %s\n", error ? error->message : "no pipeline");
    return 69;
  }
  Counter counter;
  counter.pipeline = pipeline;
  counter.last = kWarmUp + options.batches;
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad(sink, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, &counter, nullptr);
  GstElement *infer = gst_bin_get_by_name(GST_BIN(pipeline), "infer");
  // The decoder that fills the held frames opens the GPU by itself: it has to find njinfer's context.
  if (infer) gst_element_set_state(infer, GST_STATE_READY);
  if (gst_element_set_state(pipeline, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE) {
    run(pipeline);
    return 1;
  }
  std::vector<std::thread> feeders;
  Held held;
  if (options.held())
    g_signal_connect(gst_bin_get_by_name(GST_BIN(pipeline), "hold"), "handoff", G_CALLBACK(hold), &held);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  if (options.held() && !wait_for_frames(&held)) {
    std::fprintf(stderr, "cuda-pipeline-bench: the clip gave fewer than %zu frames\n", kHeld);
    return 1;
  }
  for (int i = 0; options.held() && i < options.streams; i++) {
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), ("s" + std::to_string(i)).c_str());
    std::vector<GstBuffer *> frames = held.frames;
    std::rotate(frames.begin(), frames.begin() + i % kHeld, frames.end());
    feeders.emplace_back(feed, source, frames, options.batches + 2 * kWarmUp, options.pace);
  }
  const bool good = run(pipeline);
  const double cpu = cpu_seconds() - counter.cpu_begin;
  const double used = free_before - free_mib();
  const std::string stats = infer ? stats_of(infer) : "{}";
  const double seconds = counter.end - counter.begin;
  std::printf(
      "{\"streams\": %d, \"decodes\": %s, \"frames\": %ld, \"fps\": %.1f, \"cpu_ms_per_1000_frames\": %.1f, "
      "\"gpu_mib\": %.0f, \"objects\": %ld, \"stats\": %s}\n",
      options.streams, options.held() ? "false" : "true", counter.counted.load(), counter.counted / seconds,
      cpu * 1e6 / counter.counted, used, counter.objects.load(), stats.c_str());
  std::fflush(stdout);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (std::thread &feeder : feeders) feeder.join();
  return good ? 0 : 1;
}

// nvdsanalytics as the judge of the zones module: the same tracks through both, in one pipeline and on one metadata,
// and what each counts. Scenes are decided ones (objects that cross by far, or stay away by far), for what the two call
// a crossing differs close to the line: nvdsanalytics asks for a way of some pixels, the module for a margin and a
// time.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <gst/check/gstharness.h>
#include <nvbufsurface.h>
#include <nvds_analytics_meta.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "metadata/metadata_batch.h"
#include "metadata/nvds.h"
#include "nvds_frames.h"

using namespace nvds_for_tests;

namespace {

constexpr int kSkipped = 77;  // for meson
constexpr guint kWidth = 1920, kHeight = 1080;
constexpr int kFrames = 150;  // 5 s
constexpr int kTracks = 60;
constexpr float kBox = 40;
// A line across the middle, and a region around its right half; in pixels.
constexpr float kLineY = 540, kLineLeft = 400, kLineRight = 1500;
constexpr float kRegion[4] = {900, 250, 1500, 850};  // left, top, right, bottom

std::string root() { return std::string(g_getenv("NJ_TEST_DATA")) + "/../.."; }

struct Track {
  guint64 id;
  float x, y, step_x, step_y;  // of the middle of the lower edge; per frame
};

// Up, down and sideways; each begins and ends far from the line.
std::vector<Track> scene(unsigned seed) {
  std::mt19937 random(seed);
  const auto between = [&random](float from, float to) {
    return std::uniform_real_distribution<float>(from, to)(random);
  };
  std::vector<Track> tracks;
  for (int i = 0; i < kTracks; i++) {
    const guint64 id = 1000 + static_cast<guint64>(i);
    const float x = between(100, kWidth - 100);
    switch (i % 4) {
      case 0:  // down through the line's height
        tracks.push_back({id, x, between(150, 400), between(-0.5f, 0.5f), between(3, 4)});
        break;
      case 1:  // up through it
        tracks.push_back({id, x, between(700, 950), between(-0.5f, 0.5f), -between(3, 4)});
        break;
      case 2:  // along it, above or below
        tracks.push_back({id, between(100, 500), between(0, 1) < 0.5f ? 300.f : 800.f, between(4, 8), 0});
        break;
      default:  // turns up and stays
        tracks.push_back({id, x, between(0, 1) < 0.5f ? 200.f : 900.f, 0, 0});
    }
  }
  return tracks;
}

// Tracks whose crossing of the line's height happens so close to one of its ends that either answer is right.
bool is_decided(const Track &track) {
  if (track.step_y == 0) return true;
  const float x = track.x + (kLineY - track.y) / track.step_y * track.step_x;
  return std::abs(x - kLineLeft) > 20 && std::abs(x - kLineRight) > 20;
}

class Frames {
 public:
  Frames() {
    params_.width = kWidth;
    params_.height = kHeight;
    params_.colorFormat = NVBUF_COLOR_FORMAT_NV12;
    surface_.batchSize = surface_.numFilled = 1;
    surface_.memType = NVBUF_MEM_SYSTEM;
    surface_.surfaceList = &params_;
  }
  GstBuffer *frame(int number, const std::vector<Track> &tracks) {
    GstBuffer *buffer = gst_buffer_new_wrapped_full(GstMemoryFlags(0), &surface_, sizeof surface_, 0, sizeof surface_,
                                                    nullptr, nullptr);
    GST_BUFFER_PTS(buffer) = number * GST_SECOND / 30;
    add_batch(buffer, {{0, number, kWidth, kHeight, 0, 0, GST_BUFFER_PTS(buffer)}});
    for (const Track &track : tracks) {
      nj::Object object;
      object.component_id = 1;
      object.object_id = track.id;
      const float x = track.x + track.step_x * number, y = track.y + track.step_y * number;
      if (x < kBox || x > kWidth - kBox || y < kBox || y > kHeight - 5) continue;
      object.box = {x - kBox / 2, y - kBox, kBox, kBox};
      std::string error;
      nj::metadata_of(buffer, nullptr, &error)->add_object(0, object);
    }
    return buffer;
  }

 private:
  NvBufSurfaceParams params_ = {};
  NvBufSurface surface_ = {};
};

// What either of them counted.
struct Counts {
  uint64_t in = 0, out = 0;    // crossings of the line, downwards and upwards
  std::set<guint64> visitors;  // of the region
};

std::string their_configuration() {
  gchar *made = g_dir_make_tmp("nj-analytics-XXXXXX", nullptr);
  const std::string path = std::string(made) + "/rules.txt";
  g_free(made);
  const auto text = [](float value) { return std::to_string(static_cast<int>(value)) + ";"; };
  const std::string line = text(kLineLeft) + text(kLineY) + text(kLineRight) + text(kLineY);
  const std::string rules =
      "[property]\nenable=1\nconfig-width=1920\nconfig-height=1080\nosd-mode=0\ndisplay-font-size=12\n"
      "[roi-filtering-stream-0]\nenable=1\nroi-yard=" +
      text(kRegion[0]) + text(kRegion[1]) + text(kRegion[2]) + text(kRegion[1]) + text(kRegion[2]) + text(kRegion[3]) +
      text(kRegion[0]) + text(kRegion[3]) +
      "\ninverse-roi=0\nclass-id=-1\n"
      "[line-crossing-stream-0]\nenable=1\nline-crossing-in=950;400;950;700;" +
      line + "\nline-crossing-out=950;700;950;400;" + line + "\nclass-id=-1\nextended=0\nmode=loose\n";
  g_file_set_contents(path.c_str(), rules.c_str(), -1, nullptr);
  return path;
}

std::string our_parameters() {
  const auto point = [](float x, float y) {
    return "[" + std::to_string(x / kWidth) + "," + std::to_string(y / kHeight) + "]";
  };
  return "[{\"name\":\"gate\",\"type\":\"line\",\"points\":[" + point(kLineLeft, kLineY) + "," +
         point(kLineRight, kLineY) + "]},{\"name\":\"yard\",\"type\":\"region\",\"settle\":0,\"points\":[" +
         point(kRegion[0], kRegion[1]) + "," + point(kRegion[2], kRegion[1]) + "," + point(kRegion[2], kRegion[3]) +
         "," + point(kRegion[0], kRegion[3]) + "]}]";
}

// Their results lie on the frame and on the objects, ours are events of the frame.
void read_theirs(NvDsFrameMeta *frame, Counts *counts) {
  for (GList *u = frame->frame_user_meta_list; u; u = u->next) {
    const auto *user = static_cast<NvDsUserMeta *>(u->data);
    if (user->base_meta.meta_type != NVDS_FRAME_META_NVDSANALYTICS) continue;
    auto *meta = static_cast<NvDsAnalyticsFrameMeta *>(user->user_meta_data);
    counts->in = meta->objLCCumCnt["in"];
    counts->out = meta->objLCCumCnt["out"];
  }
  for (GList *o = frame->obj_meta_list; o; o = o->next) {
    const auto *object = static_cast<NvDsObjectMeta *>(o->data);
    for (GList *u = object->obj_user_meta_list; u; u = u->next) {
      const auto *user = static_cast<NvDsUserMeta *>(u->data);
      if (user->base_meta.meta_type != NVDS_OBJ_META_NVDSANALYTICS) continue;
      if (!static_cast<NvDsAnalyticsObjInfo *>(user->user_meta_data)->roiStatus.empty())
        counts->visitors.insert(object->object_id);
    }
  }
}

void read_ours(GstBuffer *buffer, Counts *counts) {
  std::string error;
  const auto visit = [counts](guint, const NjFrameMeta *frame) {
    for (GList *u = frame->frame_user_meta_list; u; u = u->next) {
      const auto *user = static_cast<NjUserMeta *>(u->data);
      if (user->meta_type != NJ_EVENT_META) continue;
      const auto *event = static_cast<const NjEvent *>(user->user_meta_data);
      const std::string type = event->type;
      if (type == "line-crossing") (event->flags & NJ_EVENT_IN ? counts->in : counts->out)++;
      if (type == "region-entered") counts->visitors.insert(event->object_id);
    }
  };
  REQUIRE_MESSAGE(nj::nvds::visit_frames(buffer, visit, &error), error);
}

}  // namespace

TEST_CASE("lines and regions count what nvdsanalytics counts") {
  GstHarness *harness =
      gst_harness_new_parse(("nvdsanalytics config-file=" + their_configuration() +
                             " ! njanalytics name=zones bundle=" + root() + "/build/bundles/zones deadline=10000")
                                .c_str());
  GstElement *zones = gst_bin_get_by_name(GST_BIN(harness->element), "zones");
  gchar *parameters = g_strescape(our_parameters().c_str(), nullptr);
  g_object_set(zones, "parameters", ("{\"zones\": \"" + std::string(parameters) + "\"}").c_str(), nullptr);
  g_free(parameters);
  gst_harness_set_src_caps_str(harness, "video/x-raw(memory:NVMM),format=NV12,width=1920,height=1080,framerate=30/1");
  gst_harness_play(harness);

  std::vector<Track> tracks = scene(7);
  tracks.erase(std::remove_if(tracks.begin(), tracks.end(), [](const Track &track) { return !is_decided(track); }),
               tracks.end());
  Frames frames;
  Counts theirs, ours;
  for (int number = 0; number < kFrames; number++) {
    REQUIRE(gst_harness_push(harness, frames.frame(number, tracks)) == GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(harness);
    REQUIRE(out);
    read_theirs(nth_frame(out, 0), &theirs);
    read_ours(out, &ours);
    gst_buffer_unref(out);
  }
  MESSAGE("crossings in " << ours.in << " and out " << ours.out << ", visitors " << ours.visitors.size() << " of "
                          << tracks.size() << " objects");
  CHECK(ours.in == theirs.in);
  CHECK(ours.out == theirs.out);
  CHECK(ours.visitors == theirs.visitors);
  // A scene in which nothing happens would agree as well.
  CHECK(theirs.in > 3);
  CHECK(theirs.out > 3);
  CHECK(theirs.visitors.size() > 5);
  gst_object_unref(zones);
  gst_harness_teardown(harness);
}

int main(int argc, char **argv) {
  if (!g_file_test((root() + "/build/bundles/zones/bundle.yaml").c_str(), G_FILE_TEST_EXISTS)) return kSkipped;
  g_setenv("NIGHTJAR_HOST", (root() + "/bin/nightjar-host").c_str(), FALSE);
  gst_init(&argc, &argv);
  doctest::Context context(argc, argv);
  return context.run();
}

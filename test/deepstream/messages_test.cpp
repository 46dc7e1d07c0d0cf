// NVIDIA's nvmsgconv as the judge: behind njinfer it makes the right payloads, and njmsgconv's are the same bytes for
// the same metadata. Ids are random and, with msg2p-newapi, timestamps are the present: both are checked for their form
// and then left out of the comparison.
//
// What nvmsgconv does differently on purpose of ours (docs/reference/topics.md, "Where payloads differ") is kept out of
// the metadata here, or has a test of its own at the end.
#include <nvdsmeta_schema.h>

#include <memory>
#include <random>
#include <regex>

#include "metadata/main.h"
#include "metadata/nvds.h"
#include "nvds_frames.h"
#include "payloads.h"
#include "plugin/payloadsink/reader.h"
#include "random_metadata.h"
#include "stage_harness.h"

gboolean nj_njmsgconv_register(GstPlugin *plugin);
gboolean nj_njpayloadsink_register(GstPlugin *plugin);

using namespace nj;
using namespace nj::test;
using namespace nvds_for_tests;

namespace {

constexpr int kCases = 400;  // of each mode

struct Mode {
  const char *name;
  const char *schema;
  bool new_api;
};
constexpr Mode kModes[] = {
    {"full, from frames", "PAYLOAD_DEEPSTREAM", true},
    {"minimal, from frames", "PAYLOAD_DEEPSTREAM_MINIMAL", true},
    {"full, from events", "PAYLOAD_DEEPSTREAM", false},
    {"minimal, from events", "PAYLOAD_DEEPSTREAM_MINIMAL", false},
};

// The same metadata twice, through both elements: the documents, without ids and the present.
void compare(const Mode &mode) {
  const Converter theirs("nvmsgconv", mode.schema, mode.new_api), ours("njmsgconv", mode.schema, mode.new_api);
  int documents = 0;
  for (unsigned seed = 0; seed < kCases; seed++) {
    const RandomMetadata first(seed, mode.new_api), second(seed, mode.new_api);
    const auto expected = without_ids(theirs.convert(first.buffer()), mode.new_api);
    const auto actual = without_ids(ours.convert(second.buffer()), mode.new_api);
    CHECK_MESSAGE(actual == expected, "case " << seed);
    documents += static_cast<int>(expected.size());
  }
  MESSAGE(std::string(mode.name) << ": " << documents << " documents compared");
  CHECK(documents > kCases / 2);
}

Result one_car(const SeenPicture &) { return {{object_at(16, 24, 32, 16)}, {}, {}}; }

}  // namespace

TEST_CASE("payloads that come out behind njinfer and nvmsgconv") {
  Host host;
  host.look = one_car;
  set_engine_factory([&host](const EngineOptions &options) { return host.make(options); });
  REQUIRE((nj_njinfer_register(nullptr) && nj_njpayloadsink_register(nullptr)));
  Pipe pipe;
  const std::string text = "njinfer unique-id=7 bundle=" + bundle_directory() +
                           " ! nvmsgconv msg2p-newapi=true frame-interval=1 comp-id=9 "
                           "payload-type=PAYLOAD_DEEPSTREAM_MINIMAL config=" +
                           config_file() + " ! njpayloadsink fd=" + std::to_string(pipe.writer());
  GstHarness *harness = gst_harness_new_parse(text.c_str());
  gst_harness_set_src_caps_str(harness, kPlainCaps);
  gst_harness_play(harness);
  for (int number : {360, 361}) {
    GstBuffer *buffer = plain_frame(kPlainCaps, number * GST_SECOND / 30);
    add_batch(buffer, {{3, number, 128, 64, 0, 0, 12 * GST_SECOND}});
    REQUIRE(gst_harness_push(harness, buffer) == GST_FLOW_OK);
  }
  for (int number : {360, 361}) {
    const auto record = read_record(pipe.reader(), 5000);
    REQUIRE(record);
    CHECK(record->header.source_id == 3);
    CHECK(record->header.frame_number == number);
    CHECK(record->header.pts == 12 * GST_SECOND);
    CHECK(record->header.capture_ns == 1784535330123456789u);
    CHECK(record->header.component_id == 9);
    CHECK(record->header.kind == NJ_PAYLOAD_OBJECTS);
    CHECK(without_ids({record->payload}, true)[0] ==
          "{\n  \"version\" : \"4.0\",\n  \"id\" : \"" + std::to_string(number) +
              "\",\n  \"@timestamp\" : \"NOW\",\n  \"sensorId\" : \"cam-07\",\n  \"objects\" : [\n"
              "    \"18446744073709551615|32|16|96|48|car\"\n  ]\n}");
  }
  gst_harness_teardown(harness);
  set_engine_factory(nullptr);
}

TEST_CASE("njmsgconv's payloads are nvmsgconv's, byte for byte") {
  REQUIRE(nj_njmsgconv_register(nullptr));
  SUBCASE(kModes[0].name) { compare(kModes[0]); }
  SUBCASE(kModes[1].name) { compare(kModes[1]); }
  SUBCASE(kModes[2].name) { compare(kModes[2]); }
  SUBCASE(kModes[3].name) { compare(kModes[3]); }
}

TEST_CASE("the same objects in our metadata give the same payloads as in NvDs") {
  REQUIRE(nj_njmsgconv_register(nullptr));
  for (const Mode &mode : {kModes[0], kModes[1]}) {
    const Converter theirs("nvmsgconv", mode.schema, true), ours("njmsgconv", mode.schema, true);
    for (unsigned seed = 0; seed < kCases; seed++) {
      const RandomMetadata first(seed, true), second(seed, true);
      const auto expected = without_ids(theirs.convert(first.buffer()), true);
      CHECK_MESSAGE(without_ids(ours.convert(as_nj(second.buffer())), true) == expected, std::string(mode.name)
                                                                                             << ", case " << seed);
    }
  }
}

TEST_CASE("events of a module go out beside nvmsgconv's payloads") {
  REQUIRE(nj_njmsgconv_register(nullptr));
  const Converter theirs("nvmsgconv", "PAYLOAD_DEEPSTREAM_MINIMAL", true);
  Converter events("njmsgconv", "PAYLOAD_DEEPSTREAM_MINIMAL", false);
  g_object_set(events.element(), "events", TRUE, nullptr);
  GstBuffer *buffer = gst_buffer_new();
  add_batch(buffer, {{3, 360}});
  std::string error;
  Event event;
  event.type = "line-crossing";
  event.rule = "gate";
  metadata_of(buffer, nullptr, &error)->add_event(0, event);
  const auto documents = events.convert(theirs.pass(buffer));
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].find("\"objects\"") != std::string::npos);
  CHECK(documents[1].find("\"line-crossing\"") != std::string::npos);
  CHECK(documents[1].find("\"cam-07\"") != std::string::npos);
}

// A message converter, NVIDIA's or ours, and what it makes of a buffer.
#pragma once

#include <doctest/doctest.h>
#include <gst/check/gstharness.h>

#include <regex>
#include <string>
#include <vector>

#include "metadata/nj_meta.h"
#include "metadata/nvds.h"

namespace nvds_for_tests {

// A configuration of message converters with sources 0 and 3; written once, left in the temporary folder of the test.
inline std::string config_file() {
  static const std::string path = [] {
    gchar *made = g_dir_make_tmp("nj-messages-XXXXXX", nullptr);
    const std::string file = std::string(made) + "/site.txt";
    g_free(made);
    const char *text =
        "[sensor0]\nenable=1\ntype=Camera\nid=cam-00\nlocation=52.37;4.9;6.5\ndescription=over gate 1\n"
        "coordinate=5.2;10.1;11.2\n\n"
        "[sensor3]\nenable=1\ntype=Camera\nid=cam-07\nlocation=52;4.5;6.5\ndescription=over \"gate\" 2\n"
        "coordinate=5;10;11\n\n"
        "[place0]\nenable=1\nid=dock-1\ntype=yard\nname=North dock\nlocation=52.37;4.9;0\ncoordinate=1;2;0\n"
        "place-sub-field1=gate-2\nplace-sub-field2=gate\nplace-sub-field3=P0\n\n"
        "[place3]\nenable=1\nid=dock-3\ntype=yard\nname=Süd\nlocation=1;2;3\ncoordinate=1.5;2.5;3.5\n"
        "place-sub-field1=a\nplace-sub-field2=b\nplace-sub-field3=c\n\n"
        "[analytics0]\nenable=1\nid=m1\ndescription=detection\nsource=njinfer\nversion=1.0\n\n"
        "[analytics3]\nenable=1\nid=m2\ndescription=detection\nsource=njinfer\nversion=1.0\n";
    g_file_set_contents(file.c_str(), text, -1, nullptr);
    return file;
  }();
  return path;
}

// Payloads on a buffer, oldest first.
inline std::vector<std::string> payloads_of(GstBuffer *buffer) {
  std::vector<std::string> texts;
  std::string error;
  const auto take = [&texts](const nj::nvds::Payload &payload) {
    texts.emplace_back(static_cast<const char *>(payload.data), payload.bytes);
  };
  if (nj::nvds::present(buffer)) {
    REQUIRE(nj::nvds::for_each_payload(buffer, take, &error));
    return texts;
  }
  for (GList *f = nj_buffer_get_batch_meta(buffer)->frame_meta_list; f; f = f->next) {
    for (GList *u = g_list_last(static_cast<NjFrameMeta *>(f->data)->frame_user_meta_list); u; u = u->prev) {
      const auto *user = static_cast<const NjUserMeta *>(u->data);
      if (user->meta_type != NJ_PAYLOAD_META) continue;
      const auto *payload = static_cast<const NjPayload *>(user->user_meta_data);
      texts.emplace_back(static_cast<const char *>(payload->payload), payload->payload_size);
    }
  }
  return texts;
}

class Converter {
 public:
  Converter(const char *factory, const char *schema, bool new_api) {
    element_ = gst_element_factory_make(factory, nullptr);
    REQUIRE_MESSAGE(element_, factory);
    gst_util_set_object_arg(G_OBJECT(element_), "payload-type", schema);
    g_object_set(element_, "msg2p-newapi", new_api, "frame-interval", 1, "config", config_file().c_str(), nullptr);
  }
  ~Converter() {
    if (harness_) gst_harness_teardown(harness_);
    gst_object_unref(element_);
  }
  Converter(const Converter &) = delete;
  Converter &operator=(const Converter &) = delete;

  GstElement *element() const { return element_; }

  // Takes the buffer and gives what comes out.
  GstBuffer *pass(GstBuffer *buffer) const {
    if (!harness_) {
      harness_ = gst_harness_new_with_element(element_, "sink", "src");
      gst_harness_set_src_caps_str(harness_, "video/x-raw,format=RGB,width=128,height=64,framerate=30/1");
    }
    REQUIRE(gst_harness_push(harness_, buffer) == GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(harness_);
    REQUIRE(out);
    return out;
  }

  std::vector<std::string> convert(GstBuffer *buffer) const {
    GstBuffer *out = pass(buffer);
    auto texts = payloads_of(out);
    gst_buffer_unref(out);
    return texts;
  }

 private:
  GstElement *element_;
  mutable GstHarness *harness_ = nullptr;
};

// Puts words in the place of ids, which are random, and, with `now`, of timestamps; what has not their form stays.
inline std::vector<std::string> without_ids(std::vector<std::string> texts, bool now) {
  static const std::regex id("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  static const std::regex time("(\"@timestamp\" : \")\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\"");
  for (std::string &text : texts) {
    text = std::regex_replace(text, id, "ID");
    if (now) text = std::regex_replace(text, time, "$1NOW\"");
  }
  return texts;
}

}  // namespace nvds_for_tests

// Metadata for the tests of msgconv, without a pipeline: lists of plain structures, as the elements leave them.
#pragma once

#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "plugin/msgconv/converter.h"

namespace nj::msgconv::test {

// Owns the metas of one frame. Objects and user metas are prepended, as nj_meta does.
class Frame {
 public:
  Frame(guint source, gint number) {
    meta.source_id = source;
    meta.frame_num = number;
    meta.ntp_timestamp = 1784535330123456789u;  // 2026-07-20T08:15:30.123456789Z
    meta.buf_pts = 12000000000u;
    meta.source_frame_width = 1280;
    meta.source_frame_height = 720;
    meta.bInferDone = TRUE;
  }
  ~Frame() {
    g_list_free(meta.obj_meta_list);
    g_list_free(meta.frame_user_meta_list);
    for (auto &object : objects_) g_list_free(object.classifier_meta_list);
    for (auto &classifier : classifiers_) g_list_free(classifier.label_info_list);
  }

  NjObjectMeta &object(guint64 id, const char *label, NjBox box, float confidence) {
    NjObjectMeta &object = objects_.emplace_back();
    object.object_id = id;
    object.confidence = confidence;
    object.rect_params.left = box.left;
    object.rect_params.top = box.top;
    object.rect_params.width = box.width;
    object.rect_params.height = box.height;
    strncpy(object.obj_label, label, sizeof(object.obj_label) - 1);
    meta.obj_meta_list = g_list_prepend(meta.obj_meta_list, &object);
    return object;
  }

  void classify(NjObjectMeta &object, const char *type, const char *label) {
    NjClassifierMeta &classifier = classifiers_.emplace_back();
    classifier.classifier_type = type;
    NjLabelInfo &info = labels_.emplace_back();
    strncpy(info.result_label, label, sizeof(info.result_label) - 1);
    classifier.label_info_list = g_list_prepend(nullptr, &info);
    object.classifier_meta_list = g_list_prepend(object.classifier_meta_list, &classifier);
  }

  void user(gint type, gpointer data) {
    NjUserMeta &user = users_.emplace_back();
    user.meta_type = type;
    user.user_meta_data = data;
    meta.frame_user_meta_list = g_list_prepend(meta.frame_user_meta_list, &user);
  }

  NjFrameMeta meta{};

 private:
  std::deque<NjObjectMeta> objects_;
  std::deque<NjClassifierMeta> classifiers_;
  std::deque<NjLabelInfo> labels_;
  std::deque<NjUserMeta> users_;
};

inline std::string golden(const std::string &name) {
  const char *root = getenv("NJ_TEST_DATA");
  std::ifstream file(std::string(root ? root : "test/firmware") + "/plugin/msgconv/golden/" + name + ".json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A present of 2026-07-20T08:15:31.000Z and the given ids one after the other.
inline Environment environment(std::vector<std::string> uuids = {}) {
  auto next = std::make_shared<size_t>(0);
  return {[] { return 1784535331000000000u; },
          [uuids = std::move(uuids), next] {
            return uuids.empty() ? "uuid-" + std::to_string((*next)++) : uuids.at((*next)++);
          }};
}

}  // namespace nj::msgconv::test

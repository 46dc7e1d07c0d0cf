#include "metadata/nj_meta.h"

#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "main.h"

namespace {

struct Buffer {
  GstBuffer *buffer = gst_buffer_new();
  NjBatchMeta *batch = nj_buffer_add_batch_meta(buffer, 4);
  Buffer() = default;
  Buffer(const Buffer &) = delete;
  ~Buffer() { drop(); }
  void drop() { gst_clear_buffer(&buffer); }
};

NjFrameMeta *add_frame(NjBatchMeta *batch, guint source = 0) {
  NjFrameMeta *frame = nj_acquire_frame_meta(batch);
  frame->source_id = source;
  nj_batch_add_frame(batch, frame);
  return frame;
}

NjObjectMeta *add_object(NjFrameMeta *frame, gint class_id, NjObjectMeta *parent = nullptr) {
  NjObjectMeta *object = nj_acquire_object_meta(frame->batch_meta);
  object->class_id = class_id;
  nj_frame_add_object(frame, object, parent);
  return object;
}

NjUserMeta *new_user(NjBatchMeta *batch, gpointer data, NjMetaCopyFunc copy, NjMetaReleaseFunc release) {
  NjUserMeta *user = nj_acquire_user_meta(batch);
  user->meta_type = NJ_START_USER_META;
  user->user_meta_data = data;
  user->copy_func = copy;
  user->release_func = release;
  return user;
}

gpointer copy_int(gpointer data, gpointer) {
  return g_memdup2(static_cast<NjUserMeta *>(data)->user_meta_data, sizeof(int));
}
void free_int(gpointer data, gpointer) { g_free(static_cast<NjUserMeta *>(data)->user_meta_data); }
int *new_int(int value) { return static_cast<int *>(g_memdup2(&value, sizeof value)); }

std::atomic<int> releases{0};
void count_release(gpointer, gpointer) { releases++; }

std::vector<int> classes_of(const NjFrameMeta *frame) {
  std::vector<int> classes;
  for (GList *l = frame->obj_meta_list; l; l = l->next)
    classes.push_back(static_cast<NjObjectMeta *>(l->data)->class_id);
  return classes;
}

const NjObjectMeta *object_of_class(const NjFrameMeta *frame, int class_id) {
  for (GList *l = frame->obj_meta_list; l; l = l->next)
    if (static_cast<NjObjectMeta *>(l->data)->class_id == class_id) return static_cast<NjObjectMeta *>(l->data);
  return nullptr;
}

bool is_zero_but_batch(const NjObjectMeta *object) {
  NjObjectMeta expected;
  std::memset(&expected, 0, sizeof expected);
  expected.batch_meta = object->batch_meta;
  return std::memcmp(object, &expected, sizeof expected) == 0;
}

}  // namespace

TEST_CASE("a pool never runs dry and never hands out an element twice") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  std::set<NjObjectMeta *> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(add_object(frame, i));
  CHECK(seen.size() == 1000);
  CHECK(frame->num_obj_meta == 1000);
}

TEST_CASE("an element is zero when acquired, also after it was used before") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  NjObjectMeta *object = add_object(frame, 7);
  object->confidence = 0.5f;
  object->text_params.display_text = g_strdup("car");
  object->keypoints = g_new0(NjKeypoint, 3);
  object->num_keypoints = 3;
  nj_frame_remove_object(frame, object);
  NjObjectMeta *again = nj_acquire_object_meta(b.batch);
  CHECK(again == object);
  CHECK(is_zero_but_batch(again));
}

TEST_CASE("frames and batch user metas append, all other lists prepend") {
  Buffer b;
  NjFrameMeta *first = add_frame(b.batch, 1);
  NjFrameMeta *second = add_frame(b.batch, 2);
  CHECK(nj_batch_nth_frame(b.batch, 0) == first);
  CHECK(nj_batch_nth_frame(b.batch, 1) == second);
  CHECK(nj_batch_nth_frame(b.batch, 2) == nullptr);
  CHECK(b.batch->num_frames_in_batch == 2);

  add_object(first, 1);
  add_object(first, 2);
  CHECK(classes_of(first) == std::vector<int>{2, 1});

  NjUserMeta *early = new_user(b.batch, nullptr, nullptr, nullptr),
             *late = new_user(b.batch, nullptr, nullptr, nullptr);
  nj_batch_add_user_meta(b.batch, early);
  nj_batch_add_user_meta(b.batch, late);
  CHECK(b.batch->batch_user_meta_list->data == early);
  NjUserMeta *one = new_user(b.batch, nullptr, nullptr, nullptr), *two = new_user(b.batch, nullptr, nullptr, nullptr);
  nj_frame_add_user_meta(first, one);
  nj_frame_add_user_meta(first, two);
  CHECK(first->frame_user_meta_list->data == two);
}

TEST_CASE("copying a buffer copies the batch deeply, in the same order") {
  Buffer b;
  GstBuffer *pixels = gst_buffer_new();
  NjFrameMeta *frame = add_frame(b.batch, 5);
  frame->buffer = gst_buffer_ref(pixels);
  frame->sensor_id = g_strdup("gate");
  for (int i = 0; i < 20; ++i) add_object(frame, i)->text_params.display_text = g_strdup_printf("object %d", i);

  GstBuffer *copy = gst_buffer_copy(b.buffer);
  NjFrameMeta *copied = nj_batch_nth_frame(nj_buffer_get_batch_meta(copy), 0);
  REQUIRE(copied != nullptr);
  CHECK(classes_of(copied) == classes_of(frame));
  const std::vector<int> before = classes_of(frame);
  object_of_class(frame, 3)->text_params.display_text[0] = 'X';
  nj_frame_clear_objects(frame);
  b.drop();

  CHECK(classes_of(copied) == before);
  CHECK(copied->num_obj_meta == 20);
  CHECK(std::string(object_of_class(copied, 3)->text_params.display_text) == "object 3");
  CHECK(std::string(copied->sensor_id) == "gate");
  CHECK(copied->buffer == pixels);
  CHECK(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels) == 2);
  gst_buffer_unref(copy);
  CHECK(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels) == 1);
  gst_buffer_unref(pixels);
}

TEST_CASE("a copy keeps parents, whichever was added first") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  NjObjectMeta *car = add_object(frame, 1);
  add_object(frame, 2, car);
  NjObjectMeta *early_child = add_object(frame, 3);
  early_child->parent = add_object(frame, 4);
  GstBuffer *copy = gst_buffer_copy(b.buffer);
  const NjFrameMeta *copied = nj_batch_nth_frame(nj_buffer_get_batch_meta(copy), 0);
  CHECK(object_of_class(copied, 2)->parent == object_of_class(copied, 1));
  CHECK(object_of_class(copied, 3)->parent == object_of_class(copied, 4));
  CHECK(object_of_class(copied, 1)->parent == nullptr);
  CHECK(object_of_class(copied, 1) != car);
  gst_buffer_unref(copy);
}

TEST_CASE("a copy keeps classifiers with their type and the order of their labels") {
  Buffer b;
  NjObjectMeta *object = add_object(add_frame(b.batch), 1);
  NjClassifierMeta *classifier = nj_acquire_classifier_meta(b.batch);
  classifier->classifier_type = g_intern_string("color");
  for (guint i = 0; i < 3; ++i) {
    NjLabelInfo *label = nj_acquire_label_info(b.batch);
    label->label_id = i;
    nj_classifier_add_label(classifier, label);
  }
  nj_object_add_classifier(object, classifier);
  GstBuffer *copy = gst_buffer_copy(b.buffer);
  b.drop();
  const auto *copied = static_cast<NjClassifierMeta *>(
      object_of_class(nj_batch_nth_frame(nj_buffer_get_batch_meta(copy), 0), 1)->classifier_meta_list->data);
  CHECK(std::string(copied->classifier_type) == "color");
  CHECK(copied->num_labels == 3);
  CHECK(static_cast<NjLabelInfo *>(copied->label_info_list->data)->label_id == 2);
  gst_buffer_unref(copy);
}

TEST_CASE("user metas are copied by their copy function and left out without one") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  nj_frame_add_user_meta(frame, new_user(b.batch, new_int(42), copy_int, free_int));
  nj_frame_add_user_meta(frame, new_user(b.batch, new_int(43), nullptr, free_int));
  GstBuffer *copy = gst_buffer_copy(b.buffer);
  b.drop();
  const NjFrameMeta *copied = nj_batch_nth_frame(nj_buffer_get_batch_meta(copy), 0);
  REQUIRE(g_list_length(copied->frame_user_meta_list) == 1);
  const auto *user = static_cast<NjUserMeta *>(copied->frame_user_meta_list->data);
  CHECK(*static_cast<int *>(user->user_meta_data) == 42);
  CHECK(user->meta_type == NJ_START_USER_META);
  gst_buffer_unref(copy);
}

TEST_CASE("user metadata of modules is copied with frame and object, and found by its bundle") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  NjObjectMeta *object = add_object(frame, 1);
  nj_frame_add_user_meta(frame, nj_acquire_module_meta(b.batch, 17, "zones", "{}", 2));
  nj_frame_add_user_meta(frame, nj_acquire_module_meta(b.batch, 18, "other", nullptr, 0));
  nj_object_add_user_meta(object, nj_acquire_module_meta(b.batch, 17, "zones", "\0\1", 2));
  GstBuffer *copy = gst_buffer_copy(b.buffer);
  b.drop();
  const NjFrameMeta *copied = nj_batch_nth_frame(nj_buffer_get_batch_meta(copy), 0);
  const NjModuleMeta *meta = nj_find_module_meta(copied->frame_user_meta_list, "zones");
  REQUIRE(meta);
  CHECK(meta->unique_id == 17);
  CHECK(meta->bytes == 2);
  CHECK(std::string(reinterpret_cast<const char *>(meta->data)) == "{}");
  CHECK(nj_find_module_meta(copied->frame_user_meta_list, nullptr)->bytes == 0);
  CHECK_FALSE(nj_find_module_meta(copied->frame_user_meta_list, "absent"));
  const NjModuleMeta *of_object = nj_find_module_meta(object_of_class(copied, 1)->obj_user_meta_list, nullptr);
  REQUIRE(of_object);
  CHECK(of_object->data[1] == 1);
  gst_buffer_unref(copy);
}

TEST_CASE("every user meta is released once, wherever it hangs and also when it was never attached") {
  releases = 0;
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  NjObjectMeta *object = add_object(frame, 1);
  nj_batch_add_user_meta(b.batch, new_user(b.batch, nullptr, nullptr, count_release));
  nj_frame_add_user_meta(frame, new_user(b.batch, nullptr, nullptr, count_release));
  nj_object_add_user_meta(object, new_user(b.batch, nullptr, nullptr, count_release));
  new_user(b.batch, nullptr, nullptr, count_release);
  NjUserMeta *removed = new_user(b.batch, nullptr, nullptr, count_release);
  nj_frame_add_user_meta(frame, removed);
  nj_frame_remove_user_meta(frame, removed);
  CHECK(releases == 1);
  nj_frame_remove_object(frame, object);
  CHECK(releases == 2);
  b.drop();
  CHECK(releases == 5);
}

TEST_CASE("removing an object leaves its children without parent") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  NjObjectMeta *parent = add_object(frame, 1);
  NjObjectMeta *child = add_object(frame, 2, parent);
  nj_frame_remove_object(frame, parent);
  CHECK(child->parent == nullptr);
  CHECK(frame->num_obj_meta == 1);
}

TEST_CASE("removing a frame gives back its buffer") {
  Buffer b;
  GstBuffer *pixels = gst_buffer_new();
  NjFrameMeta *frame = add_frame(b.batch);
  frame->buffer = gst_buffer_ref(pixels);
  nj_batch_remove_frame(b.batch, frame);
  CHECK(b.batch->num_frames_in_batch == 0);
  CHECK(GST_MINI_OBJECT_REFCOUNT_VALUE(pixels) == 1);
  gst_buffer_unref(pixels);
}

TEST_CASE("the batch survives make_writable and is not copied with a part of the bytes") {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
  add_object(add_frame(nj_buffer_add_batch_meta(buffer, 1)), 1);
  GstBuffer *shared = gst_buffer_ref(buffer);
  GstBuffer *writable = gst_buffer_make_writable(shared);
  CHECK(writable != buffer);
  CHECK(nj_buffer_get_batch_meta(writable) != nullptr);
  CHECK(nj_buffer_get_batch_meta(writable) != nj_buffer_get_batch_meta(buffer));
  GstBuffer *part = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_ALL, 0, 50);
  CHECK(nj_buffer_get_batch_meta(part) == nullptr);
  gst_buffer_unref(part);
  gst_buffer_unref(writable);
  gst_buffer_unref(buffer);
}

TEST_CASE("scaling a picture scales its objects") {
  GstVideoInfo in, out;
  gst_video_info_set_format(&in, GST_VIDEO_FORMAT_I420, 640, 480);
  gst_video_info_set_format(&out, GST_VIDEO_FORMAT_I420, 320, 120);
  GstVideoMetaTransform scale{&in, &out};
  Buffer b;
  NjObjectMeta *object = add_object(add_frame(b.batch), 1);
  object->rect_params = {};
  object->rect_params.left = 100;
  object->rect_params.top = 100;
  object->rect_params.width = 50;
  object->rect_params.height = 80;
  GstBuffer *scaled = gst_buffer_new();
  GstMeta *meta = gst_buffer_get_meta(b.buffer, NJ_BATCH_META_API_TYPE);
  CHECK(meta->info->transform_func(scaled, meta, b.buffer, gst_video_meta_transform_scale_get_quark(), &scale));
  const NjRectParams &rect = object_of_class(nj_batch_nth_frame(nj_buffer_get_batch_meta(scaled), 0), 1)->rect_params;
  CHECK(rect.left == doctest::Approx(50));
  CHECK(rect.top == doctest::Approx(25));
  CHECK(rect.width == doctest::Approx(25));
  CHECK(rect.height == doctest::Approx(20));
  gst_buffer_unref(scaled);
}

TEST_CASE("threads may add objects to the same frame") {
  Buffer b;
  NjFrameMeta *frame = add_frame(b.batch);
  const auto work = [frame] {
    for (int i = 0; i < 500; ++i) {
      nj_batch_meta_lock(frame->batch_meta);
      add_object(frame, i);
      nj_batch_meta_unlock(frame->batch_meta);
    }
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
  CHECK(frame->num_obj_meta == 1000);
  CHECK(g_list_length(frame->obj_meta_list) == 1000);
}

// What an inference element holds between its pads: jobs in flight, buffers that wait for them, events in their place.
//
// The thread that feeds the sink pad pushes, the task of the source pad pops; order is kept. A buffer's jobs are pushed
// before the buffer itself, so that their results are collected while later jobs of the same buffer are still prepared:
// a buffer may need more slots than there are.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace nj {

// A buffer and the caps it came with, owned by the jobs that work on it and by its place in the queue.
class Batch {
 public:
  // Takes the buffer, which must be writable.
  Batch(GstBuffer *buffer, GstCaps *caps) : buffer_(buffer), caps_(gst_caps_ref(caps)) {}
  ~Batch() {
    if (buffer_) gst_buffer_unref(buffer_);
    gst_caps_unref(caps_);
  }
  Batch(const Batch &) = delete;
  Batch &operator=(const Batch &) = delete;

  GstBuffer *buffer() const { return buffer_; }
  const GstCaps *caps() const { return caps_; }
  GstBuffer *steal() { return std::exchange(buffer_, nullptr); }

 private:
  GstBuffer *buffer_;
  GstCaps *caps_;
};

// Work on some frames of a batch that somebody else does meanwhile.
class Job {
 public:
  virtual ~Job() = default;
  // Waits for the result and writes it to the batch. Called by the task of the source pad, in order.
  virtual void finish() = 0;
};

struct QueueItem {
  std::unique_ptr<Job> job;  // one of these three is set
  std::shared_ptr<Batch> batch;
  GstEvent *event = nullptr;
};

class BatchQueue {
 public:
  // At most `limit` buffers wait at a time.
  explicit BatchQueue(size_t limit = 1) : limit_(limit) {}
  ~BatchQueue() {
    pad_ = nullptr;  // its element is being freed
    clear();
  }

  // The source pad. Sticky events that are discarded, but for segments and ends, are kept on it.
  void keep_events_on(GstPad *pad) { pad_ = pad; }
  void set_limit(size_t limit);
  // While flushing, pushes fail and pop returns nothing; what was queued is gone.
  void set_flushing(bool flushing);
  bool flushing() const;

  bool push_job(std::unique_ptr<Job> job);
  // Blocks while the queue is full. false when flushing.
  bool push_batch(std::shared_ptr<Batch> batch);
  // Takes the event.
  bool push_event(GstEvent *event);

  // Blocks; nothing when flushing. The item counts as under way until done().
  std::optional<QueueItem> pop();
  void done();

  // Waits until everything pushed has left. false when flushing.
  bool wait_empty();

 private:
  GstPad *pad_ = nullptr;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<QueueItem> items_;
  size_t limit_;
  size_t batches_ = 0;  // queued or being pushed downstream
  bool busy_ = false;
  bool busy_with_batch_ = false;
  bool flushing_ = true;

  bool push(QueueItem item, std::unique_lock<std::mutex> &lock);
  void clear();
  void discard(GstEvent *event);
};

}  // namespace nj

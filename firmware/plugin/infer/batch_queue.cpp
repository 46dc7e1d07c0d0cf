#include "batch_queue.h"

namespace nj {

void BatchQueue::set_limit(size_t limit) {
  std::lock_guard lock(mutex_);
  limit_ = limit;
}

void BatchQueue::set_flushing(bool flushing) {
  {
    std::lock_guard lock(mutex_);
    flushing_ = flushing;
  }
  changed_.notify_all();
  if (flushing) clear();
}

bool BatchQueue::flushing() const {
  std::lock_guard lock(mutex_);
  return flushing_;
}

bool BatchQueue::push(QueueItem item, std::unique_lock<std::mutex> &lock) {
  if (flushing_) {
    lock.unlock();
    if (item.event) discard(item.event);
    return false;
  }
  items_.push_back(std::move(item));
  changed_.notify_all();
  return true;
}

bool BatchQueue::push_job(std::unique_ptr<Job> job) {
  std::unique_lock lock(mutex_);
  return push({std::move(job), nullptr, nullptr}, lock);
}

bool BatchQueue::push_batch(std::shared_ptr<Batch> batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return flushing_ || batches_ < limit_; });
  if (!flushing_) batches_++;
  return push({nullptr, std::move(batch), nullptr}, lock);
}

bool BatchQueue::push_event(GstEvent *event) {
  std::unique_lock lock(mutex_);
  return push({nullptr, nullptr, event}, lock);
}

std::optional<QueueItem> BatchQueue::pop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return flushing_ || !items_.empty(); });
  if (flushing_) return std::nullopt;
  QueueItem item = std::move(items_.front());
  items_.pop_front();
  busy_ = true;
  busy_with_batch_ = item.batch != nullptr;
  return item;
}

void BatchQueue::done() {
  {
    std::lock_guard lock(mutex_);
    if (busy_with_batch_) batches_--;
    busy_ = busy_with_batch_ = false;
  }
  changed_.notify_all();
}

bool BatchQueue::wait_empty() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return flushing_ || (items_.empty() && !busy_); });
  return !flushing_;
}

void BatchQueue::clear() {
  std::deque<QueueItem> dropped;
  {
    std::lock_guard lock(mutex_);
    dropped.swap(items_);
    for (const QueueItem &item : dropped) batches_ -= item.batch != nullptr;
  }
  for (const QueueItem &item : dropped)
    if (item.event) discard(item.event);
  changed_.notify_all();
}

// As in a queue element: the caps of a stream, say, hold also for what comes after a flush.
void BatchQueue::discard(GstEvent *event) {
  const GstEventType type = GST_EVENT_TYPE(event);
  if (pad_ && GST_EVENT_IS_STICKY(event) && type != GST_EVENT_SEGMENT && type != GST_EVENT_EOS)
    gst_pad_store_sticky_event(pad_, event);
  gst_event_unref(event);
}

}  // namespace nj

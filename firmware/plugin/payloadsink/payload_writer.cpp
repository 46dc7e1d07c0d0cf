#include "payload_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>
#include <utility>

namespace nj {

namespace {

bool is_socket(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

// A blocking pipe that polls as writable takes PIPE_BUF bytes at once and may make a longer write wait.
size_t safe_chunk(int fd) {
  const bool non_blocking = (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
  return is_socket(fd) || non_blocking ? SIZE_MAX : PIPE_BUF;
}

uint64_t realtime_ns() {
  struct timespec now {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// A write to a pipe without reader raises SIGPIPE in the thread that writes; EPIPE is enough.
void ignore_sigpipe_in_this_thread() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

std::shared_ptr<PayloadWriter> PayloadWriter::of(int fd) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<PayloadWriter>> writers;
  std::lock_guard<std::mutex> lock(mutex);
  auto writer = writers[fd].lock();
  if (!writer || !writer->is_still(fd)) {
    writer = std::make_shared<PayloadWriter>(fd);
    writers[fd] = writer;
  }
  return writer;
}

PayloadWriter::PayloadWriter(int fd)
    : fd_(fd), is_socket_(is_socket(fd)), chunk_(safe_chunk(fd)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  struct stat status {};
  fstat(fd, &status);
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

PayloadWriter::~PayloadWriter() {
  users_ = std::min(users_, 1u);
  stop();
  close(wake_);
}

bool PayloadWriter::is_still(int fd) const {
  struct stat status {};
  return fstat(fd, &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

void PayloadWriter::start(Limits limits) {
  std::lock_guard<std::mutex> life(life_);
  if (users_++ > 0) return;
  uint64_t wakes;
  while (read(wake_, &wakes, sizeof(wakes)) > 0) {
  }
  limits_ = limits;
  broken_ = false;
  error_ = 0;
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void PayloadWriter::stop() {
  std::lock_guard<std::mutex> life(life_);
  if (users_ == 0 || --users_ > 0) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    running_ = false;
  }
  const uint64_t one = 1;
  if (write(wake_, &one, sizeof(one)) < 0) {
    // Only a full counter can refuse, and then the thread is being woken already.
  }
  work_.notify_all();
  thread_.join();
  std::lock_guard<std::mutex> lock(mutex_);
  lose_queue(&Counters::stopped);
}

bool PayloadWriter::flush(std::chrono::milliseconds timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto done = [this] { return queue_.empty() && !writing_ && told_sequence_ >= lost_sequence_; };
  idle_.wait_for(lock, timeout, [&] { return broken_ || !running_ || done(); });
  return done();
}

void PayloadWriter::push(RecordHeader header, const void *payload, size_t bytes) {
  Record record;
  record.bytes.resize(sizeof(RecordHeader) + bytes);
  std::memcpy(record.bytes.data() + sizeof(RecordHeader), payload, bytes);
  header.payload_bytes = static_cast<uint32_t>(bytes);

  std::lock_guard<std::mutex> lock(mutex_);
  header.sequence = ++sequence_;
  record.header = header;
  if (broken_) return lose(record, &Counters::reader_gone);
  if (record.bytes.size() > limits_.bytes) {
    lose(record, &Counters::too_large);
  } else {
    make_room(record.bytes.size());
    counters_.queued_bytes += record.bytes.size();
    queue_.push_back(std::move(record));
    counters_.queued_records = queue_.size();
  }
  work_.notify_one();
}

PayloadWriter::Counters PayloadWriter::counters() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

std::optional<PayloadWriter::Counters> PayloadWriter::take_drops(std::chrono::milliseconds interval) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (counters_.dropped == drops_taken_ || now - drops_taken_at_ < interval) return std::nullopt;
  drops_taken_ = counters_.dropped;
  drops_taken_at_ = now;
  return counters_;
}

int PayloadWriter::take_error() {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(error_, 0);
}

void PayloadWriter::make_room(size_t bytes) {
  while (!queue_.empty() && (counters_.queued_bytes + bytes > limits_.bytes || queue_.size() >= limits_.records)) {
    auto victim = std::find_if(queue_.begin(), queue_.end(), [](const Record &record) {
      return record.header.kind != static_cast<uint32_t>(RecordKind::Event);
    });
    if (victim == queue_.end()) victim = queue_.begin();
    lose(*victim, &Counters::queue_full);
    counters_.queued_bytes -= victim->bytes.size();
    queue_.erase(victim);
  }
  counters_.queued_records = queue_.size();
}

void PayloadWriter::lose(const Record &record, uint64_t Counters::*reason) {
  counters_.*reason += 1;
  counters_.dropped += 1;
  counters_.dropped_bytes += record.bytes.size();
  lost_sequence_ = std::max(lost_sequence_, record.header.sequence);
}

void PayloadWriter::lose_queue(uint64_t Counters::*reason) {
  for (const auto &record : queue_) lose(record, reason);
  queue_.clear();
  counters_.queued_records = counters_.queued_bytes = 0;
}

void PayloadWriter::run() {
  ignore_sigpipe_in_this_thread();
  std::unique_lock<std::mutex> lock(mutex_);
  while (next(lock)) {
    writing_ = true;
    lock.unlock();
    errno = 0;
    const Written written = write_partial();
    const int error = errno;
    lock.lock();
    writing_ = false;
    if (written == Written::All) {
      if (!partial_is_report_) counters_.written += 1;
      partial_.clear();
      partial_done_ = 0;
    } else if (written == Written::Broken) {
      break_off(error);
      idle_.notify_all();
      return;
    }
    if (queue_.empty()) idle_.notify_all();
  }
  idle_.notify_all();
}

// Waits for something to write and puts it into partial_. False when the writer is to stop.
bool PayloadWriter::next(std::unique_lock<std::mutex> &lock) {
  auto unreported = [this] { return lost_sequence_ > told_sequence_; };
  work_.wait(lock, [&] { return !running_ || !partial_.empty() || !queue_.empty() || unreported(); });
  if (!running_) return false;
  if (!partial_.empty()) return true;  // the rest of what a stop interrupted
  if (!queue_.empty()) {
    take_front();
  } else {
    compose_report();
  }
  return true;
}

void PayloadWriter::take_front() {
  Record record = std::move(queue_.front());
  queue_.pop_front();
  counters_.queued_records = queue_.size();
  counters_.queued_bytes -= record.bytes.size();
  record.header.dropped = static_cast<uint32_t>(record.header.sequence - told_sequence_ - 1);
  told_sequence_ = record.header.sequence;
  std::memcpy(record.bytes.data(), &record.header, sizeof(RecordHeader));
  partial_ = std::move(record.bytes);
  partial_is_report_ = false;
}

void PayloadWriter::compose_report() {
  const std::string text = "{\"records\":" + std::to_string(counters_.dropped) +
                           ",\"bytes\":" + std::to_string(counters_.dropped_bytes) +
                           ",\"queueFull\":" + std::to_string(counters_.queue_full) +
                           ",\"tooLarge\":" + std::to_string(counters_.too_large) + "}";
  RecordHeader header;
  header.payload_bytes = static_cast<uint32_t>(text.size());
  header.kind = static_cast<uint32_t>(RecordKind::DropReport);
  header.pts = UINT64_MAX;
  header.sequence = lost_sequence_;
  header.dropped = static_cast<uint32_t>(lost_sequence_ - told_sequence_);
  header.emitted_ns = realtime_ns();
  told_sequence_ = lost_sequence_;
  partial_.resize(sizeof(header) + text.size());
  std::memcpy(partial_.data(), &header, sizeof(header));
  std::memcpy(partial_.data() + sizeof(header), text.data(), text.size());
  partial_is_report_ = true;
}

PayloadWriter::Written PayloadWriter::write_partial() {
  while (partial_done_ < partial_.size()) {
    if (!wait_writable()) return Written::Stopped;
    const size_t size = std::min(partial_.size() - partial_done_, chunk_);
    const ssize_t done = write_some(partial_.data() + partial_done_, size);
    if (done >= 0) {
      partial_done_ += static_cast<size_t>(done);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      return Written::Broken;
    }
  }
  return Written::All;
}

ssize_t PayloadWriter::write_some(const uint8_t *data, size_t size) {
  if (is_socket_) return send(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  return write(fd_, data, size);
}

// False when the writer is to stop.
bool PayloadWriter::wait_writable() {
  struct pollfd fds[2] = {{fd_, POLLOUT, 0}, {wake_, POLLIN, 0}};
  while (poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  return fds[1].revents == 0;
}

// With the lock held: nothing can be written any more.
void PayloadWriter::break_off(int error) {
  broken_ = true;
  error_ = error;
  if (!partial_is_report_) {
    counters_.dropped += 1;
    counters_.dropped_bytes += partial_.size();
    counters_.reader_gone += 1;
  }
  partial_.clear();
  partial_done_ = 0;
  lose_queue(&Counters::reader_gone);
}

}  // namespace nj

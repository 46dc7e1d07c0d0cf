// PayloadWriter: a bounded queue and the thread that writes it to a file descriptor. The caller never waits.
//
// A process has one writer per descriptor, whoever writes there: records of several elements never mix, and share one
// queue and one sequence.
//
// When the queue is full the oldest record that is no event makes room, then the oldest; what is lost is counted and
// told to the reader (record.h). The descriptor stays the caller's: it is neither closed nor switched to non-blocking,
// since other processes may share its description. When the reader went away, everything is dropped until the next
// start.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "record.h"

namespace nj {

class PayloadWriter {
 public:
  struct Limits {
    size_t bytes;  // of all queued records, headers included
    size_t records;
  };
  struct Counters {
    uint64_t written = 0;  // records, complete
    uint64_t dropped = 0, dropped_bytes = 0;
    uint64_t queue_full = 0, too_large = 0, reader_gone = 0, stopped = 0;  // reasons of `dropped`
    size_t queued_records = 0, queued_bytes = 0;
  };

  // The process' writer for `fd`, which must be open.
  static std::shared_ptr<PayloadWriter> of(int fd);

  explicit PayloadWriter(int fd);
  ~PayloadWriter();

  // Every start needs a stop. The first one sets the limits and begins to write.
  void start(Limits limits);
  // Waits until all is written, the reader is gone or `timeout` is over. True if nothing is left.
  bool flush(std::chrono::milliseconds timeout);
  // The last one ends the thread. What is queued then is lost and counted; the rest of a record that was half written
  // is kept, and written first after the next start.
  void stop();

  // Fills in the header's sequence, dropped and payload_bytes.
  void push(RecordHeader header, const void *payload, size_t bytes);

  Counters counters() const;
  // The counters, when records were dropped since they were last given out here and that was at least `interval` ago.
  std::optional<Counters> take_drops(std::chrono::milliseconds interval);
  // The errno of the write that failed because the reader is gone, once per failure; 0 otherwise.
  int take_error();
  int fd() const { return fd_; }

 private:
  struct Record {
    RecordHeader header;
    std::vector<uint8_t> bytes;  // header and payload
  };
  enum class Written { All, Stopped, Broken };

  void run();
  bool next(std::unique_lock<std::mutex> &lock);
  void take_front();
  void compose_report();
  Written write_partial();
  ssize_t write_some(const uint8_t *data, size_t size);
  bool wait_writable();
  void make_room(size_t bytes);
  void lose(const Record &record, uint64_t Counters::*reason);
  void lose_queue(uint64_t Counters::*reason);
  void break_off(int error);
  bool is_still(int fd) const;

  const int fd_;
  uint64_t device_ = 0, inode_ = 0;  // what fd_ was: a closed descriptor's number may come back for another file
  bool is_socket_ = false;
  size_t chunk_;  // bytes of one write that cannot block after poll
  int wake_;      // eventfd: stop

  Limits limits_{};
  mutable std::mutex mutex_;
  std::condition_variable work_, idle_;
  std::deque<Record> queue_;
  Counters counters_;
  uint64_t sequence_ = 0;       // of the newest record given
  uint64_t lost_sequence_ = 0;  // of the newest record lost
  uint64_t told_sequence_ = 0;  // the reader knows about records up to this one
  bool running_ = false, writing_ = false, broken_ = false;
  int error_ = 0;
  unsigned users_ = 0;
  uint64_t drops_taken_ = 0;
  std::chrono::steady_clock::time_point drops_taken_at_{};

  // Of the writer's thread: what is being written. Outlives a stop.
  std::vector<uint8_t> partial_;
  size_t partial_done_ = 0;
  bool partial_is_report_ = false;

  std::mutex life_;  // start and stop, one at a time
  std::thread thread_;

  PayloadWriter(const PayloadWriter &) = delete;
  PayloadWriter &operator=(const PayloadWriter &) = delete;
};

}  // namespace nj

// Reads the records that njpayloadsink writes, for its tests.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <string>

#include "plugin/payloadsink/record.h"

namespace nj::test {

struct ReadRecord {
  RecordHeader header;
  std::string payload;
};

// False when nothing, or the end, came within `milliseconds`.
inline bool read_exactly(int fd, void *data, size_t size, int milliseconds) {
  auto *bytes = static_cast<char *>(data);
  while (size > 0) {
    struct pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, milliseconds) <= 0) return false;
    const ssize_t got = read(fd, bytes, size);
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

inline std::optional<ReadRecord> read_record(int fd, int milliseconds = 2000) {
  ReadRecord record;
  if (!read_exactly(fd, &record.header, sizeof(RecordHeader), milliseconds)) return std::nullopt;
  if (record.header.magic != kRecordMagic || record.header.header_bytes != sizeof(RecordHeader)) return std::nullopt;
  record.payload.resize(record.header.payload_bytes);
  if (!read_exactly(fd, record.payload.data(), record.payload.size(), milliseconds)) return std::nullopt;
  return record;
}

class Pipe {
 public:
  Pipe() {
    if (pipe(fds_) != 0) abort();
  }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  int reader() const { return fds_[0]; }
  int writer() const { return fds_[1]; }
  void close_reader() { shut(fds_[0]); }
  void close_writer() { shut(fds_[1]); }

 private:
  static void shut(int &fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  int fds_[2];
};

}  // namespace nj::test

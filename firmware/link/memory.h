// The memory of a link in this process, its doorbells, and owners for what the kernel hands out.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "protocol.h"

namespace nj::link {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd &&other) noexcept : fd_(other.release()) {}
  UniqueFd &operator=(UniqueFd &&other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// A mapped link whose header was checked. header() is a private copy, so the peer cannot change it afterwards.
class Memory {
 public:
  // `bytes` is what the peer said; the descriptor must be sealed and at least that large. nullptr: *error says why.
  static std::unique_ptr<Memory> map(const UniqueFd &fd, uint64_t bytes, std::string *error);
  ~Memory();
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  const LinkHeader &header() const { return header_; }
  SlotHeader &slot(uint32_t index) const;
  // `offset` of a section, plus row `row` of `row_bytes`, in slot `index`. The caller keeps to the header's limits.
  uint8_t *at(uint32_t index, uint64_t offset, uint64_t row = 0, uint64_t row_bytes = 0) const;

  uint8_t *base() const { return base_; }
  uint64_t bytes() const { return bytes_; }

  uint32_t bell(Bell bell) const;
  void ring(Bell bell) const;
  // Sleeps while the bell shows `seen`, at most `timeout` and never above kWaitMs. May return early.
  void wait(Bell bell, uint32_t seen, std::chrono::nanoseconds timeout) const;

  SlotState state(uint32_t slot) const;
  void set_state(uint32_t slot, SlotState state) const;

 private:
  Memory(uint8_t *base, uint64_t bytes) : base_(base), bytes_(bytes) {}
  uint32_t *bell_word(Bell bell) const;

  uint8_t *base_;
  uint64_t bytes_;
  LinkHeader header_{};
};

}  // namespace nj::link

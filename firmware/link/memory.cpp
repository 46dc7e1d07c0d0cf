#include "memory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "layout.h"

namespace nj::link {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

std::unique_ptr<Memory> Memory::map(const UniqueFd &fd, uint64_t bytes, std::string *error) {
  struct stat status;
  if (fstat(fd.get(), &status) != 0 || status.st_size < 0) {
    *error = std::string("memory of the link: fstat: ") + strerror(errno);
    return nullptr;
  }
  if (bytes < sizeof(LinkHeader) || bytes > kMaxBytes || bytes > uint64_t(status.st_size)) {
    *error = "memory of the link: its size of " + std::to_string(status.st_size) + " bytes does not fit the " +
             std::to_string(bytes) + " bytes of the layout";
    return nullptr;
  }
  int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK)) {
    *error = "memory of the link: it is not sealed, so the host could cut it off under us";
    return nullptr;
  }
  void *base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) {
    *error = std::string("memory of the link: mmap: ") + strerror(errno);
    return nullptr;
  }
  std::unique_ptr<Memory> memory(new Memory(static_cast<uint8_t *>(base), bytes));
  memcpy(&memory->header_, base, sizeof(LinkHeader));
  if (!check_header(memory->header_, bytes, error)) return nullptr;
  return memory;
}

Memory::~Memory() { munmap(base_, bytes_); }

SlotHeader &Memory::slot(uint32_t index) const {
  return *reinterpret_cast<SlotHeader *>(base_ + header_.first_slot + index * header_.slot_stride);
}

uint8_t *Memory::at(uint32_t index, uint64_t offset, uint64_t row, uint64_t row_bytes) const {
  return base_ + header_.first_slot + index * header_.slot_stride + offset + row * row_bytes;
}

uint32_t *Memory::bell_word(Bell bell) const { return &reinterpret_cast<LinkHeader *>(base_)->bells[bell].value; }

uint32_t Memory::bell(Bell bell) const { return __atomic_load_n(bell_word(bell), __ATOMIC_ACQUIRE); }

void Memory::ring(Bell bell) const {
  __atomic_add_fetch(bell_word(bell), 1, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, bell_word(bell), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void Memory::wait(Bell bell, uint32_t seen, std::chrono::nanoseconds timeout) const {
  auto ns = std::clamp<int64_t>(timeout.count(), 0, int64_t(kWaitMs) * 1000000);
  timespec limit{time_t(ns / 1000000000), long(ns % 1000000000)};
  syscall(SYS_futex, bell_word(bell), FUTEX_WAIT, seen, &limit, nullptr, 0);
}

SlotState Memory::state(uint32_t index) const {
  return SlotState(__atomic_load_n(&slot(index).state, __ATOMIC_ACQUIRE));
}

void Memory::set_state(uint32_t index, SlotState state) const {
  __atomic_store_n(&slot(index).state, uint32_t(state), __ATOMIC_RELEASE);
}

}  // namespace nj::link

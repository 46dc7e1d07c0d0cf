// What Node cannot do by itself, and nothing else: a sealed memfd, a mapping of it, a futex, a descriptor over a Unix
// socket, the processor time of another thread, and giving freed memory back. Every call blocks for a bounded time and
// runs on the calling thread, so the addon works alike in main and in workers and keeps no state. addon.ts is the typed
// side of it.
#include <fcntl.h>
#include <linux/futex.h>
#include <malloc.h>
#include <napi.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

#include "protocol.h"

namespace {

constexpr int kSendTimeoutMs = 1000;

Napi::Value fail(Napi::Env env, const std::string &message) {
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value fail_errno(Napi::Env env, const char *what, int error) {
  return fail(env, std::string(what) + ": " + strerror(error));
}

// A whole number from `low` to `high`; throws a RangeError into JavaScript otherwise.
bool whole_number(const Napi::CallbackInfo &info, size_t index, const char *name, double low, double high,
                  double *out) {
  double value = index < info.Length() && info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : NAN;
  if (value >= low && value <= high && value == std::floor(value)) {
    *out = value;
    return true;
  }
  Napi::RangeError::New(info.Env(), std::string(name) + " must be a whole number in its range")
      .ThrowAsJavaScriptException();
  return false;
}

bool descriptor(const Napi::CallbackInfo &info, size_t index, int *fd) {
  double value;
  if (!whole_number(info, index, "file descriptor", 0, INT_MAX, &value)) return false;
  *fd = int(value);
  return true;
}

// `bytes` bytes at an aligned offset (second argument) of the ArrayBuffer (first argument), checked against its length,
// which is 0 once it is unmapped.
void *place(const Napi::CallbackInfo &info, size_t bytes) {
  if (info.Length() < 2 || !info[0].IsArrayBuffer()) {
    Napi::TypeError::New(info.Env(), "expected the ArrayBuffer of a link and an offset").ThrowAsJavaScriptException();
    return nullptr;
  }
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  size_t length = buffer.ByteLength();
  double offset;
  double last = length < bytes ? -1 : double(length - bytes);
  if (!whole_number(info, 1, "offset", 0, last, &offset)) return nullptr;
  if (uint64_t(offset) % bytes != 0) {
    Napi::RangeError::New(info.Env(), "offset is not aligned").ThrowAsJavaScriptException();
    return nullptr;
  }
  return static_cast<uint8_t *>(buffer.Data()) + size_t(offset);
}

// createLink(bytes) -> fd of a memfd of zeros that nobody can shrink or grow
Napi::Value create_link(const Napi::CallbackInfo &info) {
  double bytes;
  if (!whole_number(info, 0, "bytes", 1, double(nj::link::kMaxBytes), &bytes)) return info.Env().Undefined();
  int fd = memfd_create("nightjar-link", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return fail_errno(info.Env(), "memfd_create", errno);
  if (ftruncate(fd, off_t(bytes)) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    int error = errno;
    close(fd);
    return fail_errno(info.Env(), "making the memory of a link", error);
  }
  return Napi::Number::New(info.Env(), fd);
}

// map(fd, bytes) -> ArrayBuffer over the shared memory, unmapped when it is collected, detached or its thread ends
Napi::Value map(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int fd;
  double bytes;
  if (!descriptor(info, 0, &fd) || !whole_number(info, 1, "bytes", 1, double(nj::link::kMaxBytes), &bytes))
    return env.Undefined();
  struct stat status;
  if (fstat(fd, &status) != 0) return fail_errno(env, "fstat of the link", errno);
  if (double(status.st_size) < bytes) return fail(env, "the memory of the link is smaller than its layout says");
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK))
    return fail(env, "the memory of the link is not sealed: it could be cut off under us");
  size_t length = size_t(bytes);
  void *memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail_errno(env, "mmap of the link", errno);
  return Napi::ArrayBuffer::New(env, memory, length, [length](Napi::BasicEnv, void *data) { munmap(data, length); });
}

// unmap(buffer): gives the memory back now; views on it have length 0 from here on
Napi::Value unmap(const Napi::CallbackInfo &info) {
  if (info.Length() < 1 || !info[0].IsArrayBuffer())
    return fail(info.Env(), "unmap: expected the ArrayBuffer of a link");
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  if (!buffer.IsDetached()) buffer.Detach();
  return info.Env().Undefined();
}

// wait(buffer, bellOffset, seen, timeoutMs) -> false when the time passed and the bell still shows `seen`.
// Never sleeps longer than kWaitMs, so that the caller's JavaScript can be interrupted.
Napi::Value wait(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  auto *bell = static_cast<uint32_t *>(place(info, sizeof(uint32_t)));
  double seen, timeout;
  if (!bell || !whole_number(info, 2, "seen", 0, UINT32_MAX, &seen)) return env.Undefined();
  if (!whole_number(info, 3, "timeoutMs", 0, INT_MAX, &timeout)) return env.Undefined();
  long ms = std::min(long(timeout), long(nj::link::kWaitMs));
  timespec limit{ms / 1000, (ms % 1000) * 1000000};
  long rc = syscall(SYS_futex, bell, FUTEX_WAIT, uint32_t(seen), &limit, nullptr, 0);
  return Napi::Boolean::New(env, rc == 0 || errno != ETIMEDOUT);
}

// ring(buffer, bellOffset): adds 1 and wakes everybody who waits
Napi::Value ring(const Napi::CallbackInfo &info) {
  auto *bell = static_cast<uint32_t *>(place(info, sizeof(uint32_t)));
  if (!bell) return info.Env().Undefined();
  __atomic_add_fetch(bell, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  return info.Env().Undefined();
}

// stamp(buffer, offset): writes the time (CLOCK_MONOTONIC, ns) as a u64, without a BigInt
Napi::Value stamp(const Napi::CallbackInfo &info) {
  void *at = place(info, sizeof(uint64_t));
  if (!at) return info.Env().Undefined();
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t ns = uint64_t(now.tv_sec) * 1000000000u + uint64_t(now.tv_nsec);
  memcpy(at, &ns, sizeof ns);
  return info.Env().Undefined();
}

// Waits until a non-blocking socket takes more bytes, at most kSendTimeoutMs.
bool writable(int fd) {
  pollfd entry{fd, POLLOUT, 0};
  return poll(&entry, 1, kSendTimeoutMs) == 1 && (entry.revents & POLLOUT);
}

ssize_t send_part(int socket, const uint8_t *data, size_t bytes, int passed) {
  iovec part{const_cast<uint8_t *>(data), bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// sendWithFd(socketFd, bytes: Uint8Array, fd): the descriptor travels with the first byte. All bytes or an error.
Napi::Value send_with_fd(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int socket, passed;
  if (!descriptor(info, 0, &socket) || !descriptor(info, 2, &passed)) return env.Undefined();
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    return fail(env, "sendWithFd: the message must be a Uint8Array");
  }
  auto bytes = info[1].As<Napi::Uint8Array>();
  size_t sent = 0;
  if (bytes.ByteLength() == 0) return fail(env, "sendWithFd: the message is empty");
  while (sent < bytes.ByteLength()) {
    ssize_t n = send_part(socket, bytes.Data() + sent, bytes.ByteLength() - sent, sent == 0 ? passed : -1);
    if (n > 0) {
      sent += size_t(n);
    } else if (errno == EAGAIN) {
      if (!writable(socket)) return fail(env, "sendWithFd: the peer does not read");
    } else if (errno != EINTR) {
      return fail_errno(env, "sendWithFd", errno);
    }
  }
  return env.Undefined();
}

// peerCredentials(socketFd) -> {pid, uid, gid} of the process that connected
Napi::Value peer_credentials(const Napi::CallbackInfo &info) {
  int socket;
  if (!descriptor(info, 0, &socket)) return info.Env().Undefined();
  ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return fail_errno(info.Env(), "peerCredentials", errno);
  auto result = Napi::Object::New(info.Env());
  result.Set("pid", peer.pid);
  result.Set("uid", peer.uid);
  result.Set("gid", peer.gid);
  return result;
}

// threadTime(thread) -> ms that a thread of this process, as the kernel numbers it, has run; undefined when it is gone.
// To the moment: /proc/self/task/N/schedstat stands still between two ticks of the kernel while the thread runs.
Napi::Value thread_time(const Napi::CallbackInfo &info) {
  double thread;
  if (!whole_number(info, 0, "thread", 1, INT_MAX, &thread)) return info.Env().Undefined();
  // The clock of a thread by its number: what pthread_getcpuclockid() makes of a pthread_t (CPUCLOCK_PERTHREAD_MASK |
  // CPUCLOCK_SCHED).
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | 6u);
  timespec time;
  if (clock_gettime(clock, &time) != 0) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), double(time.tv_sec) * 1e3 + double(time.tv_nsec) / 1e6);
}

// trim(): the heaps of malloc, of all threads, give pages that nobody uses back to the kernel. Takes some milliseconds.
Napi::Value trim(const Napi::CallbackInfo &info) {
  malloc_trim(0);
  return info.Env().Undefined();
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("createLink", Napi::Function::New(env, create_link));
  exports.Set("map", Napi::Function::New(env, map));
  exports.Set("unmap", Napi::Function::New(env, unmap));
  exports.Set("wait", Napi::Function::New(env, wait));
  exports.Set("ring", Napi::Function::New(env, ring));
  exports.Set("stamp", Napi::Function::New(env, stamp));
  exports.Set("sendWithFd", Napi::Function::New(env, send_with_fd));
  exports.Set("peerCredentials", Napi::Function::New(env, peer_credentials));
  exports.Set("threadTime", Napi::Function::New(env, thread_time));
  exports.Set("trim", Napi::Function::New(env, trim));
  return exports;
}

}  // namespace

NODE_API_MODULE(link, initialise)

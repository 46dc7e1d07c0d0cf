#include "channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nj::link {
namespace {

constexpr int kSendTimeoutMs = 1000;
constexpr int kMaxDescriptors = 4;  // room for a peer that sends too many, so that they can be closed

bool writable(int fd) {
  pollfd entry{fd, POLLOUT, 0};
  return poll(&entry, 1, kSendTimeoutMs) == 1 && (entry.revents & POLLOUT);
}

}  // namespace

std::optional<Channel> Channel::connect(const std::string &path, std::string *error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    *error = "the path of the host's socket is longer than 107 bytes: " + path;
    return std::nullopt;
  }
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
    *error = "no postprocess host at " + path + ": " + strerror(errno);
    return std::nullopt;
  }
  return Channel(std::move(socket));
}

bool Channel::send(const std::string &line, std::string *error) {
  const std::string message = line + "\n";
  if (message.size() > kMaxMessage) {
    *error = "a message of " + std::to_string(message.size()) + " bytes is too long for the host";
    return false;
  }
  for (size_t sent = 0; sent < message.size();) {
    ssize_t n = ::send(socket_.get(), message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += size_t(n);
    } else if (errno == EAGAIN ? !writable(socket_.get()) : errno != EINTR) {
      *error = errno == EAGAIN ? "the host does not read its socket"
                               : std::string("the host has hung up: ") + strerror(errno);
      return false;
    }
  }
  return true;
}

bool Channel::receive(std::string *error) {
  char bytes[16384];
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
  while (!hung_up_) {
    iovec part{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t n = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0) hung_up_ = true;
    if (n > 0 && !keep_descriptors(message, error)) return false;
    if (n > 0) received_.append(bytes, size_t(n));
    if (received_.size() > kMaxMessage && received_.find('\n') == std::string::npos) {
      *error = "the host sent a message of more than 256 KiB";
      return false;
    }
    if (received_.size() > 4 * kMaxMessage) return true;  // the rest after these were handled
  }
  // What came before the hang-up (a refusal) is still to be read.
  if (received_.find('\n') != std::string::npos) return true;
  *error = "the host has hung up";
  return false;
}

bool Channel::keep_descriptors(msghdr &message, std::string *error) {
  bool ok = !(message.msg_flags & MSG_CTRUNC);
  for (cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      UniqueFd received(fd);
      if (descriptor_) ok = false;
      if (ok) descriptor_ = std::move(received);
    }
  }
  if (!ok) *error = "the host sent more than one descriptor at a time";
  return ok;
}

std::optional<std::string> Channel::next_line() {
  size_t end = received_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return line;
}

}  // namespace nj::link

// A connected Unix stream socket that carries messages: lines of JSON, one of them with a descriptor.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "memory.h"

namespace nj::link {

constexpr size_t kMaxMessage = 256 * 1024;  // bytes of one line

class Channel {
 public:
  // nullopt: *error says why the host cannot be reached.
  static std::optional<Channel> connect(const std::string &path, std::string *error);
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  // Sends one line (the line feed is added). Waits at most 1 s for a peer that does not read.
  bool send(const std::string &line, std::string *error);

  // Takes in what has arrived, without waiting. false: the peer has hung up or broke the rules.
  bool receive(std::string *error);

  // The next complete line that was received.
  std::optional<std::string> next_line();

  // The descriptor that came with the messages so far; empty when there was none.
  UniqueFd take_descriptor() { return std::move(descriptor_); }

 private:
  bool keep_descriptors(msghdr &message, std::string *error);

  UniqueFd socket_;
  UniqueFd descriptor_;
  std::string received_;
  bool hung_up_ = false;
};

}  // namespace nj::link

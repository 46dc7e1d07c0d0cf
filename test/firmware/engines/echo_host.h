// Starts test/firmware/link/echo_host.ts for a test and ends it with the test.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include "engines/engine.h"

// What echo_worker.ts does with a batch whose first frame has this source_id.
enum Ask : uint32_t {
  kAskNothing = 1000,
  kAskSilence,
  kAskFailure,
  kAskTooMany,
  kAskWildMask,
  kAskNotFinite,
  kAskLate,
  kAskWildEvent,
};

// How much slower than usual this machine may be (NIGHTJAR_PATIENCE, set by scripts/test-arm64): 1 where it is not set.
inline int patience() {
  const char *text = std::getenv("NIGHTJAR_PATIENCE");
  return text ? std::max(1, std::atoi(text)) : 1;
}

// The command line of the echo host, without --socket.
std::string echo_command();

class EchoHost {
 public:
  explicit EchoHost(const std::string &arguments = "");
  ~EchoHost();
  EchoHost(const EchoHost &) = delete;

  void start();
  void end(int signal = SIGKILL);  // and reaps it
  void send(int signal) const { kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  const std::string &socket() const { return socket_; }

  // For an element that uses this host: detect, batches of 2, 2 slots, a deadline of 2 s (longer under emulation: see
  // patience).
  nj::EngineOptions options() const;

 private:
  std::string arguments_, directory_, socket_;
  pid_t pid_ = 0;
};

// Looks every 2 ms; false when it has not come true within `limit`.
bool eventually(const std::function<bool()> &condition,
                std::chrono::milliseconds limit = std::chrono::milliseconds(5000));

// Seconds since some point, for measuring.
double now();

// One batch of `batch` frames with these source ids; true when its result came.
bool round_trip(nj::Engine &engine, uint32_t source_id, std::string *error);

// HostProcess: a postprocess host of our own, for elements that run without a supervisor. There is one per process; it
// starts with the first element that needs it, ends with the last, and is started again when it dies.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "../link/memory.h"
#include "host_directory.h"

namespace nj {

class HostProcess {
 public:
  // The process's host, started when it is not running yet. nullptr: *error says why it cannot be started at all.
  static std::shared_ptr<HostProcess> shared(std::string *error);
  ~HostProcess();
  HostProcess(const HostProcess &) = delete;
  HostProcess &operator=(const HostProcess &) = delete;

  // Where it listens, a moment after its start.
  const std::string &socket_path() const { return socket_path_; }

  // Not empty while the host cannot be started (no Node, no script, it ends at once again and again): what to do
  // about it. It is tried again all the same, every few seconds.
  std::string failure() const;

  // 0 while there is none.
  pid_t pid() const { return pid_; }

 private:
  HostProcess(std::string command, HostDirectory directory);
  void run();
  bool spawn(link::UniqueFd *stdin_pipe);
  bool wait_for_end(std::chrono::milliseconds limit);
  int end_child(link::UniqueFd stdin_pipe);
  void judge(int status);
  void sleep();

  const std::string command_;  // for /bin/sh, without its arguments
  const HostDirectory directory_;
  const std::string socket_path_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string failure_;
  unsigned early_ends_ = 0;  // in a row
  std::chrono::steady_clock::time_point started_;
  std::chrono::milliseconds delay_;  // before the next start
  const link::UniqueFd stop_event_;
  std::atomic<pid_t> pid_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace nj

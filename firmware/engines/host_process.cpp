#include "host_process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace nj {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstDelay{50}, kLongestDelay{5000};
constexpr milliseconds kUntilStop{-1};
constexpr seconds kHealthyAfter{10};        // a host that lived this long starts again without delay
constexpr seconds kEarly{2};                // one that ends sooner has failed to start
constexpr unsigned kEarlyEnds = 3;          // so many in a row are no accident
constexpr milliseconds kEndPatience{2000};  // from closing its stdin to SIGKILL

// Exit codes that say "not here, and not later": the shell's "cannot execute" and "not found", and bin/nightjar-host's
// own "no usable Node" (EX_UNAVAILABLE).
bool is_permanent(int code) { return code == 126 || code == 127 || code == 69; }

std::string ending(int status) {
  if (WIFSIGNALED(status)) return std::string("by signal ") + strsignal(WTERMSIG(status));
  return "with code " + std::to_string(WEXITSTATUS(status));
}

// Quoted for the shell.
std::string quoted(const std::string &path) {
  std::string result = "'";
  for (char c : path) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// bin/nightjar-host of the tree or the package that this code was loaded from.
std::string find_command(std::string *error) {
  if (const char *command = getenv("NIGHTJAR_HOST"); command && *command) return command;
  namespace fs = std::filesystem;
  Dl_info self{};
  std::error_code ignored;
  fs::path folder;
  if (dladdr(reinterpret_cast<void *>(&find_command), &self) && self.dli_fname)
    folder = fs::canonical(self.dli_fname, ignored).parent_path();
  const fs::path candidates[] = {folder / "../../../bin/nightjar-host", "/usr/lib/nightjar/bin/nightjar-host",
                                 "/usr/bin/nightjar-host"};
  for (const auto &candidate : candidates)
    if (access(candidate.c_str(), X_OK) == 0) return quoted(candidate.lexically_normal());
  *error = "the postprocess host was not found: there is no " + candidates[0].lexically_normal().string() + " and no " +
           candidates[1].string() +
           ". Install nightjar, set NIGHTJAR_HOST to the command that starts the host, or set the "
           "property host-socket to the socket of one that runs";
  return "";
}

// Between fork and exec only async-signal-safe calls are allowed: everything that needs memory was made before.
[[noreturn]] void become_host(char *const arguments[], int stdin_end, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
  setpgid(0, 0);  // Ctrl-C is for the pipeline; it ends its host itself
  dup2(stdin_end, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // stdout belongs to the application
  execv("/bin/sh", arguments);
  _exit(127);
}

std::weak_ptr<HostProcess> current;
std::mutex current_mutex;

}  // namespace

std::shared_ptr<HostProcess> HostProcess::shared(std::string *error) {
  std::lock_guard lock(current_mutex);
  if (auto host = current.lock()) return host;
  const std::string command = find_command(error);
  if (command.empty()) return nullptr;
  HostDirectory directory = HostDirectory::make(error);
  if (directory.path.empty()) return nullptr;
  std::shared_ptr<HostProcess> host(new HostProcess(command, std::move(directory)));
  current = host;
  return host;
}

HostProcess::HostProcess(std::string command, HostDirectory directory)
    : command_(std::move(command)),
      directory_(std::move(directory)),
      socket_path_(directory_.path + "/socket"),
      delay_(kFirstDelay),
      stop_event_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

HostProcess::~HostProcess() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  uint64_t one = 1;
  while (write(stop_event_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

std::string HostProcess::failure() const {
  std::lock_guard lock(mutex_);
  const bool recovered = pid_ != 0 && Clock::now() - started_ > kEarly;
  return recovered ? "" : failure_;
}

// PR_SET_PDEATHSIG follows the thread that forked, so this thread does it and lives as long as the host.
void HostProcess::run() {
  pthread_setname_np(pthread_self(), "nj-host");
  while (!stopping_) {
    link::UniqueFd stdin_pipe;
    if (spawn(&stdin_pipe)) {
      wait_for_end(kUntilStop);
      judge(end_child(std::move(stdin_pipe)));
    }
    if (!stopping_) sleep();
  }
}

bool HostProcess::spawn(link::UniqueFd *stdin_pipe) {
  unlink(socket_path_.c_str());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  link::UniqueFd reader(ends[0]);
  *stdin_pipe = link::UniqueFd(ends[1]);
  const std::string script = "exec " + command_ + " --socket \"$1\" --exit-with-parent";
  const char *arguments[] = {"sh", "-c", script.c_str(), "nightjar-host", socket_path_.c_str(), nullptr};
  const pid_t self = getpid();
  std::lock_guard lock(mutex_);
  started_ = Clock::now();
  const pid_t child = fork();
  if (child == 0) become_host(const_cast<char *const *>(arguments), reader.get(), self);
  pid_ = std::max(child, 0);
  return child > 0;
}

// Waits until the child has ended or, without a limit, until this object stops. false: it still runs.
bool HostProcess::wait_for_end(milliseconds limit) {
  link::UniqueFd child(int(syscall(SYS_pidfd_open, pid_.load(), 0)));
  pollfd entries[] = {{child.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}};
  const bool until_stop = limit == kUntilStop;
  while (poll(entries, until_stop ? 2 : 1, int(limit.count())) < 0 && errno == EINTR) {
  }
  return entries[0].revents != 0;
}

// Asks the child to end, insists, and reaps it. Returns its wait status.
int HostProcess::end_child(link::UniqueFd stdin_pipe) {
  stdin_pipe.reset();
  if (!wait_for_end(kEndPatience)) kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

// Decides when to start again, and whether that can help.
void HostProcess::judge(int status) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  std::lock_guard lock(mutex_);
  const auto lived = Clock::now() - started_;
  delay_ = lived > kHealthyAfter ? kFirstDelay : std::min(delay_ * 2, kLongestDelay);
  early_ends_ = lived > kEarly ? 0 : early_ends_ + 1;
  failure_.clear();
  if (stopping_) return;
  if (is_permanent(code)) {
    delay_ = kLongestDelay;
    failure_ = "the postprocess host cannot be started: the command " + command_ + " ended with code " +
               std::to_string(code) +
               " (its message is on stderr). It needs Node 24.21 or newer: install nightjar, or "
               "set NIGHTJAR_HOST to the command that starts the host";
  } else if (early_ends_ >= kEarlyEnds) {
    failure_ = "the postprocess host ends right after its start, " + std::to_string(early_ends_) +
               " times in a row: the command " + command_ + " ended " + ending(status) +
               " (its messages are on stderr)";
  }
}

void HostProcess::sleep() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, delay_, [this] { return stopping_.load(); });
}

}  // namespace nj

#include "build_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "../link/memory.h"

namespace nj {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{100};  // how often its memory is looked at
constexpr size_t kLongestLine = 4096;

// Lines of a pipe; longer ones are cut.
class Lines {
 public:
  explicit Lines(link::UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }

  // What can be read now. false: the other end is closed.
  template <class Visit>
  bool read(Visit visit) {
    char bytes[1024];
    const ssize_t count = ::read(fd_.get(), bytes, sizeof bytes);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    for (ssize_t i = 0; i < count; i++) {
      if (bytes[i] != '\n') {
        if (line_.size() < kLongestLine) line_ += bytes[i];
        continue;
      }
      visit(line_);
      line_.clear();
    }
    return count > 0;
  }

 private:
  link::UniqueFd fd_;
  std::string line_;
};

// Resident memory in MiB, of the process itself; 0 when it is gone.
uint64_t resident_mib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::strtoull(line.c_str() + 6, nullptr, 10) >> 10;
  return 0;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char *const *arguments, int out, int problems, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(126);
  setpgid(0, 0);
  dup2(out, STDOUT_FILENO);
  dup2(problems, STDERR_FILENO);
  // Should memory run out, this process is the one to go.
  const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {
    if (write(score, "1000", 4) < 0) _exit(126);
    close(score);
  }
  execvp(arguments[0], arguments);
  _exit(127);
}

class Builder {
 public:
  Builder(const std::vector<std::string> &command, const BuildLimits &limits, const BuildProgress &progress)
      : command_(command), limits_(limits), progress_(progress) {}

  bool run(std::string *error) {
    if (!start(error)) return false;
    watch();
    int status = 0;
    waitpid(pid_, &status, 0);
    if (problem_.empty() && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    *error = problem_.empty() ? ending(status) : problem_;
    return false;
  }

 private:
  const std::vector<std::string> &command_;
  const BuildLimits &limits_;
  const BuildProgress &progress_;
  pid_t pid_ = -1;
  std::unique_ptr<Lines> out_, problems_;
  std::string problem_;            // over a limit
  std::string said_, last_error_;  // by "error", on its standard error

  bool start(std::string *error) {
    int out[2], problems[2];
    if (pipe2(out, O_CLOEXEC) != 0) return fail("a pipe", error);
    link::UniqueFd out_read(out[0]), out_write(out[1]);
    if (pipe2(problems, O_CLOEXEC) != 0) return fail("a pipe", error);
    link::UniqueFd problems_read(problems[0]), problems_write(problems[1]);
    std::vector<char *> arguments;
    for (const std::string &part : command_) arguments.push_back(const_cast<char *>(part.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) return fail("a process", error);
    if (pid_ == 0) become(arguments.data(), out_write.get(), problems_write.get(), parent);
    fcntl(out_read.get(), F_SETFL, O_NONBLOCK);
    fcntl(problems_read.get(), F_SETFL, O_NONBLOCK);
    out_ = std::make_unique<Lines>(std::move(out_read));
    problems_ = std::make_unique<Lines>(std::move(problems_read));
    return true;
  }

  static bool fail(const char *what, std::string *error) {
    *error = std::string("cannot make ") + what + " for building: " + std::strerror(errno);
    return false;
  }

  void watch() {
    const auto end = Clock::now() + limits_.time;
    auto next_look = Clock::now();
    for (bool out = true, problems = true; out || problems;) {
      pollfd fds[] = {{out ? out_->fd() : -1, POLLIN, 0}, {problems ? problems_->fd() : -1, POLLIN, 0}};
      poll(fds, 2, static_cast<int>(kLook.count()));
      if (fds[0].revents) out = out_->read([this](const std::string &line) { heed(line); });
      if (fds[1].revents)
        problems = problems_->read([this](const std::string &line) {
          if (!line.empty()) last_error_ = line;
        });
      if (Clock::now() < next_look) continue;
      next_look = Clock::now() + kLook;
      const uint64_t used = resident_mib(pid_);
      if (used > limits_.memory_mib)
        stop("took more than " + std::to_string(limits_.memory_mib) + " MiB of memory (" + std::to_string(used) + ")");
      if (Clock::now() > end) stop("took longer than " + std::to_string(limits_.time.count()) + " s");
    }
  }

  void stop(const std::string &problem) {
    if (!problem_.empty()) return;
    problem_ = problem;
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
  }

  void heed(const std::string &line) {
    std::istringstream words(line);
    std::string kind, text;
    double share = 0;
    words >> kind;
    if (kind == "error") said_ = line.substr(std::min(line.size(), size_t{6}));
    if (kind != "progress" || !(words >> share) || !progress_) return;
    std::getline(words >> std::ws, text);
    progress_(share, text);
  }

  std::string ending(int status) const {
    if (!said_.empty()) return said_;
    std::string text = WIFSIGNALED(status) ? "was ended by signal " + std::to_string(WTERMSIG(status))
                                           : "ended with " + std::to_string(WEXITSTATUS(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) text = command_.front() + " cannot be run";
    return last_error_.empty() ? text : text + ": " + last_error_;
  }
};

}  // namespace

bool run_builder(const std::vector<std::string> &command, const BuildLimits &limits, const BuildProgress &progress,
                 std::string *error) {
  return Builder(command, limits, progress).run(error);
}

}  // namespace nj

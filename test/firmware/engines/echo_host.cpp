#include "echo_host.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

fs::path root() { return fs::path(std::getenv("NJ_TEST_DATA")) / "../.."; }

// The pinned Node of the checkout, or else the one on PATH.
std::string node() {
  for (const char *arch : {"x64", "arm64"}) {
    fs::path path = root() / ".toolchain/node_modules" / (std::string("node-linux-") + arch) / "bin/node";
    if (fs::exists(path)) return path.lexically_normal();
  }
  return "node";
}

}  // namespace

std::string echo_command() {
  return node() + " " + (root() / "test/firmware/link/echo_host.ts").lexically_normal().string();
}

EchoHost::EchoHost(const std::string &arguments) : arguments_(arguments) {
  char path[] = "/tmp/nightjar-test-XXXXXX";
  directory_ = mkdtemp(path);
  socket_ = directory_ + "/link.sock";
  start();
}

EchoHost::~EchoHost() {
  end();
  fs::remove_all(directory_);
}

void EchoHost::start() {
  fs::remove(socket_);
  const std::string command = "exec " + echo_command() + " --socket " + socket_ + " " + arguments_;
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
}

void EchoHost::end(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  kill(pid_, SIGCONT);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

nj::EngineOptions EchoHost::options() const {
  nj::EngineOptions options;
  options.bundle = "/bundle";
  options.host_socket = socket_;
  options.instance = "test";
  options.max_batch = 2;
  options.slots = 2;
  options.deadline = 2000ms * patience();
  return options;
}

bool eventually(const std::function<bool()> &condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool round_trip(nj::Engine &engine, uint32_t source_id, std::string *error) {
  auto work = engine.acquire(100ms);
  if (!work) {
    *error = "no slot";
    return false;
  }
  work->frame(0).source_id = source_id;
  work->submit(1);
  return work->wait(error);
}

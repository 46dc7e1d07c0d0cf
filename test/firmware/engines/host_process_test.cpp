// A host of our own: started, shared, started again, ended, and never left behind.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engines/host_process.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "echo_host.h"

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// The environment as a test needs it, with a folder for sockets that can be looked into.
struct Environment {
  std::string folder;

  explicit Environment(const std::string &command = echo_command()) {
    char path[] = "/tmp/nightjar-test-XXXXXX";
    folder = mkdtemp(path);
    setenv("XDG_RUNTIME_DIR", folder.c_str(), 1);
    setenv("NIGHTJAR_HOST", command.c_str(), 1);
  }
  ~Environment() { fs::remove_all(folder); }

  bool is_empty() const { return fs::is_empty(folder); }
};

nj::EngineOptions own_host() {
  nj::EngineOptions options;
  options.bundle = "/bundle";
  options.instance = "test";
  return options;
}

bool is_running(pid_t pid) { return kill(pid, 0) == 0; }

}  // namespace

TEST_CASE("elements without a socket share one host, which ends with the last of them") {
  Environment environment;
  std::string error;
  pid_t pid = 0;
  {
    auto first = nj::make_remote_engine(own_host()), second = nj::make_remote_engine(own_host());
    REQUIRE_MESSAGE(first->start(10s, &error), error);
    REQUIRE_MESSAGE(second->start(10s, &error), error);
    pid = nj::HostProcess::shared(&error)->pid();
    CHECK(round_trip(*first, 1, &error));
    CHECK(round_trip(*second, 1, &error));
    first.reset();
    CHECK(round_trip(*second, 1, &error));
  }
  CHECK_FALSE(is_running(pid));
  CHECK(environment.is_empty());
}

TEST_CASE("a host that was killed is replaced, and objects come back within 2 s") {
  Environment environment;
  std::string error;
  auto engine = nj::make_remote_engine(own_host());
  REQUIRE_MESSAGE(engine->start(10s, &error), error);
  const pid_t pid = nj::HostProcess::shared(&error)->pid();
  kill(pid, SIGKILL);
  REQUIRE(eventually([&] { return engine->state() == nj::EngineState::Gone; }));
  CHECK_MESSAGE(eventually([&] { return round_trip(*engine, 1, &error); }, 2s), error);
  CHECK(nj::HostProcess::shared(&error)->pid() != pid);
}

TEST_CASE("a host that does not listen to reason is killed") {
  Environment environment;
  std::string error;
  auto engine = nj::make_remote_engine(own_host());
  REQUIRE_MESSAGE(engine->start(10s, &error), error);
  const pid_t pid = nj::HostProcess::shared(&error)->pid();
  kill(pid, SIGSTOP);
  engine.reset();
  CHECK_FALSE(is_running(pid));
}

TEST_CASE("a command that does not exist is an error at start") {
  Environment environment("/no/such/host");
  std::string error;
  auto engine = nj::make_remote_engine(own_host());
  CHECK_FALSE(engine->start(10s, &error));
  CHECK(engine->state() == nj::EngineState::Refused);
  CHECK(error.find("/no/such/host ended with code 127") != std::string::npos);
}

TEST_CASE("a host that crashes at start is an error, with its last words") {
  Environment environment("sh -c 'exit 3'");
  std::string error;
  auto engine = nj::make_remote_engine(own_host());
  CHECK_FALSE(engine->start(10s, &error));
  CHECK(error.find("ended with code 3") != std::string::npos);
}

TEST_CASE("the host ends with a process that was killed, and its folder is swept up by the next") {
  Environment environment;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t owner = fork();
  if (owner == 0) {
    std::string error;
    auto engine = nj::make_remote_engine(own_host());
    engine->start(10s, &error);
    const pid_t pid = nj::HostProcess::shared(&error)->pid();
    _exit(write(ends[1], &pid, sizeof pid) == sizeof pid && pause() ? 0 : 1);
  }
  pid_t host = 0;
  REQUIRE(read(ends[0], &host, sizeof host) == sizeof host);
  CHECK(is_running(host));
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  CHECK(eventually([&] { return !is_running(host); }));
  CHECK_FALSE(environment.is_empty());
  std::string error;
  nj::HostDirectory::make(&error);
  CHECK(environment.is_empty());
}

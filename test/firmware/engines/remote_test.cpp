// The remote engine against a real host in Node: the socket, the memory, the bells, and every way in which they end.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "echo_host.h"

using namespace std::chrono_literals;
using nj::EngineState;

namespace {

// An engine that has its layout, and what it said about its state.
struct Started {
  explicit Started(nj::EngineOptions options, std::chrono::milliseconds timeout = 10s)
      : engine(nj::make_remote_engine(options)) {
    engine->on_state = [this](EngineState state, const std::string &message) {
      std::lock_guard lock(mutex);
      said.push_back(message);
      states.push_back(state);
    };
    ok = engine->start(timeout, &error);
  }

  bool heard(const std::string &part) {
    std::lock_guard lock(mutex);
    for (const auto &message : said)
      if (message.find(part) != std::string::npos) return true;
    return false;
  }

  std::unique_ptr<nj::Work> submitted(uint32_t source_id) {
    auto work = engine->acquire(1s);
    REQUIRE(work);
    work->frame(0).source_id = source_id;
    work->submit(1);
    return work;
  }

  std::string error_of(uint32_t source_id) {
    std::string reason;
    CHECK_FALSE(round_trip(*engine, source_id, &reason));
    return reason;
  }

  std::mutex mutex;
  std::vector<std::string> said;
  std::vector<EngineState> states;
  std::string error;
  bool ok = false;
  std::unique_ptr<nj::Engine> engine;  // last: its thread calls into this object
};

// For the tests that leave their host as it was.
EchoHost &lasting_host() {
  static EchoHost host;
  return host;
}

// Numbers from /proc/<pid>/status and the count of open descriptors.
struct Resources {
  long descriptors = 0, threads = 0, memory_kb = 0;

  explicit Resources(pid_t pid) {
    namespace fs = std::filesystem;
    const fs::path folder = "/proc/" + std::to_string(pid);
    for ([[maybe_unused]] const auto &entry : fs::directory_iterator(folder / "fd")) ++descriptors;
    std::ifstream status(folder / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("Threads:", 0) == 0) threads = std::stol(line.substr(8));
      if (line.rfind("VmRSS:", 0) == 0) memory_kb = std::stol(line.substr(6));
    }
  }
};

bool is_stopped(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("State:", 0) == 0) return line.find('T') != std::string::npos;
  return false;
}

}  // namespace

TEST_CASE("a batch goes to the host and its objects come back") {
  EchoHost &host = lasting_host();
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  CHECK(element.engine->state() == EngineState::Ready);
  const nj::EngineInfo info = element.engine->info();
  CHECK(info.bundle_name == "echo");
  CHECK(info.input.width == 8);
  CHECK(info.tensors.size() == 2);

  auto work = element.engine->acquire(1s);
  REQUIRE(work);
  REQUIRE(work->capacity() == 2);
  for (uint32_t i = 0; i < 2; ++i) {
    work->frame(i).source_id = 20 + i;
    static_cast<float *>(work->input(0, i))[0] = 0.5f + float(i);
  }
  CHECK(work->input(1, 0) == nullptr);  // an output
  CHECK(work->input(0, 2) == nullptr);  // no such frame
  work->submit(2);
  std::string error;
  REQUIRE_MESSAGE(work->wait(&error), error);
  for (uint32_t i = 0; i < 2; ++i) {
    REQUIRE(work->frame(i).objects_out == 1);
    CHECK(work->objects_out(i)->left == 20 + i);
    CHECK(work->objects_out(i)->top == 0.5f + float(i));
    CHECK((work->frame(i).flags & nj::link::kFrameInferred) != 0);
  }
  const nj::WorkTimes times = work->times();
  CHECK(times.submitted <= times.module_start);
  CHECK(times.module_start <= times.module_end);
}

TEST_CASE("an analyze link carries objects and their data both ways") {
  EchoHost &host = lasting_host();
  nj::EngineOptions options = host.options();
  options.kind = nj::link::Kind::Analyze;
  Started element(options);
  REQUIRE_MESSAGE(element.ok, element.error);
  auto work = element.engine->acquire(1s);
  REQUIRE(work);
  nj::link::ObjectRecord object{};
  object.left = 12.5f;
  object.parent = object.input = -1;
  object.keypoints = 1;
  object.aux_bytes = 12;
  work->objects_in(0)[0] = object;
  const float keypoint[3] = {1, 2, 0.5f};
  memcpy(work->aux_in(0), keypoint, sizeof keypoint);
  work->frame(0).objects_in = 1;
  work->frame(0).aux_in = sizeof keypoint;
  work->submit(1);
  std::string error;
  REQUIRE_MESSAGE(work->wait(&error), error);
  REQUIRE(work->frame(0).objects_out == 1);
  CHECK(work->objects_out(0)->left == 12.5f);
  CHECK(memcmp(work->aux_out(0), keypoint, sizeof keypoint) == 0);
}

TEST_CASE("as many batches are under way as there are slots, and they are waited for in order") {
  EchoHost &host = lasting_host();
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  std::string error;
  for (uint32_t round = 0; round < 50; ++round) {
    auto first = element.submitted(round);
    auto second = element.submitted(round + 500);
    CHECK(element.engine->acquire(0ms) == nullptr);
    REQUIRE(first->wait(&error));
    REQUIRE(second->wait(&error));
    CHECK(first->objects_out(0)->left == round);
    CHECK(second->objects_out(0)->left == round + 500);
  }
}

TEST_CASE("acquire wakes when another thread gives a slot back") {
  EchoHost &host = lasting_host();
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  auto first = element.engine->acquire(1s), second = element.engine->acquire(1s);
  auto waiting = std::async(std::launch::async, [&] { return element.engine->acquire(5s) != nullptr; });
  std::this_thread::sleep_for(20ms);
  const double before = now();
  second.reset();
  CHECK(waiting.get());
  CHECK(now() - before < 1);
}

TEST_CASE("what the host writes is checked before it is used") {
  EchoHost &host = lasting_host();
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  CHECK(element.error_of(kAskFailure) == "asked to fail");
  CHECK(element.error_of(kAskTooMany).find("4294967295 objects") != std::string::npos);
  CHECK(element.error_of(kAskWildMask).find("outside of the arena") != std::string::npos);
  CHECK(element.error_of(kAskNotFinite).find("not finite") != std::string::npos);
  CHECK(element.error_of(kAskWildEvent).find("event 0 of frame 0") != std::string::npos);
  std::string error;
  CHECK_MESSAGE(round_trip(*element.engine, 1, &error), error);
}

TEST_CASE("a slot that is late is lost for its deadline only") {
  EchoHost &host = lasting_host();
  nj::EngineOptions options = host.options();
  options.slots = 1;
  options.deadline = 100ms;
  Started element(options);
  REQUIRE_MESSAGE(element.ok, element.error);
  const double before = now();
  CHECK(element.error_of(kAskLate) == "no result within the deadline of 100 ms");
  CHECK(now() - before < 1);
  CHECK(element.engine->acquire(0ms) == nullptr);  // the host still has it
  CHECK(element.engine->acquire(2s) != nullptr);
}

TEST_CASE("a killed host ends the wait at once, and objects come back with the next host") {
  EchoHost host;
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  double quickest = 1;  // of three: other work on the machine must not fail the test
  for (int round = 0; round < 3; ++round) {
    auto work = element.submitted(kAskSilence);
    std::string error;
    double done = 0;
    std::thread waiter([&] {
      CHECK_FALSE(work->wait(&error));
      done = now();
    });
    std::this_thread::sleep_for(50ms);
    const double killed = now();
    host.end(SIGKILL);
    waiter.join();
    quickest = std::min(quickest, done - killed);
    CHECK(error == "the postprocess host has gone");
    CHECK(element.engine->state() == EngineState::Gone);
    const double before = now();
    CHECK(element.engine->acquire(5s) == nullptr);
    CHECK(now() - before < 1);

    host.start();
    CHECK(eventually([&] { return round_trip(*element.engine, 1, &error); }));
    work.reset();  // the memory of the old link stays until here
  }
  CHECK(quickest < 0.05);
}

TEST_CASE("a host that is stopped makes batches miss their deadline until it goes on") {
  EchoHost host;
  nj::EngineOptions options = host.options();
  options.deadline = 100ms;
  Started element(options);
  REQUIRE_MESSAGE(element.ok, element.error);
  host.send(SIGSTOP);
  REQUIRE(eventually([&] { return is_stopped(host.pid()); }));
  CHECK(element.error_of(1) == "no result within the deadline of 100 ms");
  CHECK(element.error_of(1) == "no result within the deadline of 100 ms");
  CHECK(element.error_of(1) == "no slot");
  CHECK(element.engine->state() == EngineState::Ready);
  host.send(SIGCONT);
  std::string error;
  CHECK(eventually([&] { return round_trip(*element.engine, 1, &error); }));
}

TEST_CASE("another layout is taken at once, and what is under way comes back through the old one") {
  EchoHost host;
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  REQUIRE(element.engine->info().max_objects == 4);
  auto submitted = element.submitted(7);
  auto held = element.engine->acquire(1s);
  REQUIRE(held);
  host.send(SIGUSR2);
  auto next = element.engine->acquire(2s);  // both slots of the old layout are taken: this one is of the new layout
  REQUIRE(next);
  CHECK(next->info()->generation == 2);
  CHECK(next->info()->max_objects == 5);
  CHECK(held->info()->generation == 1);
  std::string error;
  held->frame(0).source_id = 8;
  held->submit(1);
  next->frame(0).source_id = 9;
  next->submit(1);
  CHECK_MESSAGE(submitted->wait(&error), error);
  CHECK_MESSAGE(held->wait(&error), error);
  CHECK_MESSAGE(next->wait(&error), error);
  CHECK(submitted->objects_out(0)->left == 7);
  CHECK(held->objects_out(0)->left == 8);
  CHECK(next->objects_out(0)->left == 9);
}

TEST_CASE("layouts that follow each other under load lose no batch") {
  EchoHost host;
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  std::string error;
  uint32_t sent = 0;
  for (uint32_t round = 0; round < 20; ++round) {
    host.send(SIGUSR2);
    const auto stop = [&] { return element.engine->info().generation > round + 1; };
    const double until = now() + 10;
    while (!stop() && now() < until) {
      auto first = element.submitted(sent), second = element.submitted(sent + 1);
      REQUIRE_MESSAGE(first->wait(&error), error);
      REQUIRE_MESSAGE(second->wait(&error), error);
      CHECK(first->objects_out(0)->left == sent);
      CHECK(second->objects_out(0)->left == sent + 1);
      sent = (sent + 2) % 500;
    }
    REQUIRE(stop());
  }
}

TEST_CASE("a host that goes in the middle of a change fails the batches of both layouts at once") {
  EchoHost host;
  Started element(host.options());
  REQUIRE_MESSAGE(element.ok, element.error);
  auto old = element.submitted(kAskSilence);
  auto held = element.engine->acquire(1s);
  host.send(SIGUSR2);
  auto next = element.submitted(kAskSilence);
  REQUIRE(next->info()->generation == 2);
  host.end(SIGKILL);
  std::string error;
  const double before = now();
  CHECK_FALSE(old->wait(&error));
  CHECK(error == "the postprocess host has gone");
  CHECK_FALSE(next->wait(&error));
  CHECK(now() - before < 1);
}

TEST_CASE("parameters reach the host, also the one that comes after a crash") {
  EchoHost host;
  nj::EngineOptions options = host.options();
  options.parameters = R"({"iou-threshold": 0.5})";
  Started element(options);
  REQUIRE_MESSAGE(element.ok, element.error);
  CHECK(element.engine->info().labels[1] == R"({"iou-threshold":0.5})");
  element.engine->set_parameters(R"({"confidence-threshold": 0.25})");
  CHECK(eventually([&] { return element.heard(R"(degraded: {"confidence-threshold":0.25})"); }));
  element.engine->set_parameters("not JSON");
  CHECK(eventually([&] { return element.heard("parameters must be a JSON object"); }));
  host.end();
  host.start();
  REQUIRE(eventually([&] { return element.engine->info().labels[1].find("confidence") != std::string::npos; }));
  CHECK(element.engine->info().labels[1] == R"({"confidence-threshold":0.25,"iou-threshold":0.5})");
}

TEST_CASE("a refusal says what is wrong with the bundle") {
  EchoHost &host = lasting_host();
  nj::EngineOptions options = host.options();
  options.bundle = "/refused";
  Started element(options);
  CHECK_FALSE(element.ok);
  CHECK(element.engine->state() == EngineState::Refused);
  CHECK(element.error == "model.file: model.onnx is missing");
}

TEST_CASE("a host that is not there is named") {
  nj::EngineOptions options;
  options.host_socket = "/tmp/nightjar-no-such.sock";
  Started element(options, 200ms);
  CHECK_FALSE(element.ok);
  CHECK(element.engine->state() == EngineState::Starting);
  CHECK(element.error.find("/tmp/nightjar-no-such.sock") != std::string::npos);
}

TEST_CASE("opening and closing 200 links leaves descriptors, threads and memory level on both sides") {
  EchoHost host("--no-worker");
  const auto cycle = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Started element(host.options());
      REQUIRE_MESSAGE(element.ok, element.error);
      REQUIRE(element.engine->acquire(1s));
    }
  };
  cycle(20);
  const Resources ours(getpid());
  const long host_descriptors = Resources(host.pid()).descriptors;
  cycle(200);
  const Resources later(getpid());
  CHECK(later.descriptors == ours.descriptors);
  CHECK(eventually([&] { return Resources(getpid()).threads <= ours.threads; }));
  // An emulator keeps what it has translated in our memory.
  if (patience() == 1) CHECK(later.memory_kb - ours.memory_kb < 4096);
  CHECK(eventually([&] { return Resources(host.pid()).descriptors <= host_descriptors; }));
}

TEST_CASE("the host's worker ends with its link") {
  EchoHost host;
  const auto cycle = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Started element(host.options());
      REQUIRE_MESSAGE(element.ok, element.error);
      std::string error;
      CHECK_MESSAGE(round_trip(*element.engine, 1, &error), error);
    }
  };
  cycle(1);
  REQUIRE(eventually([&] { return Resources(host.pid()).threads > 0; }));
  std::this_thread::sleep_for(50ms);
  const Resources before(host.pid());
  cycle(10);
  CHECK(eventually([&] { return Resources(host.pid()).threads <= before.threads; }));
  CHECK(eventually([&] { return Resources(host.pid()).descriptors <= before.descriptors; }));
}

// Round trip of the link with no work inside: acquire a slot, submit it, wait for the (empty) result, give it back.
//
// Inside the clock: everything the element does for a batch of one frame, two hand-overs through the futex, and the
// worker's look at its slots in Node. Not inside: tensors, model, module. Prints one JSON object, times in µs.
//
// usage: link-bench --socket PATH --round-trips N [--warm-up N] [--rate HZ] [--core N]
//   --rate   pause between round trips (default: none); --core pins this process (the host is pinned by who starts it)
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "engines/engine.h"

using Clock = std::chrono::steady_clock;

namespace {

constexpr uint32_t kAskNothing = 1000;  // echo_worker.ts: an empty result

[[noreturn]] void fail(const std::string &message) {
  fprintf(stderr, "link-bench: %s\n", message.c_str());
  exit(1);
}

std::map<std::string, std::string> arguments(int count, char **values) {
  std::map<std::string, std::string> result = {{"--warm-up", "2000"}, {"--rate", "0"}, {"--core", "-1"}};
  for (int i = 1; i + 1 < count; i += 2) result[values[i]] = values[i + 1];
  if (!result.count("--socket") || !result.count("--round-trips")) fail("--socket and --round-trips are needed");
  return result;
}

void pin(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("cannot run on core " + std::to_string(core));
}

double round_trip(nj::Engine &engine) {
  const auto start = Clock::now();
  std::string error;
  auto work = engine.acquire(std::chrono::seconds(1));
  if (!work) fail("no slot");
  work->frame(0).source_id = kAskNothing;
  work->submit(1);
  if (!work->wait(&error)) fail(error);
  work.reset();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double percentile(const std::vector<double> &sorted, double share) {
  return sorted[std::min(sorted.size() - 1, size_t(share * double(sorted.size())))];
}

}  // namespace

int main(int count, char **values) {
  auto given = arguments(count, values);
  pin(std::stoi(given["--core"]));
  nj::EngineOptions options;
  options.bundle = "/bundle";
  options.host_socket = given["--socket"];
  options.instance = "link-bench";
  auto engine = nj::make_remote_engine(options);
  std::string error;
  if (!engine->start(std::chrono::seconds(10), &error)) fail(error);

  for (int i = std::stoi(given["--warm-up"]); i > 0; --i) round_trip(*engine);
  const double rate = std::stod(given["--rate"]);
  const auto pause = rate > 0 ? std::chrono::duration<double>(1 / rate) : std::chrono::duration<double>(0);
  std::vector<double> times(size_t(std::stoul(given["--round-trips"])));
  for (double &time : times) {
    if (rate > 0) std::this_thread::sleep_for(pause);
    time = round_trip(*engine);
  }
  std::sort(times.begin(), times.end());
  printf("{\"roundTrips\": %zu, \"p50\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f, \"max\": %.2f}\n", times.size(),
         percentile(times, 0.5), percentile(times, 0.99), percentile(times, 0.999), times.back());
}

// The store of engines with a builder that is a few lines of shell: what TensorRT does in its place is compiled against
// its headers elsewhere (make check-tensorrt).
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engines/engine_store.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

using namespace nj;
namespace fs = std::filesystem;

namespace {

class Workshop {
 public:
  Workshop() {
    char name[] = "/tmp/nj-engines-XXXXXX";
    REQUIRE(mkdtemp(name));
    folder = name;
    write("model.onnx", "a model");
    order.model = folder / "model.onnx";
    order.library = "TensorRT 10.3.0";
    order.gpu = "NVIDIA Orin 8.7";
    order.max_batch = 8;
  }
  ~Workshop() { fs::remove_all(folder); }

  fs::path write(const std::string &name, const std::string &text) {
    std::ofstream(folder / name) << text;
    return folder / name;
  }
  std::string read(const fs::path &file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // `script` finds the arguments of the builder as $model, $out, $precision, $max_batch.
  EngineStore store(const std::string &script, BuildLimits limits = {}) {
    const std::string prologue =
        "while [ $# -gt 0 ]; do case $1 in --model) model=$2;; --out) out=$2;; --precision) precision=$2;; "
        "--max-batch) max_batch=$2;; esac; shift 2; done\necho run >> " +
        (folder / "runs").string() + "\n";
    return {(folder / "engines").string(), {"/bin/sh", write("builder.sh", prologue + script).string()}, limits};
  }
  size_t runs() {
    const std::string text = read(folder / "runs");
    return text.size() / 4;
  }

  fs::path folder;
  EngineOrder order;
  std::string error;
};

constexpr const char *kGood = "echo progress 0.5 half way; cat $model > $out; echo \" $precision $max_batch\" >> $out";

}  // namespace

TEST_CASE("an engine is built once, with progress, and found from then on") {
  Workshop w;
  std::vector<std::string> heard;
  const auto store = w.store(kGood);
  const auto progress = [&](double share, const std::string &text) {
    heard.push_back(std::to_string(share).substr(0, 3) + " " + text);
  };
  const std::string file = store.find_or_build(w.order, progress, &w.error);
  REQUIRE_MESSAGE(!file.empty(), w.error);
  CHECK(w.read(file) == "a model fp16 8\n");
  CHECK(heard == std::vector<std::string>{"0.5 half way"});
  CHECK(store.find_or_build(w.order, progress, &w.error) == file);
  CHECK(w.runs() == 1);
  CHECK(w.read(file + ".txt").find("library TensorRT 10.3.0\ngpu NVIDIA Orin 8.7\n") != std::string::npos);
}

TEST_CASE("each thing that an engine depends on makes it another one") {
  Workshop w;
  const auto store = w.store(kGood);
  std::set<std::string> files;
  const auto add = [&](const std::function<void(EngineOrder &)> &change) {
    EngineOrder order = w.order;
    change(order);
    files.insert(store.file_of(order, &w.error));
  };
  add([](EngineOrder &) {});
  add([](EngineOrder &order) { order.library = "TensorRT 10.4.0"; });
  add([](EngineOrder &order) { order.gpu = "NVIDIA Orin 8.9"; });
  add([](EngineOrder &order) { order.precision = "int8"; });
  add([](EngineOrder &order) { order.max_batch = 9; });
  add([&](EngineOrder &) { w.write("model.onnx", "another model"); });
  CHECK(files.size() == 6);
  // Not: what the GPU is called on this machine, and where the model lies.
  const std::string before = store.file_of(w.order, &w.error);
  EngineOrder elsewhere = w.order;
  elsewhere.device = 3;
  fs::create_directory(w.folder / "x");
  fs::copy(w.folder / "model.onnx", w.folder / "x/model.onnx");
  elsewhere.model = w.folder / "x/model.onnx";
  CHECK(store.file_of(elsewhere, &w.error) == before);
}

TEST_CASE("a good engine is never built again, whatever the builder would say now") {
  Workshop w;
  const std::string file = w.store(kGood).find_or_build(w.order, {}, &w.error);
  CHECK(w.store("exit 1").find_or_build(w.order, {}, &w.error) == file);
  CHECK(w.read(file) == "a model fp16 8\n");
}

TEST_CASE("what a builder says of its failure is what people read, and nothing half-done stays") {
  Workshop w;
  const struct {
    const char *script, *expected;
  } cases[] = {{"echo half > $out; echo error node 7 is not supported; exit 3", "node 7 is not supported"},
               {"echo out of luck >&2; exit 3", "ended with 3: out of luck"},
               {"echo half > $out; kill -9 $$", "was ended by signal 9"},
               {"exit 0", "the builder wrote nothing"},
               {": > $out", "the builder wrote nothing"}};
  for (const auto &c : cases) {
    CAPTURE(c.script);
    CHECK(w.store(c.script).find_or_build(w.order, {}, &w.error).empty());
    CHECK(w.error.find("no engine for TensorRT 10.3.0 can be built of " + w.order.model + ": ") == 0);
    CHECK(w.error.find(c.expected) != std::string::npos);
    for (const auto &entry : fs::directory_iterator(w.folder / "engines")) CHECK(entry.path().extension() == ".lock");
  }
  CHECK_FALSE(w.store(kGood).find_or_build(w.order, {}, &w.error).empty());
}

TEST_CASE("a builder that takes too much memory or time is ended, with what it started") {
  Workshop w;
  CHECK(w.store("x=$(head -c 60000000 /dev/zero | tr '\\0' a); sleep 30", {20, std::chrono::seconds(25)})
            .find_or_build(w.order, {}, &w.error)
            .empty());
  CHECK(w.error.find("took more than 20 MiB of memory") != std::string::npos);
  CHECK(w.store("sleep 60", {1000, std::chrono::seconds(1)}).find_or_build(w.order, {}, &w.error).empty());
  CHECK(w.error.find("took longer than 1 s") != std::string::npos);
}

TEST_CASE("of two that want the same engine one builds and the other waits for it") {
  Workshop w;
  const auto store = w.store(std::string("sleep 0.3; ") + kGood);
  std::string first, second, other_error;
  std::thread thread([&] { first = store.find_or_build(w.order, {}, &other_error); });
  second = store.find_or_build(w.order, {}, &w.error);
  thread.join();
  CHECK(first == second);
  CHECK_FALSE(first.empty());
  CHECK(w.runs() == 1);
}

TEST_CASE("a model that cannot be read, a builder that is not there, a folder that cannot be made are said") {
  Workshop w;
  EngineOrder missing = w.order;
  missing.model = "/nowhere/model.onnx";
  CHECK(w.store(kGood).find_or_build(missing, {}, &w.error).empty());
  CHECK(w.error == "model /nowhere/model.onnx cannot be read");
  const EngineStore no_builder((w.folder / "engines").string(), {"/nowhere/builder"}, {});
  CHECK(no_builder.find_or_build(w.order, {}, &w.error).empty());
  CHECK(w.error.find("/nowhere/builder cannot be run") != std::string::npos);
  const EngineStore no_folder("/proc/engines", {"/bin/true"}, {});
  CHECK(no_folder.find_or_build(w.order, {}, &w.error).empty());
  CHECK(w.error.find("engines cannot be kept in /proc/engines") == 0);
}

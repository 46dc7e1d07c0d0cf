#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <fstream>
#include <iterator>

#include "plugin/payloadsink/payload_writer.h"
#include "plugin/payloadsink/reader.h"

using namespace nj;
using namespace nj::test;
using namespace std::chrono_literals;

namespace {

constexpr PayloadWriter::Limits kRoomy = {1 << 20, 1000};

void push(PayloadWriter &writer, const std::string &payload, RecordKind kind = RecordKind::Objects) {
  RecordHeader header;
  header.kind = static_cast<uint32_t>(kind);
  writer.push(header, payload.data(), payload.size());
}

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 200; i++) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

}  // namespace

TEST_CASE("records arrive in order, numbered from 1, with their header") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start(kRoomy);
  RecordHeader header;
  header.kind = static_cast<uint32_t>(RecordKind::Event);
  header.source_id = 3;
  header.frame_number = 360;
  header.pts = 12;
  header.capture_ns = 34;
  header.component_id = 7;
  header.emitted_ns = 56;
  writer.push(header, "{}", 2);
  push(writer, "");
  const auto first = read_record(pipe.reader()), second = read_record(pipe.reader());
  REQUIRE((first && second));
  CHECK(first->payload == "{}");
  CHECK(first->header.sequence == 1);
  CHECK(first->header.kind == 2);
  CHECK(first->header.source_id == 3);
  CHECK(first->header.frame_number == 360);
  CHECK(first->header.capture_ns == 34);
  CHECK(first->header.emitted_ns == 56);
  CHECK(second->header.sequence == 2);
  CHECK(second->header.dropped == 0);
  CHECK(second->payload.empty());
}

TEST_CASE("the bytes of a record are those of the golden file that the TypeScript reader knows") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start(kRoomy);
  RecordHeader header;
  header.kind = 1;
  header.source_id = 0x04030201;
  header.frame_number = -2;
  header.pts = 0x0102030405060708;
  header.capture_ns = 1784535330123456789u;
  header.component_id = 0x0D0C0B0A;
  header.emitted_ns = 1784535330133456789u;
  writer.push(header, "{\"a\" : 1}", 9);
  char bytes[73];
  REQUIRE(read_exactly(pipe.reader(), bytes, sizeof(bytes), 2000));
  const char *root = getenv("NJ_TEST_DATA");
  std::ifstream file(std::string(root ? root : "test/firmware") + "/plugin/payloadsink/golden.bin", std::ios::binary);
  const std::string golden((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  CHECK(std::string(bytes, sizeof(bytes)) == golden);
}

TEST_CASE("a reader that pauses loses the oldest records and is told how many") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start({1 << 20, 10});
  const std::string payload(30000, 'x');
  for (int i = 0; i < 100; i++) push(writer, payload);  // a pipe holds two or three of them
  uint64_t last = 0, lost = 0, read = 0;
  while (auto record = read_record(pipe.reader(), 300)) {
    CHECK(record->header.sequence == last + 1 + record->header.dropped);
    last = record->header.sequence;
    lost += record->header.dropped;
    read += 1;
  }
  CHECK(last == 100);
  CHECK(lost > 80);
  CHECK(read + lost == 100);
  CHECK(writer.counters().dropped == lost);
  CHECK(writer.counters().queue_full == lost);
}

TEST_CASE("events outlive documents in a full queue") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  const std::string filler(70000, 'x');  // more than a pipe holds: keeps the writer busy
  writer.start({1 << 20, 3});
  push(writer, filler);
  REQUIRE(eventually([&] { return writer.counters().queued_records == 0; }));
  push(writer, "event", RecordKind::Event);
  for (int i = 0; i < 10; i++) push(writer, "document " + std::to_string(i));
  REQUIRE(read_record(pipe.reader()));
  CHECK(read_record(pipe.reader())->payload == "event");
  CHECK(read_record(pipe.reader())->payload == "document 8");
  CHECK(read_record(pipe.reader())->payload == "document 9");
}

TEST_CASE("a limit of bytes holds too") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start({100000, 1000});
  for (int i = 0; i < 50; i++) push(writer, std::string(20000, 'x'));
  CHECK(writer.counters().queued_bytes <= 100000);
}

TEST_CASE("losses with nothing behind them are told in a report") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start({4096, 10});
  push(writer, "small");
  push(writer, std::string(5000, 'x'));
  CHECK(read_record(pipe.reader())->payload == "small");
  const auto report = read_record(pipe.reader());
  REQUIRE(report);
  CHECK(report->header.kind == static_cast<uint32_t>(RecordKind::DropReport));
  CHECK(report->header.dropped == 1);
  CHECK(report->header.sequence == 2);
  CHECK(report->payload == "{\"records\":1,\"bytes\":5064,\"queueFull\":0,\"tooLarge\":1}");
  push(writer, "next");
  CHECK(read_record(pipe.reader())->header.dropped == 0);
}

TEST_CASE("a closed reader is reported once and everything is dropped from then on") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start(kRoomy);
  pipe.close_reader();
  push(writer, "a");
  REQUIRE(eventually([&] { return writer.counters().reader_gone > 0; }));
  for (int i = 0; i < 10; i++) push(writer, "b");
  CHECK(writer.take_error() == EPIPE);
  CHECK(writer.take_error() == 0);
  CHECK(writer.counters().dropped == 11);
  CHECK(writer.counters().reader_gone == 11);
  CHECK(writer.counters().written == 0);
}

TEST_CASE("pushing and stopping never wait for a reader that sleeps") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start({1 << 22, 5});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; i++) push(writer, std::string(100000, 'x'));  // not one of them fits into a pipe
  CHECK_FALSE(writer.flush(50ms));
  writer.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(writer.counters().stopped >= 4);
}

TEST_CASE("a record that a stop interrupted is finished after the next start") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start(kRoomy);
  const std::string big(200000, 'x');
  push(writer, big);
  REQUIRE(eventually([&] { return writer.counters().queued_records == 0; }));
  std::this_thread::sleep_for(20ms);
  writer.stop();
  writer.start(kRoomy);
  push(writer, "next");
  CHECK(read_record(pipe.reader())->payload == big);
  CHECK(read_record(pipe.reader())->payload == "next");
}

TEST_CASE("everyone who writes to a descriptor shares its writer, until the last one stops") {
  Pipe pipe, other;
  const auto first = PayloadWriter::of(pipe.writer()), second = PayloadWriter::of(pipe.writer());
  CHECK(first == second);
  CHECK(first != PayloadWriter::of(other.writer()));
  first->start(kRoomy);
  second->start(kRoomy);
  first->stop();
  push(*second, "still here");
  CHECK(read_record(pipe.reader())->payload == "still here");
  second->stop();
}

TEST_CASE("drops are given out once, and not more often than asked") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start({4096, 10});
  CHECK_FALSE(writer.take_drops(0ms));
  push(writer, std::string(5000, 'x'));
  CHECK(writer.take_drops(1000ms)->too_large == 1);
  push(writer, std::string(5000, 'x'));
  CHECK_FALSE(writer.take_drops(1000ms));
  CHECK(writer.take_drops(0ms)->too_large == 2);
  CHECK_FALSE(writer.take_drops(0ms));
}

TEST_CASE("flush waits until everything is written") {
  Pipe pipe;
  PayloadWriter writer(pipe.writer());
  writer.start(kRoomy);
  std::thread reader([&] {
    for (int i = 0; i < 20; i++) {
      std::this_thread::sleep_for(1ms);
      read_record(pipe.reader());
    }
  });
  for (int i = 0; i < 20; i++) push(writer, std::string(20000, 'x'));
  CHECK(writer.flush(2000ms));
  CHECK(writer.counters().written == 20);
  reader.join();
}

TEST_CASE("sockets and non-blocking descriptors work like pipes, and keep their flags") {
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  PayloadWriter writer(pair[1]);
  writer.start({1 << 22, 100});
  const std::string big(1 << 20, 'y');
  push(writer, big);
  CHECK(read_record(pair[0])->payload == big);
  CHECK((fcntl(pair[1], F_GETFL) & O_NONBLOCK) == 0);
  close(pair[0]);
  push(writer, "x");
  CHECK(eventually([&] { return writer.counters().reader_gone == 1; }));
  writer.stop();
  close(pair[1]);
}

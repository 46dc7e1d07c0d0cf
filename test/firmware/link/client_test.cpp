// The client against a host that lies. The host here is a socket that says what the test tells it to.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "link/client.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

using namespace std::chrono_literals;
using namespace nj::link;

namespace {

// Waits for one connection at a time and answers its `open`.
class FakeHost {
 public:
  FakeHost() {
    char path[] = "/tmp/nightjar-test-XXXXXX";
    directory_ = mkdtemp(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, socket().c_str());
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_.get(), 8) == 0);
  }
  ~FakeHost() { std::filesystem::remove_all(directory_); }

  std::string socket() const { return directory_ + "/link.sock"; }

  // The next connection, after its first line.
  UniqueFd accept() const {
    UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char byte = 0;
    while (byte != '\n' && recv(peer.get(), &byte, 1, 0) == 1) {
    }
    return peer;
  }

 private:
  std::string directory_;
  UniqueFd listener_;
};

void send(const UniqueFd &peer, const std::string &text, std::vector<int> descriptors = {}) {
  iovec part{const_cast<char *>(text.data()), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  sendmsg(peer.get(), &message, MSG_NOSIGNAL);
}

// The client hangs up: the end of its stream is seen within 2 s.
bool hung_up(const UniqueFd &peer) {
  pollfd entry{peer.get(), POLLIN, 0};
  char byte;
  return poll(&entry, 1, 2000) == 1 && recv(peer.get(), &byte, 1, 0) <= 0;
}

std::vector<uint8_t> golden() {
  std::ifstream file(std::string(std::getenv("NJ_TEST_DATA")) + "/link/golden.bin", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

UniqueFd memory_of(const std::vector<uint8_t> &bytes, bool sealed = true) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(write(fd.get(), bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  if (sealed) fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return fd;
}

std::string layout(const std::string &bytes = "8192", const std::string &size = "2",
                   const std::string &generation = "7") {
  return R"({"type":"layout","generation":)" + generation + R"(,"bytes":)" + bytes +
         R"(,"bundle":{"name":"b","version":"1"},"labels":["car"],"input":{"width":)" + size + R"(,"height":)" + size +
         R"(,"color":"RGB","layout":"NCHW","dtype":"float32","scale":[1,1,1],"mean":[0,0,0],)" +
         R"("letterbox":"centre","fill":114}})" + "\n";
}

ClientOptions options(const FakeHost &host) {
  ClientOptions options;
  options.open.instance = "test";
  options.open.bundle = "/bundle";
  options.socket = [path = host.socket()](std::string *, bool *) { return path; };
  options.first_delay = options.longest_delay = 1s;  // long enough to see the reason before the next attempt
  return options;
}

long open_descriptors() {
  namespace fs = std::filesystem;
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

struct Connected {
  FakeHost host;
  Client client{options(host), nullptr};
  UniqueFd peer = host.accept();

  // What the client said when it hung up.
  std::string reason() {
    REQUIRE(hung_up(peer));
    for (int i = 0; i < 500 && client.message().empty(); ++i) usleep(2000);
    return client.message();
  }
};

bool contains(const std::string &text, const std::string &part) {
  if (text.find(part) == std::string::npos) MESSAGE("got: " << text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a sound layout makes a session") {
  Connected link;
  const UniqueFd memory = memory_of(golden());
  send(link.peer, layout(), {memory.get()});
  REQUIRE(link.client.wait_settled(2s));
  REQUIRE(link.client.session());
  CHECK(link.client.session()->memory->header().generation == 7);
}

TEST_CASE("a layout may come in pieces") {
  Connected link;
  const UniqueFd memory = memory_of(golden());
  const std::string text = layout();
  send(link.peer, text.substr(0, 1), {memory.get()});
  usleep(20000);
  send(link.peer, text.substr(1, 40));
  usleep(20000);
  send(link.peer, text.substr(41));
  CHECK(link.client.wait_settled(2s));
}

TEST_CASE("memory that does not hold what the layout says is refused") {
  Connected link;
  SUBCASE("shorter than the layout") {
    auto bytes = golden();
    bytes.resize(4096);
    send(link.peer, layout(), {memory_of(bytes).get()});
    CHECK(contains(link.reason(), "its size of 4096 bytes does not fit the 8192 bytes"));
  }
  SUBCASE("not sealed") {
    send(link.peer, layout(), {memory_of(golden(), false).get()});
    CHECK(contains(link.reason(), "not sealed"));
  }
  SUBCASE("not memory at all") {
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    send(link.peer, layout(), {null.get()});
    CHECK(contains(link.reason(), "does not fit"));
  }
  SUBCASE("another magic number") {
    auto bytes = golden();
    bytes[0] ^= 1;
    send(link.peer, layout(), {memory_of(bytes).get()});
    CHECK(contains(link.reason(), "magic"));
  }
  SUBCASE("another version") {
    auto bytes = golden();
    bytes[4] = 2;
    send(link.peer, layout(), {memory_of(bytes).get()});
    CHECK(contains(link.reason(), "version 2"));
  }
  SUBCASE("an offset out of range") {
    auto bytes = golden();
    bytes[offsetof(LinkHeader, objects_out) + 3] = 0x40;
    send(link.peer, layout(), {memory_of(bytes).get()});
    CHECK(contains(link.reason(), "objects_out"));
  }
  SUBCASE("another generation") {
    send(link.peer, layout("8192", "2", "8"), {memory_of(golden()).get()});
    CHECK(contains(link.reason(), "not the one that the layout"));
  }
  SUBCASE("a picture larger than its tensor") {
    send(link.peer, layout("8192", "640"), {memory_of(golden()).get()});
    CHECK(contains(link.reason(), "640x640"));
  }
  SUBCASE("no memory") {
    send(link.peer, layout());
    CHECK(contains(link.reason(), "without its memory"));
  }
}

TEST_CASE("a model that the element runs itself comes with the layout, and its picture is no tensor of the link") {
  Connected link;
  std::string text = layout("8192", "640");
  text.insert(text.rfind('}'), R"(,"model":{"file":"/b/m.pt2","engine":"torch","batch":8,"candidates":[)"
                               R"({"output":"o","anchors":8400,"firstScore":4,"scores":80,"threshold":0.25}]})");
  send(link.peer, text, {memory_of(golden()).get()});
  REQUIRE(link.client.wait_settled(2s));
  REQUIRE(link.client.session());
  CHECK(link.client.session()->layout.model_file == "/b/m.pt2");
  CHECK(link.client.session()->layout.model_engine == "torch");
  CHECK(link.client.session()->layout.model_batch == 8);
  REQUIRE(link.client.session()->layout.candidates.size() == 1);
  const CandidateRule &rule = link.client.session()->layout.candidates[0];
  CHECK(rule.output == "o");
  CHECK(rule.anchors == 8400);
  CHECK(rule.first_score == 4);
  CHECK(rule.scores == 80);
  CHECK(rule.threshold == 0.25f);
}

TEST_CASE("a layout that the element cannot run is as good as refused, with the reason") {
  FakeHost host;
  ClientOptions checked = options(host);
  checked.check = [](const Session &session, std::string *reason) {
    *reason = "no GPU for generation " + std::to_string(session.layout.generation);
    return false;
  };
  Client client(checked, nullptr);
  const UniqueFd peer = host.accept();
  send(peer, layout(), {memory_of(golden()).get()});
  REQUIRE(hung_up(peer));
  for (int i = 0; i < 500 && client.message().empty(); ++i) usleep(2000);
  CHECK(client.state() == ClientState::Refused);
  CHECK(contains(client.message(), "no GPU for generation 7"));
  CHECK(!client.session());
}

TEST_CASE("an offer that the element cannot run is declined, and the layout before stays") {
  FakeHost host;
  ClientOptions checked = options(host);
  checked.check = [](const Session &session, std::string *reason) {
    *reason = "too large";
    return session.layout.generation == 7;
  };
  Client client(checked, [](ClientState, const std::string &) {});
  const UniqueFd peer = host.accept();
  send(peer, layout(), {memory_of(golden()).get()});
  REQUIRE(client.wait_settled(2s));
  auto bytes = golden();
  bytes[offsetof(LinkHeader, generation)] = 8;
  std::string offer = layout("8192", "2", "8");
  offer.replace(offer.find("\"layout\""), 8, "\"reconfigure\"");
  send(peer, offer, {memory_of(bytes).get()});
  char answer[256] = {};
  pollfd entry{peer.get(), POLLIN, 0};
  REQUIRE(poll(&entry, 1, 2000) == 1);
  REQUIRE(recv(peer.get(), answer, sizeof answer - 1, 0) > 0);
  CHECK(contains(answer, R"("type":"declined")"));
  CHECK(contains(answer, "too large"));
  CHECK(client.session()->layout.generation == 7);
  CHECK(!client.session()->draining());
}

TEST_CASE("a message that breaks the rules ends the connection") {
  Connected link;
  SUBCASE("not JSON") {
    send(link.peer, "hello\n");
    CHECK(contains(link.reason(), "not a JSON object"));
  }
  SUBCASE("an unknown type") {
    send(link.peer, "{\"type\":\"dance\"}\n");
    CHECK(contains(link.reason(), "\"dance\" is unknown"));
  }
  SUBCASE("a member that is missing") {
    send(link.peer, "{\"type\":\"layout\",\"generation\":1}\n");
    CHECK(contains(link.reason(), "bytes is missing"));
  }
  SUBCASE("a member out of range") {
    send(link.peer, layout("-1"));
    CHECK(contains(link.reason(), "bytes must be a whole number"));
  }
  SUBCASE("a line without an end") {
    std::thread writer([&] { send(link.peer, std::string(kMaxMessage + 1, 'x')); });
    for (int i = 0; i < 500 && link.client.message().empty(); ++i) usleep(2000);
    CHECK(contains(link.client.message(), "more than 256 KiB"));
    writer.join();
  }
  SUBCASE("a layout that nobody asked for") {
    const UniqueFd memory = memory_of(golden());
    send(link.peer, layout(), {memory.get()});
    REQUIRE(link.client.wait_settled(2s));
    send(link.peer, layout(), {memory.get()});
    CHECK(contains(link.reason(), "not asked for"));
  }
}

TEST_CASE("descriptors that were not asked for are closed") {
  Connected link;
  const UniqueFd memory = memory_of(golden());
  const long before = open_descriptors();
  send(link.peer, "{", {memory.get(), memory.get(), memory.get()});
  CHECK(contains(link.reason(), "more than one descriptor"));
  CHECK(open_descriptors() == before - 1);  // the client's socket has gone, nothing else has come
}

TEST_CASE("a client ends at once, whatever it is waiting for") {
  FakeHost host;
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) Client client(options(host), nullptr);
  CHECK(std::chrono::steady_clock::now() - before < 500ms);
}

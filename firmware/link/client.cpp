#include "client.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "layout.h"

namespace nj::link {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void signal(const UniqueFd &event) {
  uint64_t one = 1;
  while (write(event.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void clear(const UniqueFd &event) {
  uint64_t count;
  while (read(event.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

// The element writes pictures of the size that the message gives into the first tensor: it must have room for them.
bool input_fits(const LinkHeader &header, const TensorSpec &input, std::string *error) {
  const TensorDescriptor &tensor = header.tensors[0];
  const DataType type = input.half ? DataType::Float16 : DataType::Float32;
  const uint64_t bytes = uint64_t(3) * input.width * input.height * data_type_bytes(uint32_t(type));
  if (header.tensor_count > 0 && tensor.is_input && tensor.data_type == uint32_t(type) && tensor.frame_bytes == bytes)
    return true;
  *error = "the layout of the host describes an input of " + std::to_string(input.width) + "x" +
           std::to_string(input.height) + ", but the first tensor of the link is not such a picture";
  return false;
}

bool layout_matches(const LinkHeader &header, const LayoutMessage &layout, Kind kind, std::string *error) {
  if (header.generation != layout.generation || header.kind != uint32_t(kind)) {
    *error = "the memory of the link is not the one that the layout of the host describes";
    return false;
  }
  // Where the element runs the model, the picture never enters the link.
  return kind != Kind::Detect || !layout.model_file.empty() || input_fits(header, layout.input, error);
}

// The text is for people; the key is put before it where it does not say it itself.
std::string refusal(const HostMessage &message) {
  const bool named = message.key.empty() || message.text.find(message.key) != std::string::npos;
  return named ? message.text : message.key + ": " + message.text;
}

}  // namespace

void Session::end() {
  ended_.store(true, std::memory_order_release);
  memory->ring(kBellElement);
}

void Session::drain() {
  {
    std::lock_guard lock(taking);
    draining_.store(true, std::memory_order_release);
  }
  memory->ring(kBellElement);
}

Client::Client(ClientOptions options, OnState on_state)
    : options_(std::move(options)),
      on_state_(std::move(on_state)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

Client::~Client() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  signal(wake_);
  thread_.join();
}

ClientState Client::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

std::string Client::message() const {
  std::lock_guard lock(mutex_);
  return message_;
}

std::shared_ptr<Session> Client::session() const {
  std::lock_guard lock(mutex_);
  return session_;
}

bool Client::wait_settled(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout,
                           [this] { return state_ == ClientState::Ready || state_ == ClientState::Refused; });
}

std::shared_ptr<Session> Client::usable_session(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return state_ != ClientState::Ready || !session_->draining(); });
  return state_ == ClientState::Ready && !session_->draining() && !session_->ended() ? session_ : nullptr;
}

void Client::set_parameters(const std::string &json) {
  {
    std::lock_guard lock(mutex_);
    if (merge_parameters(json, &changes_, &complaint_)) merge_parameters(json, &options_.open.parameters, &complaint_);
  }
  signal(wake_);
}

void Client::reset(const std::string &reason) {
  {
    std::lock_guard lock(mutex_);
    reset_reason_ = reason;
  }
  signal(wake_);
}

void Client::run() {
  pthread_setname_np(pthread_self(), "nj-link");
  milliseconds delay = options_.first_delay;
  while (!stopping_) {
    refused_ = had_layout_ = awaiting_layout_ = false;
    std::string reason;
    connect_and_serve(&reason);
    if (stopping_) break;
    lose(reason);
    if (had_layout_) delay = options_.first_delay;
    sleep(refused_ ? options_.refused_delay : delay);
    delay = std::min(delay * 2, options_.longest_delay);
  }
  lose("stopped");
}

void Client::connect_and_serve(std::string *reason) {
  const std::string path = options_.socket(reason, &refused_);
  if (path.empty()) return;
  auto channel = Channel::connect(path, reason);
  if (!channel) return;
  if (send_open(*channel, reason)) serve(*channel, reason);
}

bool Client::serve(Channel &channel, std::string *reason) {
  pollfd entries[] = {{channel.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  while (!stopping_) {
    if (poll(entries, 2, -1) < 0 && errno != EINTR) {
      *reason = std::string("poll: ") + strerror(errno);
      return false;
    }
    if (entries[1].revents) clear(wake_);
    if (entries[0].revents && (!channel.receive(reason) || !handle_lines(channel, reason))) return false;
    if (!send_parameters(channel, reason)) return false;
    report_complaint();
  }
  return true;
}

bool Client::send_open(Channel &channel, std::string *reason) {
  OpenRequest open;
  {
    std::lock_guard lock(mutex_);
    options_.open.generation = session_ ? session_->layout.generation : 0;
    open = options_.open;
    changes_.clear();  // they are in open.parameters
    reset_reason_.clear();
  }
  awaiting_layout_ = true;
  return channel.send(encode_open(open), reason);
}

// Also the place where a reset is noticed.
bool Client::send_parameters(Channel &channel, std::string *reason) {
  std::string changes;
  {
    std::lock_guard lock(mutex_);
    if (!reset_reason_.empty()) {
      *reason = std::move(reset_reason_);
      reset_reason_.clear();
      return false;
    }
    if (!awaiting_layout_) changes.swap(changes_);
  }
  return changes.empty() || channel.send(encode_parameters(changes), reason);
}

bool Client::handle_lines(Channel &channel, std::string *reason) {
  while (auto line = channel.next_line()) {
    HostMessage message;
    if (!decode(*line, options_.open.kind, &message, reason) || !handle(channel, message, reason)) return false;
  }
  return true;
}

bool Client::handle(Channel &channel, const HostMessage &message, std::string *reason) {
  switch (message.type) {
    case HostMessage::Type::Layout:
      return take_layout(channel, message.layout, reason);
    case HostMessage::Type::Refused:
      refused_ = true;
      *reason = refusal(message);
      return false;
    case HostMessage::Type::Reconfigure:
      return take_offer(channel, message, reason);
    case HostMessage::Type::State:
      if (!awaiting_layout_) set_state(ClientState::Ready, message.ready ? "" : "degraded: " + message.text);
      return true;
  }
  return true;
}

bool Client::take_layout(Channel &channel, const LayoutMessage &layout, std::string *reason) {
  UniqueFd descriptor = channel.take_descriptor();
  if (!awaiting_layout_) {
    *reason = "the host sent a layout that was not asked for";
    return false;
  }
  auto session = map_layout(descriptor, layout, reason);
  if (!session) return false;
  if (options_.check && !options_.check(*session, reason)) {
    refused_ = true;
    return false;
  }
  awaiting_layout_ = false;
  had_layout_ = true;
  begin_session(std::move(session));
  return true;
}

// Another layout while the last one is in use. Batches that are under way come back through the old one; from the
// answer on, all new ones go to the new one.
bool Client::take_offer(Channel &channel, const HostMessage &message, std::string *reason) {
  UniqueFd descriptor = channel.take_descriptor();
  auto current = session();
  if (!current || awaiting_layout_) {
    *reason = "the host offered another layout before the first one";
    return false;
  }
  auto offered = map_layout(descriptor, message.layout, reason);
  if (!offered) return false;
  std::string refusal;
  if (options_.check && !options_.check(*offered, &refusal)) {
    on_state_(ClientState::Ready, refusal);
    return channel.send(encode_declined(message.layout.generation, refusal), reason);
  }
  current->drain();
  drained_.erase(std::remove_if(drained_.begin(), drained_.end(), [](const auto &old) { return old.expired(); }),
                 drained_.end());
  drained_.push_back(current);
  begin_session(std::move(offered));
  return channel.send(encode_switched(message.layout.generation), reason);
}

std::shared_ptr<Session> Client::map_layout(const UniqueFd &descriptor, const LayoutMessage &layout,
                                            std::string *reason) {
  if (!descriptor) {
    *reason = "the host sent a layout without its memory";
    return nullptr;
  }
  auto memory = Memory::map(descriptor, layout.bytes, reason);
  if (!memory || !layout_matches(memory->header(), layout, options_.open.kind, reason)) return nullptr;
  return std::make_shared<Session>(std::move(memory), layout);
}

void Client::begin_session(std::shared_ptr<Session> session) {
  {
    std::lock_guard lock(mutex_);
    session_ = std::move(session);
  }
  set_state(ClientState::Ready, "");
}

// The state is told first, so that nobody whose wait has ended finds the client ready.
void Client::lose(const std::string &reason) {
  auto current = session();
  const ClientState without = current ? ClientState::Gone : ClientState::Connecting;
  const bool changed = store_state(refused_ ? ClientState::Refused : without, reason);
  if (current && !current->ended()) current->end();
  for (const auto &old : std::exchange(drained_, {}))
    if (auto session = old.lock()) session->end();
  if (changed) announce();
}

void Client::set_state(ClientState state, const std::string &message) {
  if (store_state(state, message)) announce();
}

// false: there is nothing new. A layout is always news.
bool Client::store_state(ClientState state, const std::string &message) {
  std::lock_guard lock(mutex_);
  const bool layout = state == ClientState::Ready && message.empty();
  if (!layout && state == state_ && message == message_) return false;
  state_ = state;
  message_ = message;
  return true;
}

void Client::announce() {
  changed_.notify_all();
  if (on_state_ && !stopping_) on_state_(state(), message());
}

void Client::report_complaint() {
  std::string complaint;
  {
    std::lock_guard lock(mutex_);
    complaint.swap(complaint_);
  }
  if (!complaint.empty()) on_state_(state(), complaint);
}

void Client::sleep(milliseconds delay) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, delay, [this] { return stopping_.load(); });
}

}  // namespace nj::link

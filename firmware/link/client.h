// Client: an element's connection to the postprocess host. One thread of its own connects, asks for a layout, watches
// for hang-up and connects again; whoever moves batches asks for the current Session and keeps it while it works.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "channel.h"
#include "memory.h"
#include "messages.h"

namespace nj::link {

// One layout of the link: the memory and what the host said about it. Ends when the host goes; drains when it offers
// another one: what is under way comes back, nothing new is begun.
class Session {
 public:
  Session(std::unique_ptr<Memory> memory, LayoutMessage layout)
      : memory(std::move(memory)), layout(std::move(layout)) {}

  const std::unique_ptr<Memory> memory;
  const LayoutMessage layout;

  // Held while a slot is taken, so that none is taken after drain() has returned.
  std::mutex taking;

  // The host is gone: results will not come any more.
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }

  // Both wake whoever waits on this session.
  void end();
  void drain();

 private:
  std::atomic<bool> ended_{false}, draining_{false};
};

struct ClientOptions {
  OpenRequest open;
  // Path of the host's socket, asked before each attempt. Empty: *error says why there is no host; *permanent when
  // trying again cannot help.
  std::function<std::string(std::string *error, bool *permanent)> socket;
  // Called on the client's thread with a layout before a batch of it is begun; may take its time. false: the layout
  // cannot be used, *reason says why. Then the first one of a connection is as if the host had refused, and a later one
  // is declined: the one before stays.
  std::function<bool(const Session &session, std::string *reason)> check;
  std::chrono::milliseconds first_delay{50}, longest_delay{250};  // between attempts; doubled each time
  std::chrono::milliseconds refused_delay{5000};                  // after a refusal: loading a bundle is not free
};

enum class ClientState { Connecting, Ready, Gone, Refused };

class Client {
 public:
  // Called on the client's thread, at each change of the state and for each message of the host that people should see.
  using OnState = std::function<void(ClientState, const std::string &message)>;

  Client(ClientOptions options, OnState on_state);
  ~Client();
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;

  ClientState state() const;
  // What was last said about the state, for people; empty when ready.
  std::string message() const;
  // The last layout; nullptr before the first one, ended() after a hang-up.
  std::shared_ptr<Session> session() const;

  // Waits until the state is Ready or Refused. false: neither came in time.
  bool wait_settled(std::chrono::milliseconds timeout);
  // Waits for a session that takes new work. nullptr: the host is gone (at once) or none came in time.
  std::shared_ptr<Session> usable_session(std::chrono::steady_clock::time_point deadline);

  // A JSON object: only what changes. Kept for the next connection too.
  void set_parameters(const std::string &json);
  // Hangs up and connects again.
  void reset(const std::string &reason);

 private:
  // All of these run on the client's thread. The ones that return bool end the connection with false and *reason.
  void run();
  void connect_and_serve(std::string *reason);
  bool serve(Channel &channel, std::string *reason);
  bool send_open(Channel &channel, std::string *reason);
  bool send_parameters(Channel &channel, std::string *reason);
  bool handle_lines(Channel &channel, std::string *reason);
  bool handle(Channel &channel, const HostMessage &message, std::string *reason);
  bool take_layout(Channel &channel, const LayoutMessage &layout, std::string *reason);
  bool take_offer(Channel &channel, const HostMessage &message, std::string *reason);
  std::shared_ptr<Session> map_layout(const UniqueFd &descriptor, const LayoutMessage &layout, std::string *reason);
  void begin_session(std::shared_ptr<Session> session);
  void lose(const std::string &reason);
  void set_state(ClientState state, const std::string &message);
  bool store_state(ClientState state, const std::string &message);
  void announce();
  void report_complaint();
  void sleep(std::chrono::milliseconds delay);

  ClientOptions options_;
  OnState on_state_;
  const UniqueFd wake_;  // eventfd

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  ClientState state_ = ClientState::Connecting;
  std::string message_;
  std::shared_ptr<Session> session_;
  std::string changes_;       // parameters still to be sent
  std::string complaint_;     // about parameters that cannot be sent
  std::string reset_reason_;  // not empty: hang up

  // Of the thread only.
  bool refused_ = false;                         // this connection ended with a refusal
  bool had_layout_ = false;                      // this connection brought a layout
  bool awaiting_layout_ = false;                 // an `open` is unanswered
  std::vector<std::weak_ptr<Session>> drained_;  // older layouts of this connection, whose slots may still be under way

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace nj::link

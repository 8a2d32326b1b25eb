#include "broker/network/connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "broker/network/foreign_protocol.h"
#include "broker/network/log_limiter.h"
#include "broker/network/network_thread.h"

namespace broker {
namespace {

constexpr std::size_t budgeted_frame_min = 64 * 1024;  // smaller frames are bounded by the number of connections
constexpr std::size_t receive_piece = 256 * 1024;      // of a large frame: waking for less costs more than it gains
constexpr std::size_t flush_at_bytes = 128 * 1024;     // answers that wait for company leave at this size
constexpr std::uint32_t turn_requests_max = 64;
constexpr std::int64_t stalled_request_ms = 30'000;
// While others wait for its memory, a large request has to arrive within this time.
constexpr std::int64_t slow_request_ms = 10'000;
constexpr std::int64_t slow_request_bytes_per_ms = 4'000;
constexpr std::int64_t forever_ms = 24LL * 3600 * 1000;

constexpr std::string_view http_answer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 48\r\n\r\n"
    "This port speaks the Kafka protocol, not HTTP.\r\n";

}  // namespace

// Keeps the connection alive while a coroutine runs on it. The count was raised when the coroutine was spawned.
struct Connection::Pin {
  explicit Pin(Connection& pinned) : connection(pinned) {}
  ~Pin() { connection.unpin(); }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  Connection& connection;
};

// What a request may tell its connection.
struct Connection::InFlight final : RequestOwner {
  InFlight(Connection& owner, Exchange& its_exchange) : connection(owner), exchange(its_exchange) {}
  void ordered_part_done() override {
    if (done) return;
    done = true;
    connection.offer_reading();
  }
  void decoded(std::size_t bytes) override {
    connection.responses_.charge(exchange, bytes);
    if (bytes > budgeted_frame_min) {
      exchange.share.add_anyway(connection.services_.memory, static_cast<std::int64_t>(bytes));
    }
  }
  void mute(std::int64_t duration_ms) override {
    connection.muted_until_ms_ = std::max(connection.muted_until_ms_, connection.thread_.now_ms() + duration_ms);
  }
  Connection& connection;
  Exchange& exchange;
  bool done = false;
};

// Adds the time until its end to what the client is charged for.
struct Connection::NetworkTime {
  explicit NetworkTime(Connection& timed) : connection(timed), counts(timed.is_timed()) {
    if (counts) start = std::chrono::steady_clock::now();
  }
  ~NetworkTime() {
    if (!counts) return;
    connection.network_ns_ +=
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
  }
  NetworkTime(const NetworkTime&) = delete;
  NetworkTime& operator=(const NetworkTime&) = delete;
  Connection& connection;
  const bool counts;
  std::chrono::steady_clock::time_point start;
};

Connection::Connection(NetworkThread& thread, const ConnectionServices& services, Socket socket, ConnectionInfo info)
    : thread_(thread),
      services_(services),
      socket_(std::move(socket)),
      info_(std::move(info)),
      input_(thread.buffers()),
      responses_(thread.exchanges()),
      last_active_ms_(thread.now_ms()) {}

Connection::~Connection() = default;

void Connection::start() { spawn_reader(); }

void Connection::spawn_reader() {
  ++pins_;
  thread_.tasks().spawn(thread_.executor(), read_and_dispatch(), "connection");
}

void Connection::unpin() {
  if (--pins_ == 0) {
    close();
    thread_.remove(*this);
  }
}

bool Connection::has_room() const {
  return responses_.size() < requests_max && responses_.unsent_bytes() < unsent_bytes_max &&
         responses_.request_bytes() < request_bytes_max;
}

awaitable<void> Connection::read_and_dispatch() {
  const Pin pin(*this);
  while (!closed_ && !draining_) {
    if (!has_room()) {
      flush();
      co_await wait_for_room();
      continue;
    }
    if (is_muted()) {
      flush();
      co_await wait_while_muted();
      continue;
    }
    Frame frame;
    const InputBuffer::Next next = input_.next(services_.request_max_bytes, frame);
    if (next == InputBuffer::Next::bad_length) co_return reject_bad_length();
    if (next == InputBuffer::Next::incomplete) {
      flush();
      const bool alive = co_await receive();
      if (!alive) co_return end_of_input();
      continue;
    }
    if (++turn_requests_ > turn_requests_max) {
      turn_requests_ = 0;
      co_await boost::asio::post(thread_.executor(), use_awaitable);
    }

    Exchange& exchange = responses_.push(std::move(frame), std::exchange(incoming_share_, {}));
    InFlight request(*this, exchange);
    const RequestSource source{.executor = thread_.executor(),
                               .connection = info_,
                               .owner = &request,
                               .cancel_list = &cancel_list_,
                               .network_ns = std::exchange(network_ns_, 0)};
    ++requests_running_;
    co_await services_.dispatcher.dispatch(source, exchange.frame.bytes, exchange.reply);
    --requests_running_;
    finish(exchange);
    if (request.done && !std::exchange(reading_offered_, false)) co_return;  // another coroutine reads by now
  }
  close_if_done();
}

// The request that is being dispatched won't hold up the next one. Posted: if the request ends without waiting after
// all, its own coroutine goes on reading, and nothing was spawned.
void Connection::offer_reading() {
  reading_offered_ = true;
  ++pins_;
  boost::asio::post(thread_.executor(), [this] {
    const Pin pin(*this);
    if (std::exchange(reading_offered_, false) && !closed_ && !draining_) spawn_reader();
  });
}

void Connection::finish(Exchange& exchange) {
  if (exchange.reply.action == Reply::Action::close) {
    draining_ = true;
    cancel_list_.cancel_all();
    if (!exchange.reply.quiet) reject(exchange.reply.reason);
  }
  responses_.finish(exchange);
  last_active_ms_ = thread_.now_ms();
  // More pipelined requests in the buffer: their answers leave together, at the latest when all of this thread's other
  // ready work has had its turn.
  if (input_.has_partial_frame() && !draining_ && responses_.unsent_bytes() < flush_at_bytes) {
    flush_soon();
  } else {
    flush();
  }
  room_waiter_.notify();
}

void Connection::flush_soon() {
  if (flush_posted_ || write_blocked_) return;
  flush_posted_ = true;
  ++pins_;
  boost::asio::post(thread_.executor(), [this] {
    const Pin pin(*this);
    flush_posted_ = false;
    flush();
  });
}

ResponseQueue::WriteResult Connection::write() {
  const NetworkTime time(*this);
  return responses_.write(socket_.native_handle());
}

void Connection::flush() {
  if (closed_ || write_blocked_ || !responses_.head_ready()) return close_if_done();
  switch (write()) {
    case ResponseQueue::WriteResult::drained:
      return close_if_done();
    case ResponseQueue::WriteResult::blocked:
      write_blocked_ = true;
      ++pins_;
      thread_.tasks().spawn(thread_.executor(), write_while_blocked(), "connection");
      return;
    case ResponseQueue::WriteResult::failed:
      if (errno == EIO) spdlog::error("Sending log data to {} failed: {}", info_.client_address, std::strerror(errno));
      return close();
    case ResponseQueue::WriteResult::close:
      return close();
  }
}

awaitable<void> Connection::write_while_blocked() {
  const Pin pin(*this);
  while (!closed_) {
    const auto [error] = co_await socket_.async_wait(Socket::wait_write, boost::asio::as_tuple(use_awaitable));
    if (closed_) break;
    const auto result = error ? ResponseQueue::WriteResult::failed : write();
    last_active_ms_ = thread_.now_ms();
    room_waiter_.notify();
    if (result == ResponseQueue::WriteResult::blocked) continue;
    write_blocked_ = false;
    if (result != ResponseQueue::WriteResult::drained) close();
    break;
  }
  write_blocked_ = false;
  close_if_done();
}

awaitable<void> Connection::wait_for_room() {
  Waiter waiter(thread_.executor(), &cancel_list_);
  room_waiter_ = waiter.handle();
  while (!has_room() && !closed_ && !draining_) {
    waiter.rearm();
    co_await waiter.wait_for(forever_ms);
  }
  room_waiter_ = {};
  turn_requests_ = 0;
}

// What is half received and holds memory that others may wait for is received, and let in, all the same.
bool Connection::is_muted() const {
  return muted_until_ms_ > 0 && thread_.now_ms() < muted_until_ms_ && incoming_share_.bytes() == 0;
}

awaitable<void> Connection::wait_while_muted() {
  Waiter waiter(thread_.executor(), &cancel_list_);
  while (is_muted() && !closed_ && !draining_) co_await waiter.wait_for(muted_until_ms_ - thread_.now_ms());
  turn_requests_ = 0;
}

awaitable<BudgetShare> Connection::take_memory() {
  const auto bytes = static_cast<std::int64_t>(input_.expected());
  Waiter waiter(thread_.executor(), &cancel_list_);
  MemoryBudget::Place place(services_.memory, waiter.handle());
  while (!closed_ && !draining_) {
    waiter.rearm();
    if (services_.memory.try_take(bytes, place)) co_return BudgetShare(services_.memory, bytes);
    co_await waiter.wait_for(forever_ms);
  }
  co_return BudgetShare();
}

ssize_t Connection::read(std::span<std::byte> room) {
  const NetworkTime time(*this);
  return ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
}

awaitable<bool> Connection::receive() {
  if (input_.expected() > budgeted_frame_min && incoming_share_.bytes() == 0) {
    incoming_share_ = co_await take_memory();
    incoming_since_ms_ = thread_.now_ms();
  }
  while (!closed_ && !draining_) {
    if (more_expected_) {
      const std::span<std::byte> room = input_.prepare();
      const ssize_t size = read(room);
      if (size == 0) co_return false;
      if (size > 0) {
        more_expected_ = static_cast<std::size_t>(size) == room.size();
        input_.received(static_cast<std::size_t>(size));
        last_active_ms_ = thread_.now_ms();
        co_return true;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return false;
    }
    const bool readable = co_await wait_for_input();
    if (!readable) co_return false;
    more_expected_ = true;
  }
  co_return false;
}

awaitable<bool> Connection::wait_for_input() {
  input_.release_if_empty();
  const std::size_t missing = input_.missing();
  const int low_water = missing > receive_piece / 4 ? static_cast<int>(std::min(missing, receive_piece)) : 1;
  if (low_water != receive_low_water_) {
    receive_low_water_ = low_water;
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof(low_water));
  }
  const auto [error] = co_await socket_.async_wait(Socket::wait_read, boost::asio::as_tuple(use_awaitable));
  turn_requests_ = 0;
  co_return !error;
}

void Connection::reject(std::string_view why) {
  services_.metrics.connections_rejected.add();
  const auto swallowed = services_.rejections.allow(thread_.now_ms());
  if (!swallowed) return;
  spdlog::warn("Closed the connection from {}:{} on listener {}: {}{}", info_.client_address.substr(1),
               info_.client_port, info_.listener_name, why,
               *swallowed > 0 ? fmt::format(" ({} similar ones were not logged)", *swallowed) : "");
}

void Connection::reject_bad_length() {
  reject(explain_bad_frame(input_.start(), services_.request_max_bytes, info_.security_protocol, services_.http_hint));
  if (guess_foreign_protocol(input_.start()) == ForeignProtocol::http && responses_.empty()) {
    ::send(socket_.native_handle(), http_answer.data(), http_answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  end_of_input();
}

void Connection::end_of_input() {
  draining_ = true;
  cancel_list_.cancel_all();
  flush();
}

void Connection::close_if_done() {
  if (draining_ && !closed_ && requests_running_ == 0 && !write_blocked_ && !responses_.head_ready()) close();
}

void Connection::drain() {
  if (closed_) return;
  draining_ = true;
  cancel_list_.cancel_all();
  // Ends the wait for input; a write that is under way goes on.
  if (requests_running_ > 0 || write_blocked_) {
    ::shutdown(socket_.native_handle(), SHUT_RD);
  } else {
    flush();
  }
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  cancel_list_.cancel_all();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

bool Connection::is_idle(std::int64_t now_ms) const {
  if (requests_running_ > 0) return false;
  const std::int64_t quiet_ms = now_ms - last_active_ms_;
  if (incoming_share_.bytes() > 0) {
    if (quiet_ms > stalled_request_ms) return true;
    // A byte now and then isn't quiet, but holds the memory all the same.
    const std::int64_t time_ms = slow_request_ms + incoming_share_.bytes() / slow_request_bytes_per_ms;
    if (now_ms - incoming_since_ms_ > time_ms && services_.memory.is_awaited()) return true;
  }
  return services_.idle_max_ms >= 0 && quiet_ms > services_.idle_max_ms;
}

}  // namespace broker

// Connection: one client's TCP connection. Reads request frames, has them dispatched one after the other, sends the
// answers in the order of the requests.
//
// One coroutine at a time reads and dispatches. When a request says that its ordered part is done and then really
// waits, another coroutine takes over reading, so that the next request starts; answers still leave in order. What is
// in flight is bounded: beyond the bounds the connection doesn't read, and TCP pushes back.
//
// Owned by its NetworkThread, used on that thread only. It goes when its socket is closed and its last coroutine ended.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <string>

#include "broker/dispatch.h"
#include "broker/network/input_buffer.h"
#include "broker/network/memory_budget.h"
#include "broker/network/response_queue.h"
#include "broker/waiter.h"

namespace broker {

class AddressWatch;
class NetworkThread;
class LogLimiter;

// What all connections of a broker share. Immutable or self-locking; outlives the connections.
struct ConnectionServices {
  const Dispatcher& dispatcher;
  Metrics& metrics;
  MemoryBudget& memory;
  LogLimiter& rejections;  // bounds the log lines about clients that break the protocol
  AddressWatch& addresses;
  std::int64_t request_max_bytes = 100 << 20;
  std::int64_t idle_max_ms = 600'000;    // < 0: never
  std::string http_hint;                 // where the HTTP listener is, for people who come with a browser
  const ClientQuotas* quotas = nullptr;  // null: nobody is limited
};

class Connection : public boost::intrusive::list_base_hook<> {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

  // Bounds of what one connection may have in flight.
  static constexpr std::size_t requests_max = 256;
  static constexpr std::size_t request_bytes_max = 16 << 20;  // one larger request is always let in
  static constexpr std::size_t unsent_bytes_max = 8 << 20;

  Connection(NetworkThread& thread, const ConnectionServices& services, Socket socket, ConnectionInfo info);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();

  // Reads no more; closes once what was asked for is answered. Waiting requests are woken.
  void drain();

  // Closes the socket now. Answers that weren't sent are dropped.
  void close();

  // Whether nothing has come or gone for connections.max.idle.ms and no request is being worked on, or a large request
  // has stalled half-way or trickles in, holding memory that others wait for.
  bool is_idle(std::int64_t now_ms) const;

  const ConnectionInfo& info() const { return info_; }

 private:
  struct InFlight;
  struct Pin;
  struct NetworkTime;

  void spawn_reader();
  awaitable<void> read_and_dispatch();
  awaitable<bool> receive();
  awaitable<bool> wait_for_input();
  ssize_t read(std::span<std::byte> room);
  ResponseQueue::WriteResult write();
  awaitable<void> wait_for_room();
  awaitable<void> wait_while_muted();
  awaitable<BudgetShare> take_memory();
  awaitable<void> write_while_blocked();

  bool has_room() const;
  bool is_muted() const;
  bool is_timed() const { return services_.quotas != nullptr && services_.quotas->enforces(QuotaKind::request); }
  void offer_reading();
  void finish(Exchange& exchange);
  void flush();
  void flush_soon();
  void reject(std::string_view why);
  void reject_bad_length();
  void unpin();
  void end_of_input();
  void close_if_done();

  NetworkThread& thread_;
  const ConnectionServices& services_;
  Socket socket_;
  ConnectionInfo info_;
  InputBuffer input_;
  ResponseQueue responses_;
  CancelList cancel_list_;
  WaiterHandle room_waiter_;
  BudgetShare incoming_share_;  // for the large frame that is being received
  std::int64_t incoming_since_ms_ = 0;
  std::int64_t last_active_ms_ = 0;
  std::int64_t muted_until_ms_ = 0;     // a quota's throttle: nothing is dispatched before
  std::int64_t network_ns_ = 0;         // reading and writing since the last request, while quotas limit that time
  std::uint32_t pins_ = 0;              // coroutines and posted work that refer to this
  std::uint32_t requests_running_ = 0;  // dispatched, not answered
  int receive_low_water_ = 1;
  std::uint32_t turn_requests_ = 0;  // since this connection last let others run
  bool reading_offered_ = false;     // the posted take-over is still to come
  bool more_expected_ = true;        // the last receive filled its room: try again before waiting
  bool flush_posted_ = false;
  bool write_blocked_ = false;  // write_while_blocked() is at it
  bool draining_ = false;
  bool closed_ = false;
};

}  // namespace broker

// ResponseQueue: the requests of one connection in their order, each with its answer once that is ready; writes ready
// answers to the socket in that order, with gathered writes and sendfile.
//
// Belongs to one connection, used on its network thread. Exchanges come from the thread's pool and keep their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/dispatch.h"
#include "broker/network/buffer_pool.h"
#include "broker/network/memory_budget.h"

namespace broker {

// One request and its answer.
struct Exchange {
  Frame frame;
  BudgetShare share;  // of the broker's request memory; empty for small frames
  std::size_t decoded_bytes = 0;
  Reply reply;
  bool ready = false;

  // How far the answer was sent.
  std::vector<protocol::Splice> splices;
  std::size_t memory_sent = 0;
  std::size_t splices_sent = 0;
  std::int64_t splice_progress = 0;

  Exchange* next = nullptr;
};

// Reuses exchanges and their writers' memory. One per network thread.
class ExchangePool {
 public:
  ExchangePool() = default;
  ~ExchangePool();
  ExchangePool(const ExchangePool&) = delete;
  ExchangePool& operator=(const ExchangePool&) = delete;

  Exchange* take();
  void give_back(Exchange* exchange);
  void trim();  // frees what is kept

 private:
  static constexpr std::size_t kept_max = 256;
  static constexpr std::size_t kept_writer_bytes_max = 64 * 1024;  // a larger answer's memory isn't kept
  std::vector<Exchange*> free_;
};

class ResponseQueue {
 public:
  enum class WriteResult : std::uint8_t {
    drained,  // everything that is ready was sent
    blocked,  // the socket takes no more now
    close,    // the next answer is to close the connection
    failed,   // the socket, or reading a file, failed: errno says why
  };

  explicit ResponseQueue(ExchangePool& pool) : pool_(pool) {}
  ~ResponseQueue();
  ResponseQueue(const ResponseQueue&) = delete;
  ResponseQueue& operator=(const ResponseQueue&) = delete;

  // The next request in order. Stays at its address until it was answered and sent.
  Exchange& push(Frame frame, BudgetShare share);

  // The request takes that much memory beside its frame, as long as it is worked on.
  void charge(Exchange& exchange, std::size_t decoded_bytes);

  // The answer in `exchange.reply` is complete: lets go of the request's memory.
  void finish(Exchange& exchange);

  WriteResult write(int socket_fd);

  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }  // requests without a sent answer
  std::size_t request_bytes() const {
    return request_bytes_;
  }  // of requests that are being worked on, and what they decode to
  std::size_t unsent_bytes() const { return unsent_bytes_; }  // memory of finished answers
  bool head_ready() const { return head_ != nullptr && head_->ready; }

 private:
  static constexpr std::size_t gathered_max = 64;
  static constexpr std::int64_t sendfile_max_bytes = 1 << 20;

  void pop_sent();
  // Both: 1 progress, 0 would block, -1 error.
  int write_memory(int socket_fd);
  int write_file(int socket_fd);

  ExchangePool& pool_;
  Exchange* head_ = nullptr;
  Exchange* tail_ = nullptr;
  std::size_t size_ = 0;
  std::size_t request_bytes_ = 0;
  std::size_t unsent_bytes_ = 0;
};

}  // namespace broker

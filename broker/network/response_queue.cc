#include "broker/network/response_queue.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace broker {
namespace {

bool is_sent(const Exchange& exchange) {
  return exchange.memory_sent == exchange.reply.response.size() && exchange.splices_sent == exchange.splices.size();
}

// Whether the next byte to send comes from a file.
bool at_file(const Exchange& exchange) {
  return exchange.splices_sent < exchange.splices.size() &&
         exchange.splices[exchange.splices_sent].position == exchange.memory_sent;
}

// The memory to send up to the next file range or the end.
std::span<const std::byte> next_memory(const Exchange& exchange) {
  const protocol::Bytes bytes = exchange.reply.response.bytes();
  const std::size_t end =
      exchange.splices_sent < exchange.splices.size() ? exchange.splices[exchange.splices_sent].position : bytes.size();
  return bytes.subspan(exchange.memory_sent, end - exchange.memory_sent);
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

ExchangePool::~ExchangePool() { trim(); }

Exchange* ExchangePool::take() {
  if (free_.empty()) return new Exchange;
  Exchange* exchange = free_.back();
  free_.pop_back();
  return exchange;
}

void ExchangePool::give_back(Exchange* exchange) {
  if (free_.size() >= kept_max || exchange->reply.response.size() > kept_writer_bytes_max) {
    delete exchange;
    return;
  }
  exchange->frame = {};
  exchange->share = {};
  exchange->reply.clear();
  exchange->ready = false;
  exchange->splices.clear();
  exchange->memory_sent = exchange->splices_sent = 0;
  exchange->splice_progress = 0;
  exchange->next = nullptr;
  free_.push_back(exchange);
}

void ExchangePool::trim() {
  for (Exchange* exchange : free_) delete exchange;
  free_.clear();
  free_.shrink_to_fit();
}

ResponseQueue::~ResponseQueue() {
  while (head_ != nullptr) {
    Exchange* exchange = head_;
    head_ = exchange->next;
    delete exchange;
  }
}

Exchange& ResponseQueue::push(Frame frame, BudgetShare share) {
  Exchange* exchange = pool_.take();
  request_bytes_ += frame.bytes.size();
  exchange->frame = std::move(frame);
  exchange->share = std::move(share);
  (tail_ == nullptr ? head_ : tail_->next) = exchange;
  tail_ = exchange;
  ++size_;
  return *exchange;
}

void ResponseQueue::charge(Exchange& exchange, std::size_t decoded_bytes) {
  exchange.decoded_bytes += decoded_bytes;
  request_bytes_ += decoded_bytes;
}

void ResponseQueue::finish(Exchange& exchange) {
  request_bytes_ -= exchange.frame.bytes.size() + std::exchange(exchange.decoded_bytes, 0);
  exchange.frame = {};
  exchange.share = {};
  if (exchange.reply.action == Reply::Action::send) {
    exchange.splices = exchange.reply.response.take_splices();
    // A range of no bytes would look like the end of its file.
    std::erase_if(exchange.splices, [](const protocol::Splice& splice) { return splice.range.length <= 0; });
    unsent_bytes_ += exchange.reply.response.size();
  } else {
    exchange.reply.response.clear();
  }
  exchange.ready = true;
}

void ResponseQueue::pop_sent() {
  while (head_ != nullptr && head_->ready && head_->reply.action != Reply::Action::close && is_sent(*head_)) {
    Exchange* exchange = head_;
    head_ = exchange->next;
    if (head_ == nullptr) tail_ = nullptr;
    --size_;
    unsent_bytes_ -= exchange->reply.response.size();
    pool_.give_back(exchange);
  }
}

ResponseQueue::WriteResult ResponseQueue::write(int socket_fd) {
  while (true) {
    pop_sent();
    if (head_ == nullptr || !head_->ready) return WriteResult::drained;
    if (head_->reply.action == Reply::Action::close) return WriteResult::close;
    const int progress = at_file(*head_) ? write_file(socket_fd) : write_memory(socket_fd);
    if (progress == 0) return WriteResult::blocked;
    if (progress < 0) return WriteResult::failed;
  }
}

int ResponseQueue::write_memory(int socket_fd) {
  iovec pieces[gathered_max];
  std::size_t count = 0;
  bool more = false;  // a file range follows at once: let the kernel put it into the same segments
  for (const Exchange* e = head_; e != nullptr && e->ready && e->reply.action != Reply::Action::close; e = e->next) {
    if (count == gathered_max) {
      more = true;
      break;
    }
    const std::span<const std::byte> memory = at_file(*e) ? std::span<const std::byte>() : next_memory(*e);
    if (!memory.empty()) pieces[count++] = {const_cast<std::byte*>(memory.data()), memory.size()};
    if (e->splices_sent < e->splices.size()) {
      more = true;
      break;
    }
  }
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  ssize_t sent = ::sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  if (sent < 0) return would_block(errno) ? 0 : errno == EINTR ? 1 : -1;
  for (Exchange* e = head_; sent > 0; e = e->next) {
    const std::size_t taken = std::min(static_cast<std::size_t>(sent), next_memory(*e).size());
    e->memory_sent += taken;
    sent -= static_cast<ssize_t>(taken);
  }
  return 1;
}

int ResponseQueue::write_file(int socket_fd) {
  Exchange& exchange = *head_;
  const protocol::FileRange& range = exchange.splices[exchange.splices_sent].range;
  off_t from = range.position + exchange.splice_progress;
  const std::int64_t left = range.length - exchange.splice_progress;
  const ssize_t sent =
      ::sendfile(socket_fd, range.fd, &from, static_cast<std::size_t>(std::min(left, sendfile_max_bytes)));
  if (sent < 0) return would_block(errno) ? 0 : errno == EINTR ? 1 : -1;
  if (sent == 0) {
    // The file is shorter than the log said: the announced length can't be kept.
    errno = EIO;
    return -1;
  }
  exchange.splice_progress += sent;
  if (exchange.splice_progress == range.length) {
    ++exchange.splices_sent;
    exchange.splice_progress = 0;
  }
  return 1;
}

}  // namespace broker

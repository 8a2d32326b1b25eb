#include "broker/producer_ids.h"

#include <limits>
#include <utility>

#include <spdlog/spdlog.h>

namespace broker {

using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::ProducerId, protocol::Result;

namespace {

constexpr std::int64_t retry_backoff_ms = 50;
constexpr double prefetch_share = 0.9;  // of a block: then the next one is fetched

}  // namespace

ProducerIds::ProducerIds(RequestBlock request_block, const protocol::Clock& clock)
    : request_block_(std::move(request_block)), clock_(clock) {}

Result<ProducerId> ProducerIds::next() {
  std::optional<ProducerId> id;
  bool request = false;
  {
    MutexLock lock(mutex_);
    if (next_ == end_ && next_block_) {
      next_ = next_block_->first;
      end_ = next_block_->first + next_block_->count;
      prefetch_at_ = next_ + static_cast<ProducerId>(next_block_->count * prefetch_share);
      next_block_.reset();
    }
    if (next_ < end_) id = next_++;
    request = !id || *id >= prefetch_at_;
  }
  if (request) request_if_due();
  if (id) return *id;
  return fail(ErrorCode::coordinator_load_in_progress, "Producer ID block is full. Waiting for next block");
}

void ProducerIds::when_ready(std::function<void()> wake) {
  {
    MutexLock lock(mutex_);
    const bool ready = next_ < end_ || next_block_;
    if (!ready && requested_) {
      wakes_.push_back(std::move(wake));
      return;
    }
  }
  wake();
}

void ProducerIds::request_if_due() {
  {
    MutexLock lock(mutex_);
    if (next_block_ || requested_ || clock_.monotonic_ms() < retry_at_ms_) return;
    requested_ = true;
  }
  request_block_([this](BlockResult block) { take(std::move(block)); });
}

void ProducerIds::take(BlockResult block) {
  std::vector<std::function<void()>> wakes;
  {
    MutexLock lock(mutex_);
    requested_ = false;
    const bool sound = block && block->first >= end_ && block->count > 0 &&
                       block->first <= std::numeric_limits<ProducerId>::max() - block->count;
    if (sound) {
      next_block_ = *block;
      retry_at_ms_ = 0;
    } else {
      spdlog::warn("The controller gave no producer ids: {}",
                   block ? std::string("the block is not a valid one") : block.error().text());
      retry_at_ms_ = clock_.monotonic_ms() + retry_backoff_ms;
    }
    wakes.swap(wakes_);
  }
  for (const auto& wake : wakes) wake();
}

}  // namespace broker

#include "broker/replication/log_dir_moves.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "storage/log.h"

namespace broker {

using protocol::MutexLock, protocol::Result;

namespace {

constexpr std::int64_t piece_bytes = 1 << 20;
constexpr std::int64_t retry_after_ms = 1'000;    // a full disk may have room again
constexpr std::int64_t longest_pause_ms = 1'000;  // the limit may have been raised
constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

}  // namespace

LogDirMoves::LogDirMoves(QuotaWindows windows, std::function<std::int64_t()> bytes_per_second,
                         const protocol::Clock& clock)
    : bytes_per_second_(std::move(bytes_per_second)), clock_(clock), rate_(windows) {}

void LogDirMoves::add(const std::shared_ptr<Partition>& partition) {
  MutexLock lock(mutex_);
  Move& move = moves_[partition->id()];
  move.partition = partition;
  move.not_before_ms = 0;
  move.begun_again = move.busy;
}

// How long nothing may be copied; nullopt: for no time.
std::optional<std::int64_t> LogDirMoves::throttle_ms(std::int64_t now_ms) {
  const std::int64_t limit = bytes_per_second_();
  MutexLock lock(mutex_);
  if (limit == unlimited || moves_.empty()) return std::nullopt;
  const std::int64_t wait = rate_.throttle_ms(static_cast<double>(limit), now_ms);
  if (wait <= 0) return std::nullopt;
  return std::min(wait, longest_pause_ms);
}

std::optional<std::int64_t> LogDirMoves::step() {
  const std::int64_t now_ms = clock_.monotonic_ms();
  if (const auto pause = throttle_ms(now_ms)) return pause;
  std::shared_ptr<Partition> partition;
  {
    MutexLock lock(mutex_);
    std::optional<std::int64_t> earliest;
    for (auto& [id, move] : moves_) {
      if (move.busy) continue;
      earliest = std::min(earliest.value_or(move.not_before_ms), move.not_before_ms);
      if (move.not_before_ms > now_ms) continue;
      move.busy = true;
      partition = move.partition;
      break;
    }
    if (partition == nullptr) {
      if (!earliest) return std::nullopt;
      return *earliest - now_ms;
    }
  }
  const std::int64_t limit = std::max<std::int64_t>(bytes_per_second_(), 1);
  Result<Partition::MoveStep> done = protocol::fail(protocol::ErrorCode::unknown_server_error);
  try {
    done = partition->continue_move(static_cast<std::int32_t>(std::min(limit, piece_bytes)));
  } catch (const std::exception& thrown) {
    done = protocol::fail(protocol::ErrorCode::unknown_server_error, thrown.what());
  }
  give_back(*partition, done);
  return 0;
}

void LogDirMoves::give_back(const Partition& partition, const Result<Partition::MoveStep>& done) {
  const std::int64_t now_ms = clock_.monotonic_ms();
  MutexLock lock(mutex_);
  const auto found = moves_.find(partition.id());
  Move& move = found->second;
  move.busy = false;
  if (done) {
    move.failed = false;
    if (done->bytes > 0) rate_.record(static_cast<double>(done->bytes), now_ms);
    if (done->over && !std::exchange(move.begun_again, false)) moves_.erase(found);
    return;
  }
  if (!std::exchange(move.failed, true)) {
    spdlog::error("The log of {} can't be copied to another directory, which will be tried again: {}",
                  partition.id().text(), done.error().text());
  }
  move.not_before_ms = now_ms + retry_after_ms;
}

std::size_t LogDirMoves::count() const {
  MutexLock lock(mutex_);
  return moves_.size();
}

std::size_t LogDirMoves::failed_count() const {
  MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(moves_, [](const auto& item) { return item.second.failed; }));
}

std::int64_t LogDirMoves::max_lag() const {
  std::vector<std::shared_ptr<Partition>> partitions;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, move] : moves_) partitions.push_back(move.partition);
  }
  std::int64_t lag = 0;
  for (const auto& partition : partitions) {
    const auto log = partition->open_log();
    const auto future = partition->future_log();
    if (log && future) lag = std::max(lag, log->log_end_offset() - future->log_end_offset());
  }
  return lag;
}

}  // namespace broker

// The moving of a Partition's log to another directory: the copying, and the moment in which the copy becomes the log.
#include <spdlog/spdlog.h>

#include <utility>

#include "broker/replication/partition.h"
#include "storage/log.h"
#include "storage/log_copy.h"
#include "storage/log_manager.h"

namespace broker {

using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::MutexUnlock, protocol::Result;
using storage::Log;

void Partition::begin_move(std::shared_ptr<Log> future) {
  MutexLock lock(mutex_);
  begin_change();
  if (!closed_) future_ = std::move(future);
  end_change();
}

std::shared_ptr<Log> Partition::future_log() const {
  MutexLock lock(mutex_);
  return future_;
}

Result<void> Partition::end_move(FutureFiles files) {
  MutexLock lock(mutex_);
  begin_change();
  Result<void> ended;
  {
    const MutexUnlock unlocked(mutex_);
    if (files == FutureFiles::remove) {
      ended = environment_.logs->delete_future(id_, environment_.clock->now_ms());
    } else {
      environment_.logs->forget_future(id_);
    }
  }
  if (ended) future_.reset();
  end_change();
  // Who waits for the records to be deleted waits for the current log alone now.
  if (log_ != nullptr) announce_advance();
  return ended;
}

Result<Partition::MoveStep> Partition::continue_move(std::int32_t max_bytes) {
  std::shared_ptr<Log> log, future;
  {
    MutexLock lock(mutex_);
    if (closed_ || log_ == nullptr || future_ == nullptr) return MoveStep{.over = true};
    log = log_;
    future = future_;
  }
  const auto piece = storage::copy_piece(*log, *future, max_bytes, environment_.clock->now_ms());
  if (!piece) {
    if (!still_moves_to(future)) return MoveStep{.over = true};
    return std::unexpected(piece.error());
  }
  if (piece->log_start_moved) {
    MutexLock lock(mutex_);
    if (log_ != nullptr) announce_advance();
  }
  MoveStep step{.bytes = piece->bytes};
  if (!piece->caught_up) return step;
  if (auto finished = finish_move(future, max_bytes, step); !finished) return std::unexpected(finished.error());
  return step;
}

// Waits for a change under way, which may be the end of the move.
bool Partition::still_moves_to(const std::shared_ptr<Log>& future) {
  MutexLock lock(mutex_);
  begin_change();
  const bool moves = !closed_ && future_ == future;
  end_change();
  return moves;
}

Result<void> Partition::finish_move(const std::shared_ptr<Log>& future, std::int32_t max_bytes, MoveStep& step) {
  if (auto prepared = environment_.logs->prepare_replacement(id_, environment_.clock->now_ms()); !prepared) {
    step.over = !still_moves_to(future);
    return step.over ? Result<void>() : prepared;
  }
  std::shared_ptr<Log> replaced;
  {
    MutexLock lock(mutex_);
    begin_change();
    if (closed_ || log_ == nullptr || future_ != future) {
      end_change();
      step.over = true;
      return {};
    }
    const std::shared_ptr<Log> log = log_;
    Result<bool> done = false;
    try {
      const MutexUnlock unlocked(mutex_);
      done = replace_log(*log, *future, max_bytes, step.bytes);
    } catch (const std::exception& thrown) {
      done = fail(ErrorCode::unknown_server_error, thrown.what());
    }
    if (done && *done) {
      log_ = std::exchange(future_, nullptr);
      replaced = log;
    }
    end_change();
    if (!done) return std::unexpected(done.error());
    if (replaced == nullptr) return {};
    announce_advance();
  }
  environment_.logs->finish_replacement(*replaced);
  step.over = true;
  return {};
}

// Nobody writes to the log meanwhile. False: more has come since than can be copied in a moment.
Result<bool> Partition::replace_log(const Log& log, Log& future, std::int32_t max_bytes, std::int64_t& copied) const {
  constexpr int last_pieces = 2;
  const protocol::TimestampMs now = environment_.clock->now_ms();
  for (int i = 0; i < last_pieces; ++i) {
    const auto piece = storage::copy_piece(log, future, max_bytes, now);
    if (!piece) return std::unexpected(piece.error());
    copied += piece->bytes;
    if (piece->caught_up) return environment_.logs->replace_with_future(id_, now);
  }
  return false;
}

}  // namespace broker

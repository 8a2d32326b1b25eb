// The partitions whose logs are being moved to another log directory: whose turn it is, how fast it may go, and what
// happens when it fails. What Kafka's ReplicaAlterLogDirsManager and its threads decide.
//
// Owned by the Broker. Self-locking: any number of threads may call step(), each works on another partition. No lock is
// held while logs are copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "broker/quotas/rate.h"
#include "broker/replication/partition.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"

namespace broker {

class LogDirMoves {
 public:
  // `bytes_per_second` says what may be copied now: replica.alter.log.dirs.io.max.bytes.per.second.
  LogDirMoves(QuotaWindows windows, std::function<std::int64_t()> bytes_per_second, const protocol::Clock& clock);

  // A move began (Partition::begin_move).
  void add(const std::shared_ptr<Partition>& partition) EXCLUDES(mutex_);

  // Copies one piece of the first partition, by topic and index, that nobody works on. Returns how long to wait before
  // the next call; nullopt: nothing is left for the caller. Waits for the disk.
  std::optional<std::int64_t> step() EXCLUDES(mutex_);

  std::size_t count() const EXCLUDES(mutex_);
  std::size_t failed_count() const EXCLUDES(mutex_);  // whose last piece couldn't be copied
  std::int64_t max_lag() const EXCLUDES(mutex_);      // records that the slowest has left

 private:
  struct Move {
    std::shared_ptr<Partition> partition;
    bool busy = false;
    bool begun_again = false;  // while it was busy
    bool failed = false;
    std::int64_t not_before_ms = 0;
  };
  using Moves = std::map<protocol::TopicPartition, Move>;

  std::optional<std::int64_t> throttle_ms(std::int64_t now_ms) EXCLUDES(mutex_);
  void give_back(const Partition& partition, const protocol::Result<Partition::MoveStep>& done) EXCLUDES(mutex_);

  const std::function<std::int64_t()> bytes_per_second_;
  const protocol::Clock& clock_;

  mutable protocol::Mutex mutex_;
  Moves moves_ GUARDED_BY(mutex_);
  SampledRate rate_ GUARDED_BY(mutex_);
};

}  // namespace broker

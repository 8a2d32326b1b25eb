// For tests: __consumer_offsets in memory. Self-locking.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "coordination/group/offsets_log.h"
#include "protocol/bytes.h"
#include "protocol/mutex.h"

namespace broker {

class MemoryOffsetsLog final : public coordination::group::OffsetsLog {
 public:
  using Record = coordination::group::Record;
  using Outcome = coordination::group::AppendOutcome;

  void append(protocol::PartitionIndex partition, protocol::LeaderEpoch, const std::vector<Record>& records,
              protocol::TimestampMs, std::function<void(Outcome)> done) override {
    Outcome outcome{.error = error_};
    {
      const protocol::MutexLock lock(mutex_);
      if (error_ == protocol::ErrorCode::none) {
        outcome.batch_offset = static_cast<protocol::Offset>(log_[partition].size());
        log_[partition].push_back(records);
      }
      if (holding_) return held_.emplace_back(std::move(done), outcome), void();
    }
    if (done) done(outcome);
  }

  protocol::Result<void> load(protocol::PartitionIndex partition, protocol::LeaderEpoch,
                              coordination::group::LoadVisitor& visitor) override {
    const auto batches = this->batches(partition);
    ++loads_;
    if (failing_loads_.load() > 0) {
      --failing_loads_;
      return protocol::fail(protocol::ErrorCode::kafka_storage_error, "too many open files");
    }
    for (std::size_t offset = 0; offset < batches.size(); ++offset) {
      visitor.batch([&] {
        for (const Record& record : batches[offset]) {
          std::optional<protocol::Bytes> value;
          if (record.value) value = protocol::as_bytes(*record.value);
          visitor.record(protocol::as_bytes(record.key), value, static_cast<protocol::Offset>(offset), std::nullopt);
        }
      });
    }
    return {};
  }

  // Appends wait for finish().
  void hold() {
    const protocol::MutexLock lock(mutex_);
    holding_ = true;
  }
  void finish() {
    std::vector<std::pair<std::function<void(Outcome)>, Outcome>> held;
    {
      const protocol::MutexLock lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (const auto& [done, outcome] : held) {
      if (done) done(outcome);
    }
  }
  void fail_loads(int count) { failing_loads_ = count; }
  void refuse(protocol::ErrorCode error) { error_ = error; }
  std::vector<std::vector<Record>> batches(protocol::PartitionIndex partition) {
    const protocol::MutexLock lock(mutex_);
    return log_[partition];
  }
  int loads() const { return loads_; }

 private:
  protocol::Mutex mutex_;
  std::map<protocol::PartitionIndex, std::vector<std::vector<Record>>> log_ GUARDED_BY(mutex_);
  std::vector<std::pair<std::function<void(Outcome)>, Outcome>> held_ GUARDED_BY(mutex_);
  bool holding_ GUARDED_BY(mutex_) = false;
  std::atomic<protocol::ErrorCode> error_{protocol::ErrorCode::none};
  std::atomic<int> loads_{0};
  std::atomic<int> failing_loads_{0};
};

}  // namespace broker

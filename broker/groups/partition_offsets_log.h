// __consumer_offsets on this broker's replicas, as the group coordinator uses it.
// Safe from any thread.
#pragma once

#include <functional>
#include <vector>

#include "broker/awaitable.h"
#include "broker/task_group.h"
#include "coordination/group/offsets_log.h"
#include "protocol/clock.h"
#include "protocol/records/compression.h"

namespace broker {

class BackgroundPool;
class ReplicaManager;

struct OffsetsLogOptions {
  std::int64_t commit_timeout_ms = 5'000;           // offsets.commit.timeout.ms
  std::int32_t load_buffer_size = 5 * 1024 * 1024;  // offsets.load.buffer.size
  protocol::Compression compression;                // offsets.topic.compression.codec
};

class PartitionOffsetsLog final : public coordination::group::OffsetsLog {
 public:
  // Waits for replication run on `executor`. What it is given outlives this object.
  PartitionOffsetsLog(ReplicaManager& replicas, BackgroundPool& background, Executor executor,
                      const protocol::Clock& clock, OffsetsLogOptions options)
      : replicas_(replicas), background_(background), executor_(executor), clock_(clock), options_(options) {}

  void append(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch,
              const std::vector<coordination::group::Record>& records, protocol::TimestampMs timestamp_ms,
              std::function<void(coordination::group::AppendOutcome)> done) override;

  void stop() override { tasks_.wait(options_.commit_timeout_ms + 1'000); }

  protocol::Result<void> load(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch,
                              coordination::group::LoadVisitor& visitor) override;

 private:
  ReplicaManager& replicas_;
  BackgroundPool& background_;
  const Executor executor_;
  const protocol::Clock& clock_;
  const OffsetsLogOptions options_;
  TaskGroup tasks_;
};

}  // namespace broker

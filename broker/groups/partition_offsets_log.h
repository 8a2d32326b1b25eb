// __consumer_offsets on this broker's replicas, as the group coordinator uses it.
// Safe from any thread; holds nothing but references.
#pragma once

#include <functional>
#include <vector>

#include "broker/awaitable.h"
#include "coordination/group/offsets_log.h"
#include "protocol/records/compression.h"

namespace broker {

class Partition;
class ReplicaManager;
class TaskGroup;

struct OffsetsLogOptions {
  std::int64_t commit_timeout_ms = 5'000;           // offsets.commit.timeout.ms
  std::int32_t load_buffer_size = 5 * 1024 * 1024;  // offsets.load.buffer.size
  protocol::Compression compression;                // offsets.topic.compression.codec
};

class PartitionOffsetsLog final : public coordination::group::OffsetsLog {
 public:
  // Waits for replication run on `executor`, in `tasks`. All of it outlives this object's last append.
  PartitionOffsetsLog(ReplicaManager& replicas, TaskGroup& tasks, Executor executor, OffsetsLogOptions options)
      : replicas_(replicas), tasks_(tasks), executor_(executor), options_(options) {}

  void append(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch,
              const std::vector<coordination::group::Record>& records, protocol::TimestampMs timestamp_ms,
              std::function<void(coordination::group::AppendOutcome)> done) override;

  protocol::Result<void> load(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch,
                              coordination::group::LoadVisitor& visitor) override;

 private:
  ReplicaManager& replicas_;
  TaskGroup& tasks_;
  const Executor executor_;
  const OffsetsLogOptions options_;
};

}  // namespace broker

// The partitions of __consumer_offsets as the group coordinator uses them. The broker implements it on its replicas;
// tests in memory. Implementations are safe from any thread.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "coordination/group/effects.h"
#include "protocol/bytes.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::group {

// Gets a partition's content in order, batch by batch.
class LoadVisitor {
 public:
  virtual ~LoadVisitor() = default;
  // Calls `give` at once; what that passes to record() and marker() is taken over in one step.
  virtual void batch(const std::function<void()>& give) = 0;
  // Only within batch().
  virtual void record(protocol::Bytes key, std::optional<protocol::Bytes> value, protocol::Offset batch_offset,
                      std::optional<protocol::ProducerId> transaction) = 0;
  virtual void marker(protocol::ProducerId producer, bool committed) = 0;
};

struct AppendOutcome {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  protocol::Offset batch_offset = -1;
};

class OffsetsLog {
 public:
  virtual ~OffsetsLog() = default;

  // Appends one batch as the leader in `epoch`. It is written, or refused, when this returns, so that appends keep the
  // order of the calls. `done` is called once, on any thread, possibly before this returns: when the batch is on all
  // in-sync replicas, or has failed. It may be empty: nobody waits then. Doesn't block beyond the write itself.
  virtual void append(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch,
                      const std::vector<Record>& records, protocol::TimestampMs timestamp_ms,
                      std::function<void(AppendOutcome)> done) = 0;

  // Waits, a few seconds at most, until no append is under way any more. Nothing is appended afterwards.
  virtual void stop() {}

  // Reads everything from the start to the log's end, whatever its high watermark. Blocks on the disk.
  // Errors: not_leader_or_follower (also when leadership is lost on the way), kafka_storage_error.
  virtual protocol::Result<void> load(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch,
                                      LoadVisitor& visitor) = 0;
};

}  // namespace coordination::group

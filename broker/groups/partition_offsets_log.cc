#include "broker/groups/partition_offsets_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "broker/background.h"
#include "broker/metadata_cache.h"
#include "broker/replication/partition.h"
#include "broker/replication/replica_manager.h"
#include "broker/replication/wait.h"
#include "protocol/records/control_record.h"
#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/records/record_batch_builder.h"
#include "protocol/topic_name.h"
#include "storage/log.h"

namespace broker {

using coordination::group::AppendOutcome;
using coordination::group::LoadVisitor;
using protocol::Bytes;
using protocol::ErrorCode;
using protocol::Offset;
using protocol::Result;

namespace {

Result<std::vector<std::byte>> build_batch(const std::vector<coordination::group::Record>& records,
                                           protocol::TimestampMs timestamp_ms,
                                           const protocol::Compression& compression) {
  protocol::RecordBatchBuilder builder(protocol::BatchOptions{.compression = compression});
  for (const auto& record : records) {
    std::optional<Bytes> value;
    if (record.value) value = protocol::as_bytes(*record.value);
    builder.append(timestamp_ms, protocol::as_bytes(record.key), value);
  }
  return builder.build();
}

// What an append is reported after: the flush that flush.messages asks for, and its replication.
struct Unreported {
  std::shared_ptr<Partition> partition;
  Offset batch_offset = -1;
  bool flush = false;
  UnreplicatedAppend append;
  std::function<void(AppendOutcome)> done;  // empty: nobody asks
};

awaitable<void> report_when_finished(Unreported unreported, BackgroundPool& background, const protocol::Clock& clock,
                                     Executor executor) {
  ErrorCode error = ErrorCode::none;
  if (unreported.flush) {
    const auto flush = [&unreported] { return unreported.partition->flush(); };
    const Result<void> flushed = co_await background.run(flush);
    error = flushed.code();
  }
  if (!unreported.done) co_return;
  if (error == ErrorCode::none) {
    error = co_await wait_for_replication(unreported.partition, unreported.append, clock, executor);
  }
  unreported.done({error, error == ErrorCode::none ? unreported.batch_offset : -1});
}

// Gives the whole batches of a buffer to a visitor.
class BatchLoader {
 public:
  explicit BatchLoader(LoadVisitor& visitor) : visitor_(visitor) {}

  // Returns false when not even one batch is complete.
  bool load(Bytes bytes) {
    protocol::BatchReader batches(bytes);
    protocol::RecordBatchView batch;
    while (batches.next(batch) == protocol::BatchStatus::ok) {
      Result<void> loaded;
      visitor_.batch([&] { loaded = load_batch(batch); });
      // The other groups of the partition shouldn't suffer from one damaged batch.
      if (!loaded) {
        spdlog::error("__consumer_offsets: the batch at offset {} can't be read and is skipped: {}",
                      batch.base_offset(), loaded.error().text());
      }
      next_offset_ = batch.next_offset();
    }
    return batches.position() > 0;
  }
  // What follows the last batch.
  Offset next_offset() const { return next_offset_; }

 private:
  Result<void> load_batch(const protocol::RecordBatchView& batch) {
    protocol::RecordReader reader(batch, scratch_);
    protocol::RecordView record;
    std::optional<protocol::ProducerId> transaction;
    if (batch.is_transactional()) transaction = batch.producer_id();
    std::optional<Offset> batch_offset;  // of the first record that compaction has left
    while (reader.next(record)) {
      if (!batch_offset) batch_offset = record.offset;
      if (batch.is_control()) {
        const auto type = protocol::parse_control_type(record);
        if (type) visitor_.marker(batch.producer_id(), *type == protocol::ControlRecordType::commit);
      } else if (record.key) {
        visitor_.record(*record.key, record.value, *batch_offset, transaction);
      }
    }
    return reader.finish();
  }

  LoadVisitor& visitor_;
  protocol::RecordScratch scratch_;
  Offset next_offset_ = 0;
};

Result<void> read_ranges(const protocol::Records& records, std::vector<std::byte>& buffer) {
  buffer.clear();
  if (records.in_memory()) buffer.assign(records.bytes().begin(), records.bytes().end());
  for (const protocol::FileRange& range : records.ranges()) {
    const std::size_t start = buffer.size();
    buffer.resize(start + static_cast<std::size_t>(range.length));
    for (std::size_t done = 0; start + done < buffer.size();) {
      const ssize_t got = pread(range.fd, buffer.data() + start + done, buffer.size() - start - done,
                                range.position + static_cast<std::int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        return protocol::fail(ErrorCode::kafka_storage_error, "a segment of __consumer_offsets is unreadable");
      done += static_cast<std::size_t>(got);
    }
  }
  return {};
}

}  // namespace

void PartitionOffsetsLog::append(protocol::PartitionIndex index, protocol::LeaderEpoch epoch,
                                 const std::vector<coordination::group::Record>& records,
                                 protocol::TimestampMs timestamp_ms, std::function<void(AppendOutcome)> done) {
  const auto report = [&done](ErrorCode error, Offset batch_offset) {
    if (done) done({error, batch_offset});
  };
  auto partition = replicas_.find(protocol::consumer_offsets_topic, index);
  if (!partition) return report(partition.error().code, -1);
  const auto batch = build_batch(records, timestamp_ms, options_.compression);
  if (!batch) return report(batch.error().code, -1);
  const auto appended = (*partition)->append_as_coordinator(*batch, epoch);
  if (!appended) {
    if (!done)
      spdlog::warn("__consumer_offsets-{}: tombstones could not be written: {}", index, appended.error().text());
    return report(appended.error().code, -1);
  }
  if (!done && !appended->flush_due) return;
  const UnreplicatedAppend append{.required = appended->last_offset + 1,
                                  .leader_epoch = appended->last_leader_epoch,
                                  .deadline_ms = clock_.monotonic_ms() + options_.commit_timeout_ms};
  if (!appended->flush_due) {
    if (const auto outcome = (*partition)->replication_outcome(append.required, append.leader_epoch)) {
      return report(*outcome, *outcome == ErrorCode::none ? appended->first_offset : -1);
    }
  }
  Unreported unreported{.partition = std::move(*partition),
                        .batch_offset = appended->first_offset,
                        .flush = appended->flush_due,
                        .append = append,
                        .done = std::move(done)};
  tasks_.spawn(executor_, report_when_finished(std::move(unreported), background_, clock_, executor_),
               "replication of __consumer_offsets");
}

Result<void> PartitionOffsetsLog::load(protocol::PartitionIndex index, protocol::LeaderEpoch epoch,
                                       LoadVisitor& visitor) {
  const auto partition = replicas_.find(protocol::consumer_offsets_topic, index);
  if (!partition) return std::unexpected(partition.error());
  const auto log = (*partition)->log_for(protocol::no_leader_epoch, true);
  if (!log) return std::unexpected(log.error());

  BatchLoader loader(visitor);
  std::vector<std::byte> buffer;
  Offset next = (*log)->log_start_offset();
  while (next < (*log)->log_end_offset()) {
    // Leadership that was lost on the way ends the load: the new leader may have truncated what we are reading.
    if (!(*partition)->is_leader()) return protocol::fail(ErrorCode::not_leader_or_follower);
    const auto slice = (*log)->read({.start_offset = next,
                                     .max_bytes = options_.load_buffer_size,
                                     .isolation = storage::FetchIsolation::log_end,
                                     .min_one_message = true});
    if (!slice) return std::unexpected(slice.error());
    // Compaction may have taken everything up to the end, so that nothing is left to read below it.
    if (slice->records.empty()) break;
    if (const auto read = read_ranges(slice->records, buffer); !read) return read;
    if (!loader.load(buffer) || loader.next_offset() <= next) {
      return protocol::fail(ErrorCode::kafka_storage_error, fmt::format("no batch can be read at offset {}", next));
    }
    next = loader.next_offset();
  }
  spdlog::debug("__consumer_offsets-{}: loaded up to offset {} in leader epoch {}", index, next, epoch);
  return {};
}

}  // namespace broker

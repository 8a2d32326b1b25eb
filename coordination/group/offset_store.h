// The offsets that one group has committed, those on their way to the log, and those of open transactions.
// Owned by a Group; no synchronisation of its own.
//
// Committed offsets change only by applying what the log holds (apply, apply_tombstone, complete_transaction), while
// running and at load. The offset of the batch decides which of two commits is newer, because compaction keeps the
// last.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/group/calls.h"
#include "coordination/group/effects.h"

namespace coordination::group {

class OffsetStore {
 public:
  // A commit handed to the log under this append id. Until its outcome is known the partition is unstable.
  void begin_commit(std::string_view topic, PartitionIndex partition, AppendId append);
  // The log has it at `batch_offset`. Has no effect if the partition's offsets were removed in between.
  void commit_appended(const OffsetToCommit& commit, AppendId append, Offset batch_offset);
  void commit_failed(const OffsetToCommit& commit, AppendId append);

  void apply(std::string_view topic, PartitionIndex partition, OffsetAndMetadata value, Offset batch_offset);
  void apply_tombstone(std::string_view topic, PartitionIndex partition);

  // Commits inside a transaction take effect with its marker.
  void apply_transactional(ProducerId producer, std::string_view topic, PartitionIndex partition,
                           OffsetAndMetadata value, Offset batch_offset);
  void apply_transactional_tombstone(ProducerId producer, std::string_view topic, PartitionIndex partition);
  void complete_transaction(ProducerId producer, bool committed);

  const OffsetAndMetadata* find(std::string_view topic, PartitionIndex partition) const;
  bool is_unstable(std::string_view topic, PartitionIndex partition) const;
  FetchedOffset fetch(std::string_view topic, PartitionIndex partition, bool require_stable) const;
  std::vector<FetchedTopic> fetch_all(bool require_stable) const;

  // Forgets the partition's offset, also one on its way. True if a tombstone must follow it into the log.
  bool remove(std::string_view topic, PartitionIndex partition);

  struct Expiry {
    TimestampMs now_ms = 0;
    std::int64_t retention_ms = 0;
    std::optional<TimestampMs> base_timestamp_ms;  // retention counts from here; none: from each commit
    const std::set<std::string, std::less<>>* kept_topics = nullptr;  // still subscribed
  };
  // Removes and returns what has expired. Partitions with a commit on its way stay.
  std::vector<protocol::TopicPartition> remove_expired(const Expiry& expiry);

  std::vector<protocol::TopicPartition> partitions() const;  // with an offset, committed or on its way
  std::size_t size() const { return committed_count_; }      // committed ones
  // Whether anything is committed, on its way, or waits for a transaction's end.
  bool empty() const;

 private:
  struct Committed {
    OffsetAndMetadata value;
    Offset batch_offset = -1;
  };
  struct Entry {
    std::optional<Committed> committed;
    std::vector<AppendId> appending;
  };
  using Partitions = std::map<PartitionIndex, Entry>;
  using Pending = std::map<protocol::TopicPartition, Committed>;

  Entry& entry(std::string_view topic, PartitionIndex partition);
  Entry* find_entry(std::string_view topic, PartitionIndex partition);
  const Entry* find_entry(std::string_view topic, PartitionIndex partition) const;
  void erase_if_unused(std::string_view topic, PartitionIndex partition);
  bool forget_appending(const OffsetToCommit& commit, AppendId append);
  void put_if_newer(std::string_view topic, PartitionIndex partition, Committed commit);

  std::map<std::string, Partitions, std::less<>> topics_;
  std::map<ProducerId, Pending> transactions_;
  std::size_t committed_count_ = 0;
};

}  // namespace coordination::group

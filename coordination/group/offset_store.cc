#include "coordination/group/offset_store.h"

#include <algorithm>
#include <utility>

namespace coordination::group {

void OffsetStore::begin_commit(std::string_view topic, PartitionIndex partition, AppendId append) {
  entry(topic, partition).appending.push_back(append);
}

void OffsetStore::commit_appended(const OffsetToCommit& commit, AppendId append, Offset batch_offset) {
  if (!forget_appending(commit, append)) return;
  put_if_newer(commit.topic, commit.partition, {commit.value, batch_offset});
}

void OffsetStore::commit_failed(const OffsetToCommit& commit, AppendId append) {
  if (forget_appending(commit, append)) erase_if_unused(commit.topic, commit.partition);
}

bool OffsetStore::forget_appending(const OffsetToCommit& commit, AppendId append) {
  Entry* known = find_entry(commit.topic, commit.partition);
  return known != nullptr && std::erase(known->appending, append) > 0;
}

void OffsetStore::apply(std::string_view topic, PartitionIndex partition, OffsetAndMetadata value,
                        Offset batch_offset) {
  put_if_newer(topic, partition, {std::move(value), batch_offset});
}

void OffsetStore::apply_tombstone(std::string_view topic, PartitionIndex partition) {
  Entry* known = find_entry(topic, partition);
  if (known == nullptr) return;
  if (known->committed) --committed_count_;
  known->committed.reset();
  erase_if_unused(topic, partition);
}

void OffsetStore::apply_transactional(ProducerId producer, std::string_view topic, PartitionIndex partition,
                                      OffsetAndMetadata value, Offset batch_offset) {
  transactions_[producer].insert_or_assign({std::string(topic), partition}, Committed{std::move(value), batch_offset});
}

void OffsetStore::apply_transactional_tombstone(ProducerId producer, std::string_view topic, PartitionIndex partition) {
  const auto pending = transactions_.find(producer);
  if (pending == transactions_.end()) return;
  pending->second.erase({std::string(topic), partition});
  if (pending->second.empty()) transactions_.erase(pending);
}

void OffsetStore::complete_transaction(ProducerId producer, bool committed) {
  auto pending = transactions_.extract(producer);
  if (pending.empty() || !committed) return;
  for (auto& [partition, commit] : pending.mapped()) {
    put_if_newer(partition.topic, partition.partition, std::move(commit));
  }
}

const OffsetAndMetadata* OffsetStore::find(std::string_view topic, PartitionIndex partition) const {
  const Entry* known = find_entry(topic, partition);
  return known != nullptr && known->committed ? &known->committed->value : nullptr;
}

bool OffsetStore::is_unstable(std::string_view topic, PartitionIndex partition) const {
  const Entry* known = find_entry(topic, partition);
  if (known != nullptr && !known->appending.empty()) return true;
  if (transactions_.empty()) return false;
  const protocol::TopicPartition key{std::string(topic), partition};
  return std::ranges::any_of(transactions_, [&](const auto& pending) { return pending.second.contains(key); });
}

FetchedOffset OffsetStore::fetch(std::string_view topic, PartitionIndex partition, bool require_stable) const {
  FetchedOffset fetched{.partition = partition};
  if (require_stable && is_unstable(topic, partition)) {
    fetched.error = ErrorCode::unstable_offset_commit;
    return fetched;
  }
  if (const OffsetAndMetadata* value = find(topic, partition)) {
    fetched.offset = value->offset;
    fetched.leader_epoch = value->leader_epoch;
    fetched.metadata = value->metadata;
  }
  return fetched;
}

std::vector<FetchedTopic> OffsetStore::fetch_all(bool require_stable) const {
  std::vector<FetchedTopic> fetched;
  for (const auto& [topic, partitions] : topics_) {
    FetchedTopic answer{.topic = topic};
    for (const auto& [partition, known] : partitions) {
      if (known.committed) answer.partitions.push_back(fetch(topic, partition, require_stable));
    }
    if (!answer.partitions.empty()) fetched.push_back(std::move(answer));
  }
  return fetched;
}

bool OffsetStore::remove(std::string_view topic, PartitionIndex partition) {
  for (auto pending = transactions_.begin(); pending != transactions_.end();) {
    pending->second.erase({std::string(topic), partition});
    pending = pending->second.empty() ? transactions_.erase(pending) : std::next(pending);
  }
  const Entry* known = find_entry(topic, partition);
  if (known == nullptr) return false;
  if (known->committed) --committed_count_;
  const auto partitions = topics_.find(topic);
  partitions->second.erase(partition);
  if (partitions->second.empty()) topics_.erase(partitions);
  return true;
}

std::vector<protocol::TopicPartition> OffsetStore::remove_expired(const Expiry& expiry) {
  const auto is_expired = [&](const OffsetAndMetadata& value) {
    if (value.expire_timestamp_ms) return expiry.now_ms >= *value.expire_timestamp_ms;
    // The commit's timestamp may be anything: clients of version 1 choose it.
    return expiry.base_timestamp_ms.value_or(value.commit_timestamp_ms) <= expiry.now_ms - expiry.retention_ms;
  };
  std::vector<protocol::TopicPartition> expired;
  for (const auto& [topic, partitions] : topics_) {
    if (expiry.kept_topics != nullptr && expiry.kept_topics->contains(topic)) continue;
    for (const auto& [partition, known] : partitions) {
      if (known.appending.empty() && known.committed && is_expired(known.committed->value)) {
        expired.push_back({topic, partition});
      }
    }
  }
  for (const auto& [topic, partition] : expired) apply_tombstone(topic, partition);
  return expired;
}

std::vector<protocol::TopicPartition> OffsetStore::partitions() const {
  std::vector<protocol::TopicPartition> all;
  for (const auto& [topic, partitions] : topics_) {
    for (const auto& [partition, known] : partitions) all.push_back({topic, partition});
  }
  return all;
}

bool OffsetStore::empty() const { return topics_.empty() && transactions_.empty(); }

OffsetStore::Entry& OffsetStore::entry(std::string_view topic, PartitionIndex partition) {
  auto partitions = topics_.find(topic);
  if (partitions == topics_.end()) partitions = topics_.emplace(std::string(topic), Partitions()).first;
  return partitions->second[partition];
}

OffsetStore::Entry* OffsetStore::find_entry(std::string_view topic, PartitionIndex partition) {
  return const_cast<Entry*>(std::as_const(*this).find_entry(topic, partition));
}

const OffsetStore::Entry* OffsetStore::find_entry(std::string_view topic, PartitionIndex partition) const {
  const auto partitions = topics_.find(topic);
  if (partitions == topics_.end()) return nullptr;
  const auto known = partitions->second.find(partition);
  return known == partitions->second.end() ? nullptr : &known->second;
}

void OffsetStore::erase_if_unused(std::string_view topic, PartitionIndex partition) {
  const auto partitions = topics_.find(topic);
  if (partitions == topics_.end()) return;
  const auto known = partitions->second.find(partition);
  if (known == partitions->second.end() || known->second.committed || !known->second.appending.empty()) return;
  partitions->second.erase(known);
  if (partitions->second.empty()) topics_.erase(partitions);
}

void OffsetStore::put_if_newer(std::string_view topic, PartitionIndex partition, Committed commit) {
  Entry& known = entry(topic, partition);
  if (known.committed && known.committed->batch_offset > commit.batch_offset) return;
  if (!known.committed) ++committed_count_;
  known.committed = std::move(commit);
}

}  // namespace coordination::group

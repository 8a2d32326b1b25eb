// How a shard gets its groups back from the log when its broker becomes the partition's leader.
#include <spdlog/spdlog.h>

#include "coordination/group/group_shard.h"
#include "coordination/group/records.h"

namespace coordination::group {

void GroupShard::start_loading(LeaderEpoch epoch) {
  epoch_ = epoch;
  state_ = ShardState::loading;
}

void GroupShard::load_record(protocol::Bytes key, std::optional<protocol::Bytes> value, Offset batch_offset,
                             std::optional<ProducerId> transaction, Instant now) {
  const auto decoded = decode_key(key);
  if (!decoded) {
    return spdlog::warn("__consumer_offsets: the record in the batch at offset {} is skipped: {}", batch_offset,
                        decoded.error().text());
  }
  if (const auto* offset = std::get_if<OffsetKey>(&*decoded)) {
    load_offset(*offset, value, batch_offset, transaction, now);
  } else if (const auto* group = std::get_if<GroupKey>(&*decoded)) {
    load_group(*group, value, now);
  }
}

void GroupShard::load_offset(const OffsetKey& key, std::optional<protocol::Bytes> value, Offset batch_offset,
                             std::optional<ProducerId> transaction, Instant now) {
  const auto group = find_or_create(key.group_id, now);
  OffsetStore& offsets = group->offsets();
  if (!value) {
    return transaction ? offsets.apply_transactional_tombstone(*transaction, key.topic, key.partition)
                       : offsets.apply_tombstone(key.topic, key.partition);
  }
  auto commit = decode_offset(*value);
  if (!commit) {
    return spdlog::warn("__consumer_offsets: group {}'s offset for {}-{} is skipped: {}", key.group_id, key.topic,
                        key.partition, commit.error().text());
  }
  if (transaction) {
    open_transactions_[*transaction].insert(group);
    offsets.apply_transactional(*transaction, key.topic, key.partition, std::move(*commit), batch_offset);
  } else {
    offsets.apply(key.topic, key.partition, std::move(*commit), batch_offset);
  }
}

void GroupShard::load_group(const GroupKey& key, std::optional<protocol::Bytes> value, Instant now) {
  const auto group = find_or_create(key.group_id, now);
  if (!value) return group->apply_tombstone(now);
  auto record = decode_group(*value);
  if (!record) {
    return spdlog::warn("__consumer_offsets: a record of group {} is skipped: {}", key.group_id, record.error().text());
  }
  group->apply(std::move(*record), now);
}

void GroupShard::load_marker(ProducerId producer, bool committed) {
  const auto node = open_transactions_.extract(producer);
  if (node.empty()) return;
  for (const auto& group : node.mapped()) group->offsets().complete_transaction(producer, committed);
}

Effects GroupShard::finish_loading(Instant now) {
  state_ = ShardState::active;
  Effects effects;
  const Groups groups = groups_;
  for (const auto& [id, group] : groups) {
    if (group->is_unused()) {
      erase(group);
      continue;
    }
    Step step(now, next_append_id_);
    group->start(step);
    Effects started = conclude(group, step);
    for (Append& append : started.appends) effects.appends.push_back(std::move(append));
  }
  return effects;
}

}  // namespace coordination::group

// The group's offsets: committing, fetching, deleting, expiring; and the end of a group that nobody needs any more.
#include <spdlog/spdlog.h>

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "coordination/group/append_errors.h"
#include "coordination/group/group.h"
#include "protocol/java_string.h"

namespace coordination::group {

ErrorCode Group::validate_commit(const CommitCall& request) const {
  if (is_dead()) return ErrorCode::coordinator_not_available;
  const bool without_generation = request.generation < 0;
  // Consumers that assign partitions themselves, and administrators, commit to a group without members.
  if (without_generation && state_ == GroupState::empty) return ErrorCode::none;
  if (without_generation && request.member_id.empty() && !request.instance_id) return ErrorCode::unknown_member_id;
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  // The member knows the new generation but not yet its assignment.
  return state_ == GroupState::completing_rebalance ? ErrorCode::rebalance_in_progress : ErrorCode::none;
}

// During PreparingRebalance members still commit what they have consumed; their heartbeats tell them to rejoin.
void Group::commit(CallId call, CommitCall request, Step& step) {
  const ErrorCode error = validate_commit(request);
  if (error != ErrorCode::none) {
    return step.reply(call, CommitResult{std::vector<ErrorCode>(request.offsets.size(), error)});
  }
  if (Member* member = members_.find(request.member_id)) keep_session(*member, step.now());

  std::vector<Record> records;
  std::vector<ErrorCode> errors;
  const auto max_length = static_cast<std::size_t>(config_.offset_metadata_max_length);
  for (const OffsetToCommit& offset : request.offsets) {
    const bool fits = protocol::java_length(offset.value.metadata) <= max_length;
    errors.push_back(fits ? ErrorCode::none : ErrorCode::offset_metadata_too_large);
    if (fits) records.push_back(offset_record(id_, offset.topic, offset.partition, offset.value));
  }
  if (records.empty()) return step.reply(call, CommitResult{std::move(errors)});

  const AppendId append = step.append(std::move(records));
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const OffsetToCommit& offset = request.offsets[i];
    if (errors[i] == ErrorCode::none) offsets_.begin_commit(offset.topic, offset.partition, append);
  }
  pending_appends_.emplace(append, StoringOffsets{call, append, std::move(request.offsets), std::move(errors)});
}

void Group::finish(StoringOffsets& stored, ErrorCode error, Offset batch_offset, Step& step) {
  const ErrorCode code = error == ErrorCode::none ? ErrorCode::none : commit_error(error);
  for (std::size_t i = 0; i < stored.errors.size(); ++i) {
    if (stored.errors[i] != ErrorCode::none) continue;
    if (error != ErrorCode::none) {
      offsets_.commit_failed(stored.offsets[i], stored.append);
      stored.errors[i] = code;
    } else if (!is_dead()) {
      offsets_.commit_appended(stored.offsets[i], stored.append, batch_offset);
    }
  }
  step.reply(stored.call, CommitResult{std::move(stored.errors)});
}

FetchOffsetsResult Group::fetch_offsets(const FetchOffsetsCall& request) const {
  FetchOffsetsResult result;
  if (!request.topics) {
    result.topics = offsets_.fetch_all(request.require_stable);
    return result;
  }
  // Each once, as in Kafka: a metadata string would be repeated as often as it is asked for.
  struct Answered {
    std::size_t topic = 0;
    std::unordered_set<PartitionIndex> partitions;
  };
  std::unordered_map<std::string_view, Answered> answered;
  for (const TopicPartitions& wanted : *request.topics) {
    if (wanted.partitions.empty()) continue;
    const auto [known, is_new] = answered.try_emplace(wanted.topic);
    auto& [index, partitions] = known->second;
    if (is_new) {
      index = result.topics.size();
      result.topics.emplace_back().topic = wanted.topic;
    }
    for (const PartitionIndex partition : wanted.partitions) {
      if (!partitions.insert(partition).second) continue;
      result.topics[index].partitions.push_back(offsets_.fetch(wanted.topic, partition, request.require_stable));
    }
  }
  return result;
}

bool Group::is_subscribed_to(std::string_view topic) const {
  return !subscriptions_ || subscriptions_->contains(topic);
}

DeleteOffsetsResult Group::delete_offsets(std::span<const TopicPartitions> topics, Step& step) {
  DeleteOffsetsResult result;
  if (is_dead()) {
    result.error = ErrorCode::group_id_not_found;
    return result;
  }
  if (state_ != GroupState::empty && !is_consumer_group()) {
    result.error = ErrorCode::non_empty_group;
    return result;
  }
  std::vector<Record> tombstones;
  bool any = false;
  for (const TopicPartitions& topic : topics) {
    const bool is_consumed = state_ != GroupState::empty && is_subscribed_to(topic.topic);
    result.partitions.emplace_back(topic.partitions.size(),
                                   is_consumed ? ErrorCode::group_subscribed_to_topic : ErrorCode::none);
    if (is_consumed) continue;
    any = any || !topic.partitions.empty();
    for (const PartitionIndex partition : topic.partitions) {
      if (offsets_.remove(topic.topic, partition)) tombstones.push_back(offset_tombstone(id_, topic.topic, partition));
    }
  }
  if (any) bury_if_unused(std::move(tombstones), step);
  return result;
}

ErrorCode Group::remove(Step& step) {
  if (is_dead()) return ErrorCode::group_id_not_found;
  if (state_ != GroupState::empty) return ErrorCode::non_empty_group;
  std::vector<Record> tombstones;
  for (const auto& [topic, partition] : offsets_.partitions()) {
    tombstones.push_back(offset_tombstone(id_, topic, partition));
  }
  offsets_ = OffsetStore();
  bury_if_unused(std::move(tombstones), step);
  return ErrorCode::none;
}

void Group::expire_offsets(Step& step) {
  if (is_dead()) return;
  OffsetStore::Expiry expiry{.now_ms = step.now().wall_ms, .retention_ms = config_.offsets_retention_ms};
  bool may_expire = true;
  if (protocol_type_ && state_ == GroupState::empty) {
    // Counted from when the last member left. Groups from before Kafka 2.1 don't say: then from each commit.
    expiry.base_timestamp_ms = state_timestamp_ms_;
  } else if (is_consumer_group() && subscriptions_ && state_ == GroupState::stable) {
    expiry.kept_topics = &*subscriptions_;
  } else {
    // Offsets without a protocol belong to consumers that assign themselves: counted from each commit.
    may_expire = !protocol_type_;
  }
  std::vector<Record> tombstones;
  if (may_expire) {
    for (const auto& [topic, partition] : offsets_.remove_expired(expiry)) {
      tombstones.push_back(offset_tombstone(id_, topic, partition));
    }
  }
  if (!tombstones.empty()) spdlog::info("Group {}: {} offset(s) expired", id_, tombstones.size());
  bury_if_unused(std::move(tombstones), step);
}

void Group::forget_partitions(std::span<const protocol::TopicPartition> deleted, Step& step) {
  if (is_dead()) return;
  std::vector<Record> tombstones;
  for (const auto& [topic, partition] : deleted) {
    if (offsets_.remove(topic, partition)) tombstones.push_back(offset_tombstone(id_, topic, partition));
  }
  bury_if_unused(std::move(tombstones), step);
}

// Nobody waits for tombstones: if they get lost, the group shows up again after a restart, and is buried again.
void Group::bury_if_unused(std::vector<Record> tombstones, Step& step) {
  if (state_ == GroupState::empty && offsets_.empty()) {
    transition(GroupState::dead, step.now());
    // Without a generation the log has no record of the group itself.
    if (generation_ > 0) tombstones.push_back(group_tombstone(id_));
  }
  if (!tombstones.empty()) step.append_and_forget(std::move(tombstones));
}

}  // namespace coordination::group

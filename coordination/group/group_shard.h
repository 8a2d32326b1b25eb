// All groups whose records live in one partition of __consumer_offsets.
// Strand-owned: one step at a time, each synchronous, on the shard's strand. No I/O: steps return effects.
//
// Life: inactive ──start_loading──▶ loading ──load…, finish_loading──▶ active ──unload──▶ inactive.
// Requests that come while it is not active get the codes that Kafka's clients expect of a moving coordinator.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordination/group/calls.h"
#include "coordination/group/effects.h"
#include "coordination/group/group.h"
#include "protocol/bytes.h"

namespace coordination::group {

enum class ShardState { inactive, loading, active };

class GroupShard {
 public:
  // `config` must outlive it.
  explicit GroupShard(const GroupConfig& config) : config_(config) {}

  // --- Requests. Views in a call are not kept. The three with a CallId answer through a Reply.
  Effects join(CallId call, const JoinCall& request, Instant now);
  Effects sync(CallId call, const SyncCall& request, Instant now);
  Effects commit(CallId call, CommitCall request, Instant now);
  ErrorCode heartbeat(const HeartbeatCall& request, Instant now);
  FetchOffsetsResult fetch_offsets(const FetchOffsetsCall& request) const;
  GroupDescription describe(std::string_view group_id) const;
  std::vector<GroupOverview> list() const;
  std::pair<LeaveResult, Effects> leave(std::string_view group_id, std::span<const LeavingMember> leaving, Instant now);
  std::pair<DeleteOffsetsResult, Effects> delete_offsets(std::string_view group_id,
                                                         std::span<const TopicPartitions> topics, Instant now);
  std::pair<ErrorCode, Effects> remove(std::string_view group_id, Instant now);

  // --- Events.
  // The outcome of an Append with an id. Unknown ids (from before an unload) have no effect.
  Effects append_finished(AppendId append, ErrorCode error, Offset batch_offset, Instant now);
  Effects timers_due(Instant now);
  Effects expire_offsets(Instant now);
  Effects forget_partitions(std::span<const protocol::TopicPartition> deleted, Instant now);

  // --- Leadership. The shell calls load_… for every record of the partition, in order.
  void start_loading(LeaderEpoch epoch);
  // A record of an ordinary batch, or of a transactional one if it has a producer. Malformed records are logged and
  // skipped, so that one of them doesn't take 2 % of all groups offline.
  void load_record(protocol::Bytes key, std::optional<protocol::Bytes> value, Offset batch_offset,
                   std::optional<ProducerId> transaction, Instant now);
  void load_marker(ProducerId producer, bool committed);
  Effects finish_loading(Instant now);
  Effects unload(Instant now);

  ShardState state() const { return state_; }
  LeaderEpoch epoch() const { return epoch_; }
  // No timer is due before this monotonic time; none: nothing to wait for.
  std::optional<std::int64_t> wakeup_ms() const;
  std::size_t group_count() const { return groups_.size(); }
  std::size_t count(GroupState state) const;
  std::size_t offset_count() const;
  const Group* find(std::string_view group_id) const;

 private:
  using Groups = std::map<std::string, std::shared_ptr<Group>, std::less<>>;

  // none when the group's requests can be served. `empty_id_allowed`: APIs that old clients use without a group.
  ErrorCode status(std::string_view group_id, bool empty_id_allowed) const;
  std::shared_ptr<Group> lookup(std::string_view group_id) const;
  std::shared_ptr<Group> find_or_create(std::string_view group_id, Instant now);
  // After a step on the group: remembers its appends and its wake-up, drops it if it died.
  Effects conclude(const std::shared_ptr<Group>& group, Step& step);
  void schedule(Group& group);
  void erase(const std::shared_ptr<Group>& group);
  void load_offset(const OffsetKey& key, std::optional<protocol::Bytes> value, Offset batch_offset,
                   std::optional<ProducerId> transaction, Instant now);
  void load_group(const GroupKey& key, std::optional<protocol::Bytes> value, Instant now);

  const GroupConfig& config_;
  ShardState state_ = ShardState::inactive;
  LeaderEpoch epoch_ = protocol::no_leader_epoch;
  Groups groups_;
  // Keeps a removed group until the log has told it the fate of its appends.
  std::unordered_map<AppendId, std::shared_ptr<Group>> appending_;
  AppendId next_append_id_ = 1;
  std::unordered_map<ProducerId, std::set<std::shared_ptr<Group>>> open_transactions_;
  std::set<std::pair<std::int64_t, Group*>> wakeups_;
  std::unordered_map<Group*, std::int64_t> scheduled_;
};

}  // namespace coordination::group

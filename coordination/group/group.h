// One classic consumer group: the state machine of Kafka's rebalance protocol, and the group's offsets.
// Owned by a GroupShard, on whose strand all of it runs; no synchronisation of its own. No I/O: a step gets the time in
// its Step and leaves there what is to be done.
//
//   Empty ──join──▶ PreparingRebalance ──all joined, or time out──▶ CompletingRebalance ──leader's sync, in the log──▶
//   Stable
//     ▲                    │  ▲                                            │                                       │
//     └──no members left───┘  └───────────── join, leave, lost member ─────┴───────────────────────────────────────┘
//   Any state ──deleted, expired or unloaded──▶ Dead
//
// Membership lives in memory and comes before the log. What outlives a restart (generation's assignments, offsets)
// changes only in apply…, from a record that is in the log: when its append is done, and at load.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "coordination/group/calls.h"
#include "coordination/group/effects.h"
#include "coordination/group/members.h"
#include "coordination/group/offset_store.h"
#include "coordination/group/records.h"

namespace coordination::group {

enum class GroupState { empty, preparing_rebalance, completing_rebalance, stable, dead };

// Kafka's name, as in DescribeGroups: "PreparingRebalance".
std::string_view name(GroupState state);

class Group {
 public:
  // A new, empty group. `config` must outlive it.
  Group(std::string id, const GroupConfig& config, Instant now);

  // --- Requests. join, sync and commit answer with a Reply, at once or later; the others at once.
  void join(CallId call, const JoinCall& request, Step& step);
  void sync(CallId call, const SyncCall& request, Step& step);
  ErrorCode heartbeat(const HeartbeatCall& request, Instant now);
  LeaveResult leave(std::span<const LeavingMember> leaving, Step& step);
  void commit(CallId call, CommitCall request, Step& step);
  FetchOffsetsResult fetch_offsets(const FetchOffsetsCall& request) const;
  DeleteOffsetsResult delete_offsets(std::span<const TopicPartitions> topics, Step& step);
  // none (the group is dead then), non_empty_group, or group_id_not_found.
  ErrorCode remove(Step& step);
  GroupDescription describe() const;
  GroupOverview overview() const;

  // --- Other events.
  void append_finished(AppendId append, ErrorCode error, Offset batch_offset, Step& step);
  // Sessions, parked joins and rebalances whose time has come. Harmless when called early.
  void timers_due(Step& step);
  void expire_offsets(Step& step);
  void forget_partitions(std::span<const protocol::TopicPartition> deleted, Step& step);
  // This broker no longer coordinates the group: answers everything that waits with not_coordinator. The group is dead.
  void unload(Step& step);

  // --- Load. Records are applied in the order of the log, then start() once.
  void apply(GroupRecord record, Instant now);
  void apply_tombstone(Instant now);
  OffsetStore& offsets() { return offsets_; }
  const OffsetStore& offsets() const { return offsets_; }
  void start(Step& step);

  // --- Views.
  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  std::int32_t generation() const { return generation_; }
  const Members& members() const { return members_; }
  bool is_dead() const { return state_ == GroupState::dead; }
  // Nothing in the log speaks of it: never had a generation, and no offsets.
  bool is_unused() const { return generation_ == 0 && state_ == GroupState::empty && offsets_.empty(); }
  // No timer is due before this monotonic time. May be early, never late; none: nothing to wait for.
  std::optional<std::int64_t> wakeup_ms() const { return wakeup_ms_; }

 private:
  // What an append's outcome decides.
  struct TakenAssignment {  // the leader's SyncGroup, while followers are waited for
    std::map<std::string, std::string> of_member;
    std::int64_t deadline_ms;
  };
  struct StoringAssignment {  // the leader's SyncGroup: Stable, and everyone's SyncGroup is answered
    GroupRecord record;
  };
  struct StoringStaticMember {  // a static member came back under a new id, without a rebalance
    CallId call = 0;
    std::string instance_id, new_id, old_id, old_leader_id;
    bool supports_skip_assignment = false;
  };
  struct StoringEmptyGroup {};
  struct StoringOffsets {
    CallId call = 0;
    AppendId append = 0;
    std::vector<OffsetToCommit> offsets;
    std::vector<ErrorCode> errors;  // none for the ones in the append
  };
  using PendingAppend = std::variant<StoringAssignment, StoringStaticMember, StoringEmptyGroup, StoringOffsets>;

  struct RebalanceTimer {
    std::int64_t deadline_ms = 0;
    bool is_initial = false;        // waits for more members, whoever has joined already
    std::int64_t delay_ms = 0;      // initial: the length of this wait
    std::int64_t remaining_ms = 0;  // initial: how much it may still be extended
  };

  // join.cc
  bool accepts(std::string_view member_id) const;
  bool supports(const JoinCall& request) const;
  void join_as_new(CallId call, const JoinCall& request, Step& step);
  void join_as_known(CallId call, const JoinCall& request, Step& step);
  void rejoin(CallId call, const JoinCall& request, Member& member, Step& step);
  void rejoin_stable(CallId call, const JoinCall& request, Member& member, Step& step);
  void add_member(CallId call, const JoinCall& request, std::string member_id, Step& step);
  void update_member(CallId call, const JoinCall& request, Member& member, Step& step);
  void replace_static_member(CallId call, const JoinCall& request, std::string old_id, std::string new_id, Step& step);
  void store_static_member(StoringStaticMember storing, Step& step);
  void finish(const StoringStaticMember& stored, ErrorCode error, Step& step);
  JoinResult join_result(const Member& member, bool with_members) const;

  // rebalance.cc
  void rebalance_if_possible(std::string_view reason, Step& step);
  void prepare_rebalance(std::string_view reason, Step& step);
  void complete_join_if_all_joined(Step& step);
  void rebalance_timer_due(Step& step);
  void complete_join(Step& step);
  void drop_absent_members(Step& step);
  void start_generation(Step& step);
  void sync_timer_due(Step& step);
  void remove_member(std::string_view member_id, ErrorCode answer, Step& step);
  void remove_and_rebalance(std::string_view member_id, std::string_view reason, Step& step);

  // sync.cc
  ErrorCode validate_sync(const SyncCall& request) const;
  void take_assignment(const SyncCall& request, Step& step);
  void store_assignment(Step& step);
  void finish(StoringAssignment& stored, ErrorCode error, Step& step);
  void answer_syncs(ErrorCode error, Step& step);

  // offsets.cc
  ErrorCode validate_commit(const CommitCall& request) const;
  void finish(StoringOffsets& stored, ErrorCode error, Offset batch_offset, Step& step);
  void bury_if_unused(std::vector<Record> tombstones, Step& step);
  bool is_subscribed_to(std::string_view topic) const;

  // group.cc
  ErrorCode validate_member(std::string_view member_id, std::optional<std::string_view> instance_id) const;
  void transition(GroupState to, Instant now);
  void keep_session(Member& member, Instant now);
  void set_session_deadline(Member& member, std::int64_t deadline_ms);
  void wake_at(std::int64_t monotonic_ms);
  void recompute_wakeup();
  void recompute_subscriptions();
  GroupRecord to_record() const;
  bool is_consumer_group() const { return protocol_type_ == "consumer"; }

  const std::string id_;
  const GroupConfig& config_;

  GroupState state_ = GroupState::empty;
  std::optional<TimestampMs> state_timestamp_ms_;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_;
  Members members_;
  bool member_added_ = false;  // since the initial wait began
  // Topics that members consume; none: unknown (no consumer group, or metadata that is no subscription).
  std::optional<std::set<std::string, std::less<>>> subscriptions_;
  OffsetStore offsets_;
  std::unordered_map<AppendId, PendingAppend> pending_appends_;
  std::optional<TakenAssignment> taken_assignment_;  // of the present generation, until it is being stored
  bool storing_assignment_ = false;                  // of the present generation

  std::optional<RebalanceTimer> rebalance_timer_;
  std::optional<std::int64_t> sync_deadline_ms_;
  std::optional<std::int64_t> wakeup_ms_;
};

}  // namespace coordination::group

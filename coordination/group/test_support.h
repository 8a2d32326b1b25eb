// For tests of groups: a shard with a log in memory and a clock that moves only when told to. Single-threaded.
// It carries out effects as a broker would and fails the test if a call is answered twice or never asked for.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "coordination/group/group_shard.h"
#include "coordination/group/records.h"

namespace coordination::group {

struct TestMember {
  std::string id;  // empty: not known yet
  std::optional<std::string> instance;
  std::string client = "client";
  std::int32_t session_timeout_ms = 10'000;
  std::int32_t rebalance_timeout_ms = 60'000;
  std::string protocol_type = "consumer";
  std::vector<MemberProtocol> protocols = {{"range", "metadata"}};
  bool requires_known_member_id = false;
  bool supports_skip_assignment = true;
};

class TestCoordinator {
 public:
  explicit TestCoordinator(GroupConfig group_config = {}) : config(group_config) {
    shard = std::make_unique<GroupShard>(config);
    shard->start_loading(1);
    shard->finish_loading(now);
  }

  // --- Requests.
  CallId join(const TestMember& member, const std::string& group = "group") {
    const CallId call = next_call_++;
    asked_.insert(call);
    const std::string uuid = "uuid" + std::to_string(call);
    JoinCall request{.group_id = group,
                     .member_id = member.id,
                     .client_id = member.client,
                     .client_host = "/127.0.0.1",
                     .session_timeout_ms = member.session_timeout_ms,
                     .rebalance_timeout_ms = member.rebalance_timeout_ms,
                     .protocol_type = member.protocol_type,
                     .protocols = member.protocols,
                     .fresh_uuid = uuid,
                     .requires_known_member_id = member.requires_known_member_id,
                     .supports_skip_assignment = member.supports_skip_assignment};
    if (member.instance) request.instance_id = *member.instance;
    carry_out(shard->join(call, request, now));
    return call;
  }

  CallId sync(const std::string& member, std::int32_t generation,
              const std::vector<std::pair<std::string, std::string>>& assignments = {},
              std::optional<std::string> instance = std::nullopt, const std::string& group = "group") {
    const CallId call = next_call_++;
    asked_.insert(call);
    SyncCall request{.group_id = group, .member_id = member, .generation = generation};
    if (instance) request.instance_id = *instance;
    for (const auto& [id, assignment] : assignments) request.assignments.push_back({id, assignment});
    carry_out(shard->sync(call, request, now));
    return call;
  }

  CallId commit(const std::string& member, std::int32_t generation, std::vector<OffsetToCommit> offsets,
                const std::string& group = "group") {
    const CallId call = next_call_++;
    asked_.insert(call);
    for (OffsetToCommit& offset : offsets) {
      if (offset.value.commit_timestamp_ms < 0) offset.value.commit_timestamp_ms = now.wall_ms;
    }
    CommitCall request{.group_id = group, .member_id = member, .generation = generation, .offsets = std::move(offsets)};
    carry_out(shard->commit(call, std::move(request), now));
    return call;
  }

  ErrorCode heartbeat(const std::string& member, std::int32_t generation,
                      std::optional<std::string> instance = std::nullopt, const std::string& group = "group") {
    HeartbeatCall request{.group_id = group, .member_id = member, .generation = generation};
    if (instance) request.instance_id = *instance;
    return shard->heartbeat(request, now);
  }

  LeaveResult leave(const std::string& member, std::optional<std::string> instance = std::nullopt,
                    const std::string& group = "group") {
    LeavingMember leaving{.member_id = member};
    if (instance) leaving.instance_id = *instance;
    auto [result, effects] = shard->leave(group, {&leaving, 1}, now);
    carry_out(std::move(effects));
    return result;
  }

  DeleteOffsetsResult delete_offsets(const std::string& topic, std::vector<PartitionIndex> partitions,
                                     const std::string& group = "group") {
    const TopicPartitions wanted{topic, std::move(partitions)};
    auto [result, effects] = shard->delete_offsets(group, {&wanted, 1}, now);
    carry_out(std::move(effects));
    return result;
  }

  ErrorCode remove(const std::string& group = "group") {
    auto [error, effects] = shard->remove(group, now);
    carry_out(std::move(effects));
    return error;
  }

  Offset fetch(const std::string& topic, PartitionIndex partition, const std::string& group = "group") {
    return fetch_full(topic, partition, false, group).offset;
  }
  FetchedOffset fetch_full(const std::string& topic, PartitionIndex partition, bool require_stable = false,
                           const std::string& group = "group") {
    FetchOffsetsCall request{.group_id = group, .require_stable = require_stable};
    request.topics = std::vector<TopicPartitions>{{topic, {partition}}};
    return shard->fetch_offsets(request).topics.at(0).partitions.at(0);
  }

  // --- Time and the log.
  // Lets the time pass, with every timer at its moment.
  void advance(std::int64_t ms) {
    const std::int64_t end = now.monotonic_ms + ms;
    while (const auto wakeup = shard->wakeup_ms()) {
      if (*wakeup > end) break;
      move_to(std::max(*wakeup, now.monotonic_ms));
      carry_out(shard->timers_due(now));
    }
    move_to(end);
  }
  void expire_offsets() { carry_out(shard->expire_offsets(now)); }

  // Appends stay unfinished until finish_appends.
  void hold_appends() { holding_ = true; }
  void finish_appends() {
    holding_ = false;
    for (auto held = std::exchange(held_, {}); const auto& [id, error, offset] : held) {
      carry_out(shard->append_finished(id, error, offset, now));
    }
  }
  // The next appends are refused.
  void refuse_appends(ErrorCode error) { refusal_ = error; }
  std::size_t batches() const { return log_.size(); }
  const std::vector<Record>& batch(std::size_t index) const { return log_.at(index).records; }

  // What a broker that reads the log now would know.
  std::unique_ptr<GroupShard> reloaded() const {
    auto fresh = std::make_unique<GroupShard>(config);
    fresh->start_loading(2);
    for (const Batch& batch : log_) {
      for (const Record& record : batch.records) {
        std::optional<protocol::Bytes> value;
        if (record.value) value = protocol::as_bytes(*record.value);
        fresh->load_record(protocol::as_bytes(record.key), value, batch.offset, std::nullopt, now);
      }
    }
    fresh->finish_loading(now);
    return fresh;
  }
  // The broker restarts: calls that waited are gone, groups come from the log.
  void restart() {
    carry_out(shard->unload(now));
    shard = reloaded();
  }
  void carry_out(Effects effects) {
    for (Reply& reply : effects.replies) {
      EXPECT_EQ(asked_.erase(reply.call), 1u) << "call " << reply.call << " was answered before, or never made";
      reply_order.push_back(reply.call);
      replies_.insert_or_assign(reply.call, std::move(reply.result));
    }
    for (Append& append : effects.appends) {
      const ErrorCode error = refusal_;
      const Offset offset = error == ErrorCode::none ? next_offset_ : -1;
      if (error == ErrorCode::none) {
        next_offset_ += static_cast<Offset>(append.records.size());
        log_.push_back({offset, std::move(append.records)});
      }
      if (!append.id) continue;
      if (holding_) {
        held_.emplace_back(*append.id, error, offset);
      } else {
        carry_out(shard->append_finished(*append.id, error, offset, now));
      }
    }
  }

  // --- Answers.
  std::vector<CallId> reply_order;  // of all calls answered so far
  bool answered(CallId call) const { return replies_.contains(call); }
  std::size_t waiting() const { return asked_.size(); }
  const std::set<CallId>& unanswered() const { return asked_; }
  JoinResult joined(CallId call) { return take<JoinResult>(call); }
  SyncResult synced(CallId call) { return take<SyncResult>(call); }
  std::vector<ErrorCode> committed(CallId call) { return take<CommitResult>(call).errors; }
  const Group& group(const std::string& id = "group") const { return *shard->find(id); }
  bool has_group(const std::string& id = "group") const { return shard->find(id) != nullptr; }
  GroupState state(const std::string& id = "group") const {
    const Group* found = shard->find(id);
    return found == nullptr ? GroupState::dead : found->state();
  }

  GroupConfig config;
  Instant now{.wall_ms = 1'700'000'000'000, .monotonic_ms = 5'000};
  std::unique_ptr<GroupShard> shard;

 private:
  struct Batch {
    Offset offset;
    std::vector<Record> records;
  };

  void move_to(std::int64_t monotonic_ms) {
    now.wall_ms += monotonic_ms - now.monotonic_ms;
    now.monotonic_ms = monotonic_ms;
  }
  template <typename Result>
  Result take(CallId call) {
    const auto found = replies_.find(call);
    if (found == replies_.end()) {
      ADD_FAILURE() << "call " << call << " has no answer yet";
      return {};
    }
    return std::get<Result>(found->second);
  }

  CallId next_call_ = 1;
  std::set<CallId> asked_;
  std::map<CallId, std::variant<JoinResult, SyncResult, CommitResult>> replies_;
  std::vector<Batch> log_;
  Offset next_offset_ = 0;
  bool holding_ = false;
  std::deque<std::tuple<AppendId, ErrorCode, Offset>> held_;
  ErrorCode refusal_ = ErrorCode::none;
};

// No initial delay: the first join of a group is answered at once.
inline GroupConfig without_delay() {
  GroupConfig config;
  config.initial_rebalance_delay_ms = 0;
  return config;
}

inline OffsetToCommit offset_of(std::string topic, PartitionIndex partition, Offset offset, std::string metadata = "") {
  return {std::move(topic), partition, {.offset = offset, .metadata = std::move(metadata)}};
}

// A consumer's subscription, version 0.
inline std::string subscription_to(const std::vector<std::string>& topics) {
  std::string bytes("\0\0", 2);
  const auto put = [&](std::size_t value, int size) {
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  };
  put(topics.size(), 4);
  for (const std::string& topic : topics) {
    put(topic.size(), 2);
    bytes += topic;
  }
  put(0xFFFFFFFF, 4);  // no user data
  return bytes;
}

// A group of `count` dynamic members ("client-uuid…"), stable in its first joint generation. The first one leads.
inline std::vector<std::string> stable_group(TestCoordinator& c, std::size_t count = 1, const TestMember& like = {}) {
  std::vector<std::string> ids;
  std::vector<CallId> calls;
  for (std::size_t i = 0; i < count; ++i) {
    calls.push_back(c.join(like));
    // The others rejoin as soon as a rebalance begins.
    if (i == 0) ids.push_back(c.joined(calls[0]).member_id);
    for (std::size_t known = 0; i > 0 && known < ids.size(); ++known) {
      TestMember again = like;
      again.id = ids[known];
      c.join(again);
    }
    if (i > 0) ids.push_back(c.joined(calls[i]).member_id);
  }
  std::vector<std::pair<std::string, std::string>> assignments;
  for (std::size_t i = 0; i < ids.size(); ++i) assignments.emplace_back(ids[i], "assignment" + std::to_string(i));
  const std::int32_t generation = c.group().generation();
  for (std::size_t i = ids.size(); i-- > 0;) {
    c.sync(ids[i], generation, i == 0 ? assignments : std::vector<std::pair<std::string, std::string>>());
  }
  EXPECT_EQ(c.state(), GroupState::stable);
  return ids;
}

}  // namespace coordination::group

// What all steps share: states, sessions, wake-ups, applying the group's record, and views of the group.
#include "coordination/group/group.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace coordination::group {

std::string_view name(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
    case GroupState::dead:
      return "Dead";
  }
  return "";
}

Group::Group(std::string id, const GroupConfig& config, Instant now)
    : id_(std::move(id)), config_(config), state_timestamp_ms_(now.wall_ms) {}

void Group::transition(GroupState to, Instant now) {
  state_ = to;
  state_timestamp_ms_ = now.wall_ms;
}

// An instance id that someone else holds fences the request; otherwise the member must be known.
ErrorCode Group::validate_member(std::string_view member_id, std::optional<std::string_view> instance_id) const {
  if (instance_id) {
    const std::string* holder = members_.find_static(*instance_id);
    if (holder == nullptr) return ErrorCode::unknown_member_id;
    if (*holder != member_id) return ErrorCode::fenced_instance_id;
  }
  return members_.find(member_id) == nullptr ? ErrorCode::unknown_member_id : ErrorCode::none;
}

void Group::keep_session(Member& member, Instant now) {
  set_session_deadline(member, now.monotonic_ms + member.session_timeout_ms);
}

void Group::set_session_deadline(Member& member, std::int64_t deadline_ms) {
  member.session_deadline_ms = deadline_ms;
  wake_at(deadline_ms);
}

void Group::wake_at(std::int64_t monotonic_ms) {
  if (!wakeup_ms_ || monotonic_ms < *wakeup_ms_) wakeup_ms_ = monotonic_ms;
}

// Deadlines only move away between wake-ups, so one pass over the members at each wake-up is all that timers cost.
void Group::recompute_wakeup() {
  wakeup_ms_.reset();
  if (is_dead()) return;
  if (rebalance_timer_) wake_at(rebalance_timer_->deadline_ms);
  if (sync_deadline_ms_) wake_at(*sync_deadline_ms_);
  if (taken_assignment_) wake_at(taken_assignment_->deadline_ms);
  for (const auto& [id, deadline_ms] : members_.pending()) wake_at(deadline_ms);
  for (const Member& member : members_.all()) {
    if (member.session_deadline_ms) wake_at(*member.session_deadline_ms);
  }
}

void Group::timers_due(Step& step) {
  if (is_dead()) return wakeup_ms_.reset();
  const std::int64_t now = step.now().monotonic_ms;
  if (rebalance_timer_ && rebalance_timer_->deadline_ms <= now) rebalance_timer_due(step);
  if (taken_assignment_ && taken_assignment_->deadline_ms <= now) store_assignment(step);
  if (sync_deadline_ms_ && *sync_deadline_ms_ <= now) sync_timer_due(step);

  std::vector<std::string> expired;
  for (const auto& [id, deadline_ms] : members_.pending()) {
    if (deadline_ms <= now) expired.push_back(id);
  }
  for (const std::string& id : expired) remove_and_rebalance(id, "", step);

  expired.clear();
  for (Member& member : members_.all()) {
    if (!member.session_deadline_ms || *member.session_deadline_ms > now) continue;
    // Who waits for us need not send heartbeats. Its session goes on when it gets its answer.
    if (!member.is_new && (member.parked_join || member.parked_sync)) {
      member.session_deadline_ms.reset();
    } else {
      expired.push_back(member.id);
    }
  }
  for (const std::string& id : expired) {
    spdlog::info("Group {}: member {} sent no heartbeat within its session timeout and is removed", id_, id);
    remove_and_rebalance(id, "a member's session expired", step);
  }
  recompute_wakeup();
}

void Group::append_finished(AppendId append, ErrorCode error, Offset batch_offset, Step& step) {
  auto node = pending_appends_.extract(append);
  if (node.empty()) return;
  PendingAppend& pending = node.mapped();
  if (auto* assignment = std::get_if<StoringAssignment>(&pending)) return finish(*assignment, error, step);
  if (auto* static_member = std::get_if<StoringStaticMember>(&pending)) return finish(*static_member, error, step);
  if (auto* offsets = std::get_if<StoringOffsets>(&pending)) return finish(*offsets, error, batch_offset, step);
  if (error != ErrorCode::none) {
    // The log still shows the former members. They would time out after a restart; nothing is lost.
    spdlog::warn("Group {}: that it is empty could not be written: {}", id_, protocol::name(error));
  }
}

void Group::unload(Step& step) {
  for (Member& member : members_.all()) {
    if (const auto call = members_.take_join(member)) {
      step.reply(*call, JoinResult{.error = ErrorCode::not_coordinator, .member_id = member.id});
    }
    if (const auto call = std::exchange(member.parked_sync, std::nullopt)) {
      step.reply(*call, SyncResult{.error = ErrorCode::not_coordinator});
    }
  }
  transition(GroupState::dead, step.now());
  for (auto& [append, pending] : std::exchange(pending_appends_, {})) {
    if (auto* offsets = std::get_if<StoringOffsets>(&pending)) {
      finish(*offsets, ErrorCode::not_leader_or_follower, -1, step);
    }
  }
  rebalance_timer_.reset();
  sync_deadline_ms_.reset();
  taken_assignment_.reset();
  wakeup_ms_.reset();
}

GroupRecord Group::to_record() const {
  GroupRecord record{.protocol_type = protocol_type_.value_or(""),
                     .generation = generation_,
                     .protocol = protocol_,
                     .state_timestamp_ms = state_timestamp_ms_};
  if (!members_.leader_id().empty()) record.leader = members_.leader_id();
  record.members.reserve(members_.size());
  for (const Member& member : members_.all()) {
    record.members.push_back({.member_id = member.id,
                              .instance_id = member.instance_id,
                              .client_id = member.client_id,
                              .client_host = member.client_host,
                              .rebalance_timeout_ms = member.rebalance_timeout_ms,
                              .session_timeout_ms = member.session_timeout_ms,
                              .subscription = member.metadata(protocol_.value_or("")),
                              .assignment = member.assignment});
  }
  return record;
}

void Group::apply(GroupRecord record, Instant now) {
  // The record that ends a running rebalance is about the members we have. Any other one comes from the log at load,
  // and replaces what earlier ones said.
  const bool ends_rebalance = state_ == GroupState::completing_rebalance && generation_ == record.generation;
  if (!ends_rebalance) members_ = Members();
  for (GroupRecordMember& stored : record.members) {
    Member* member = members_.find(stored.member_id);
    if (member == nullptr) {
      if (stored.instance_id && members_.find_static(*stored.instance_id) != nullptr) stored.instance_id.reset();
      member = &members_.add({.id = std::move(stored.member_id),
                              .instance_id = std::move(stored.instance_id),
                              .client_id = std::move(stored.client_id),
                              .client_host = std::move(stored.client_host),
                              .session_timeout_ms = stored.session_timeout_ms,
                              .rebalance_timeout_ms = stored.rebalance_timeout_ms,
                              .protocols = {{record.protocol.value_or(""), std::move(stored.subscription)}}});
    }
    member->assignment = std::move(stored.assignment);
  }
  generation_ = record.generation;
  protocol_ = std::move(record.protocol);
  protocol_type_.reset();
  if (!record.protocol_type.empty()) protocol_type_ = std::move(record.protocol_type);
  if (record.leader && members_.find(*record.leader) != nullptr) members_.set_leader(*record.leader);
  transition(members_.empty() ? GroupState::empty : GroupState::stable, now);
  if (!ends_rebalance) {
    state_timestamp_ms_ = record.state_timestamp_ms;
    recompute_subscriptions();
  }
}

void Group::apply_tombstone(Instant now) {
  members_ = Members();
  generation_ = 0;
  protocol_.reset();
  protocol_type_.reset();
  subscriptions_.reset();
  transition(GroupState::empty, now);
}

void Group::start(Step& step) {
  if (members_.size() > static_cast<std::size_t>(config_.max_size)) {
    prepare_rebalance("the loaded group is larger than group.max.size", step);
  }
  for (Member& member : members_.all()) keep_session(member, step.now());
}

void Group::recompute_subscriptions() {
  subscriptions_.reset();
  if (!is_consumer_group()) return;
  std::set<std::string, std::less<>> topics;
  for (const Member& member : members_.all()) {
    auto subscribed = subscribed_topics(member.metadata(protocol_.value_or("")));
    if (!subscribed) return;
    for (std::string& topic : *subscribed) topics.insert(std::move(topic));
  }
  subscriptions_ = std::move(topics);
}

GroupDescription Group::describe() const {
  GroupDescription description{.exists = true, .state = name(state_), .protocol_type = protocol_type_.value_or("")};
  const bool is_stable = state_ == GroupState::stable;
  if (is_stable) description.protocol = protocol_.value_or("");
  for (const Member& member : members_.all()) {
    DescribedMember described{.member_id = member.id,
                              .instance_id = member.instance_id,
                              .client_id = member.client_id,
                              .client_host = member.client_host};
    if (is_stable) {
      described.metadata = member.metadata(description.protocol);
      described.assignment = member.assignment;
    }
    description.members.push_back(std::move(described));
  }
  return description;
}

GroupOverview Group::overview() const { return {id_, protocol_type_.value_or(""), name(state_)}; }

}  // namespace coordination::group

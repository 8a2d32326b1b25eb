// SyncGroup and Heartbeat: how the leader's assignment reaches the members, and how members stay members.
#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "coordination/group/append_errors.h"
#include "coordination/group/group.h"

namespace coordination::group {

ErrorCode Group::validate_sync(const SyncCall& request) const {
  if (is_dead()) return ErrorCode::coordinator_not_available;
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  if (request.protocol_type && protocol_type_ != *request.protocol_type) return ErrorCode::inconsistent_group_protocol;
  if (request.protocol_name && protocol_ != *request.protocol_name) return ErrorCode::inconsistent_group_protocol;
  return ErrorCode::none;
}

void Group::sync(CallId call, const SyncCall& request, Step& step) {
  const ErrorCode error = validate_sync(request);
  if (error != ErrorCode::none) return step.reply(call, SyncResult{.error = error});
  Member& member = *members_.find(request.member_id);
  switch (state_) {
    case GroupState::empty:
    case GroupState::dead:
      return step.reply(call, SyncResult{.error = ErrorCode::unknown_member_id});
    case GroupState::preparing_rebalance:
      return step.reply(call, SyncResult{.error = ErrorCode::rebalance_in_progress});
    case GroupState::completing_rebalance:
      if (const auto superseded = std::exchange(member.parked_sync, call)) {
        step.reply(*superseded, SyncResult{.error = ErrorCode::rebalance_in_progress});
      }
      members_.sync_received(member);
      if (members_.is_leader(member.id)) take_assignment(request, step);
      break;
    case GroupState::stable:
      members_.sync_received(member);
      step.reply(
          call,
          SyncResult{.protocol_type = protocol_type_, .protocol_name = protocol_, .assignment = member.assignment});
      keep_session(member, step.now());
      break;
  }
  if (!members_.all_synced()) return;
  sync_deadline_ms_.reset();
  if (taken_assignment_) store_assignment(step);
}

void Group::take_assignment(const SyncCall& request, Step& step) {
  // The first is what members will get; a repeated request of the leader waits with them.
  if (taken_assignment_ || storing_assignment_) return;
  const std::int64_t deadline_ms = step.now().monotonic_ms + config_.follower_sync_wait_ms;
  taken_assignment_ = TakenAssignment{.of_member = {}, .deadline_ms = deadline_ms};
  for (const MemberAssignment& assignment : request.assignments) {
    taken_assignment_->of_member.insert_or_assign(std::string(assignment.member_id), assignment.assignment);
  }
  if (config_.follower_sync_wait_ms == 0) return store_assignment(step);
  wake_at(deadline_ms);
}

void Group::store_assignment(Step& step) {
  storing_assignment_ = true;
  GroupRecord record = to_record();
  for (GroupRecordMember& member : record.members) {
    const auto assigned = taken_assignment_->of_member.find(member.member_id);
    member.assignment = assigned == taken_assignment_->of_member.end() ? std::string() : std::move(assigned->second);
  }
  taken_assignment_.reset();
  const AppendId append = step.append({group_record(id_, record)});
  pending_appends_.emplace(append, StoringAssignment{std::move(record)});
}

void Group::finish(StoringAssignment& stored, ErrorCode error, Step& step) {
  // Another rebalance may have begun; its own record follows.
  if (state_ != GroupState::completing_rebalance || stored.record.generation != generation_) return;
  storing_assignment_ = false;
  if (error == ErrorCode::none) {
    apply(std::move(stored.record), step.now());
    return answer_syncs(ErrorCode::none, step);
  }
  const ErrorCode code = group_store_error(error);
  spdlog::warn("Group {}: the assignment of generation {} could not be written: {}", id_, generation_,
               protocol::name(error));
  for (Member& member : members_.all()) member.assignment.clear();
  answer_syncs(code, step);
  rebalance_if_possible("the assignment could not be written", step);
}

void Group::answer_syncs(ErrorCode error, Step& step) {
  for (Member& member : members_.all()) {
    const auto call = std::exchange(member.parked_sync, std::nullopt);
    if (!call) continue;
    SyncResult result{.error = error};
    if (error == ErrorCode::none) {
      result.protocol_type = protocol_type_;
      result.protocol_name = protocol_;
      result.assignment = member.assignment;
    }
    step.reply(*call, std::move(result));
    // Its session didn't run while it waited.
    keep_session(member, step.now());
  }
}

ErrorCode Group::heartbeat(const HeartbeatCall& request, Instant now) {
  if (is_dead()) return ErrorCode::coordinator_not_available;
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  if (state_ == GroupState::empty) return ErrorCode::unknown_member_id;
  keep_session(*members_.find(request.member_id), now);
  return state_ == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress : ErrorCode::none;
}

}  // namespace coordination::group

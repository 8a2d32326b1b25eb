// JoinGroup: who may join, under which id, and whether that starts a rebalance.
#include <spdlog/spdlog.h>

#include <utility>

#include "coordination/group/append_errors.h"
#include "coordination/group/group.h"

namespace coordination::group {
namespace {

JoinResult refusal(ErrorCode error, std::string_view member_id = {}) {
  return {.error = error, .member_id = std::string(member_id)};
}

std::string make_member_id(const JoinCall& request) {
  std::string id(request.instance_id.value_or(request.client_id));
  id += '-';
  id += request.fresh_uuid;
  return id;
}

}  // namespace

void Group::join(CallId call, const JoinCall& request, Step& step) {
  if (!accepts(request.member_id)) {
    members_.remove(request.member_id);
    step.reply(call, refusal(ErrorCode::group_max_size_reached));
  } else if (is_dead()) {
    step.reply(call, refusal(ErrorCode::coordinator_not_available, request.member_id));
  } else if (!supports(request)) {
    step.reply(call, refusal(ErrorCode::inconsistent_group_protocol, request.member_id));
  } else if (request.member_id.empty()) {
    join_as_new(call, request, step);
  } else {
    join_as_known(call, request, step);
  }
  complete_join_if_all_joined(step);
}

// While members gather, those that wait count: a group that became too large loses the ones that come last.
bool Group::accepts(std::string_view member_id) const {
  const auto max_size = static_cast<std::size_t>(config_.max_size);
  const Member* member = members_.find(member_id);
  switch (state_) {
    case GroupState::empty:
    case GroupState::dead:
      return true;
    case GroupState::preparing_rebalance:
      return (member != nullptr && member->parked_join) || members_.parked_joins() < max_size;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      return member != nullptr || members_.size() < max_size;
  }
  return false;
}

bool Group::supports(const JoinCall& request) const {
  if (state_ == GroupState::empty) return !request.protocol_type.empty() && !request.protocols.empty();
  return protocol_type_ == request.protocol_type && members_.support_any(request.protocols);
}

void Group::join_as_new(CallId call, const JoinCall& request, Step& step) {
  std::string new_id = make_member_id(request);
  if (request.instance_id) {
    if (const std::string* holder = members_.find_static(*request.instance_id)) {
      return replace_static_member(call, request, std::string(*holder), std::move(new_id), step);
    }
  } else if (request.requires_known_member_id) {
    // The member joins again with this id. So a client whose first answer got lost leaves no dead member behind.
    step.reply(call, refusal(ErrorCode::member_id_required, new_id));
    const std::int64_t deadline_ms = step.now().monotonic_ms + request.session_timeout_ms;
    members_.add_pending(std::move(new_id), deadline_ms);
    return wake_at(deadline_ms);
  }
  add_member(call, request, std::move(new_id), step);
}

void Group::join_as_known(CallId call, const JoinCall& request, Step& step) {
  if (members_.is_pending(request.member_id)) {
    // Pending ids are given to dynamic members only; Kafka gives up on such a request in the same way.
    if (request.instance_id) return step.reply(call, refusal(ErrorCode::unknown_server_error));
    return add_member(call, request, std::string(request.member_id), step);
  }
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return step.reply(call, refusal(error, request.member_id));
  rejoin(call, request, *members_.find(request.member_id), step);
}

void Group::rejoin(CallId call, const JoinCall& request, Member& member, Step& step) {
  switch (state_) {
    case GroupState::preparing_rebalance:
      return update_member(call, request, member, step);
    case GroupState::completing_rebalance:
      // With the same metadata it has only missed our answer.
      if (member.protocols == request.protocols) {
        return step.reply(call, join_result(member, members_.is_leader(member.id)));
      }
      update_member(call, request, member, step);
      return rebalance_if_possible("a member changed its metadata", step);
    case GroupState::stable:
      return rejoin_stable(call, request, member, step);
    case GroupState::empty:
    case GroupState::dead:
      return step.reply(call, refusal(ErrorCode::unknown_member_id, request.member_id));
  }
}

void Group::rejoin_stable(CallId call, const JoinCall& request, Member& member, Step& step) {
  // The leader may have reasons that don't show in its metadata, such as a topic with more partitions.
  const bool is_leader = members_.is_leader(member.id);
  if (!is_leader && member.protocols == request.protocols) return step.reply(call, join_result(member, false));
  update_member(call, request, member, step);
  rebalance_if_possible(is_leader ? "the leader joined again" : "a member changed its metadata", step);
}

void Group::add_member(CallId call, const JoinCall& request, std::string member_id, Step& step) {
  if (state_ == GroupState::preparing_rebalance && generation_ == 0) member_added_ = true;
  if (members_.empty()) protocol_type_ = request.protocol_type;
  std::optional<std::string> instance_id;
  if (request.instance_id) instance_id = *request.instance_id;
  Member& member = members_.add({.id = std::move(member_id),
                                 .instance_id = std::move(instance_id),
                                 .client_id = std::string(request.client_id),
                                 .client_host = std::string(request.client_host),
                                 .session_timeout_ms = request.session_timeout_ms,
                                 .rebalance_timeout_ms = request.rebalance_timeout_ms,
                                 .protocols = request.protocols,
                                 .is_new = true});
  members_.park_join(member, call);
  // A new member can't send heartbeats before it has its answer, so its session timeout doesn't apply yet. If its
  // client has gone, this ends the wait.
  set_session_deadline(member, step.now().monotonic_ms + new_member_join_timeout_ms);
  rebalance_if_possible("a member joined", step);
}

void Group::update_member(CallId call, const JoinCall& request, Member& member, Step& step) {
  // A call that the same member made before, on another connection: only the newest is answered with the generation.
  if (const auto superseded = members_.take_join(member)) {
    step.reply(*superseded, refusal(ErrorCode::rebalance_in_progress, member.id));
  }
  members_.set_protocols(member, request.protocols);
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  members_.park_join(member, call);
}

void Group::replace_static_member(CallId call, const JoinCall& request, std::string old_id, std::string new_id,
                                  Step& step) {
  StoringStaticMember storing{.call = call,
                              .instance_id = std::string(*request.instance_id),
                              .new_id = std::move(new_id),
                              .old_id = std::move(old_id),
                              .old_leader_id = members_.leader_id(),
                              .supports_skip_assignment = request.supports_skip_assignment};
  Member& member = *members_.find(storing.old_id);
  if (const auto parked = members_.take_join(member)) {
    step.reply(*parked, refusal(ErrorCode::fenced_instance_id, storing.old_id));
  }
  if (const auto parked = std::exchange(member.parked_sync, std::nullopt)) {
    step.reply(*parked, SyncResult{.error = ErrorCode::fenced_instance_id});
  }
  members_.rename(member, storing.new_id);
  update_member(call, request, member, step);
  keep_session(member, step.now());

  if (state_ == GroupState::stable && protocol_ == members_.select_protocol()) {
    store_static_member(std::move(storing), step);
  } else {
    // In CompletingRebalance the leader may be assigning to the old id already.
    rebalance_if_possible("a static member came back", step);
  }
}

// The assignment stays as it is, so the group goes on without a rebalance once the new id is in the log.
void Group::store_static_member(StoringStaticMember storing, Step& step) {
  const AppendId append = step.append({group_record(id_, to_record())});
  pending_appends_.emplace(append, std::move(storing));
}

void Group::finish(const StoringStaticMember& stored, ErrorCode error, Step& step) {
  Member* member = members_.find(stored.new_id);
  const bool still_waits = member != nullptr && member->parked_join == stored.call;
  // If a rebalance began meanwhile, the member takes part in it and is answered at its end.
  if (!still_waits || state_ != GroupState::stable) return;
  members_.take_join(*member);
  if (error != ErrorCode::none) {
    const ErrorCode code = group_store_error(error);
    members_.rename(*member, stored.old_id);
    keep_session(*member, step.now());
    JoinResult result = join_result(*member, false);
    result.error = code;
    result.member_id.clear();
    result.leader_id = stored.old_leader_id;
    return step.reply(stored.call, std::move(result));
  }
  const bool is_leader = members_.is_leader(member->id);
  JoinResult result = join_result(*member, stored.supports_skip_assignment && is_leader);
  if (stored.supports_skip_assignment) {
    result.skip_assignment = is_leader;
  } else {
    // Seeing an id other than its own as the leader's keeps an old client from assigning: a stable group would
    // ignore what it sends.
    result.leader_id = stored.old_leader_id;
  }
  step.reply(stored.call, std::move(result));
}

JoinResult Group::join_result(const Member& member, bool with_members) const {
  JoinResult result{.member_id = member.id,
                    .generation = generation_,
                    .protocol_type = protocol_type_,
                    .protocol_name = protocol_,
                    .leader_id = members_.leader_id()};
  if (!with_members) return result;
  result.members.reserve(members_.size());
  for (const Member& other : members_.all()) {
    result.members.push_back({other.id, other.instance_id, other.metadata(protocol_.value_or(""))});
  }
  return result;
}

}  // namespace coordination::group

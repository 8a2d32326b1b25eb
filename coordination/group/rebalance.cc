// The rebalance itself: gathering members, starting a generation, and what its two timers do.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "coordination/group/group.h"

namespace coordination::group {
namespace {

// Static members that all stay away keep a rebalance waiting until their sessions expire. The time between two looks at
// them has a lower bound, whatever rebalance timeout they asked for.
constexpr std::int64_t min_retry_ms = 100;

// A record from elsewhere may hold the last one there is.
std::int32_t next_generation(std::int32_t generation) {
  return generation == std::numeric_limits<std::int32_t>::max() ? 1 : generation + 1;
}

}  // namespace

void Group::rebalance_if_possible(std::string_view reason, Step& step) {
  const bool is_possible =
      state_ == GroupState::stable || state_ == GroupState::completing_rebalance || state_ == GroupState::empty;
  if (is_possible) prepare_rebalance(reason, step);
}

void Group::prepare_rebalance(std::string_view reason, Step& step) {
  if (state_ == GroupState::completing_rebalance) {
    for (Member& member : members_.all()) member.assignment.clear();
    answer_syncs(ErrorCode::rebalance_in_progress, step);
  }
  members_.expect_no_sync();
  sync_deadline_ms_.reset();
  taken_assignment_.reset();
  storing_assignment_ = false;
  spdlog::debug("Group {}: rebalance after generation {}: {}", id_, generation_, reason);

  const std::int64_t now = step.now().monotonic_ms;
  const std::int64_t timeout_ms = members_.max_rebalance_timeout_ms();
  if (state_ == GroupState::empty) {
    const std::int64_t delay_ms = config_.initial_rebalance_delay_ms;
    rebalance_timer_ = {.deadline_ms = now + delay_ms,
                        .is_initial = true,
                        .delay_ms = delay_ms,
                        .remaining_ms = std::max<std::int64_t>(timeout_ms - delay_ms, 0)};
  } else {
    rebalance_timer_ = {.deadline_ms = now + timeout_ms};
  }
  transition(GroupState::preparing_rebalance, step.now());
  // Nobody is left who could be waited for, or nobody wants to wait.
  if (rebalance_timer_->deadline_ms <= now) return complete_join(step);
  wake_at(rebalance_timer_->deadline_ms);
  complete_join_if_all_joined(step);
}

void Group::complete_join_if_all_joined(Step& step) {
  if (state_ != GroupState::preparing_rebalance || !rebalance_timer_ || rebalance_timer_->is_initial) return;
  if (members_.all_joined()) complete_join(step);
}

// A new group waits a little for the rest of its members, and as long again whenever one came.
void Group::rebalance_timer_due(Step& step) {
  RebalanceTimer& timer = *rebalance_timer_;
  const std::int64_t delay_ms = std::min<std::int64_t>(config_.initial_rebalance_delay_ms, timer.remaining_ms);
  if (!timer.is_initial || !std::exchange(member_added_, false) || delay_ms <= 0) return complete_join(step);
  timer = {.deadline_ms = step.now().monotonic_ms + delay_ms,
           .is_initial = true,
           .delay_ms = delay_ms,
           .remaining_ms = std::max<std::int64_t>(timer.remaining_ms - timer.delay_ms, 0)};
  wake_at(timer.deadline_ms);
}

void Group::complete_join(Step& step) {
  rebalance_timer_.reset();
  member_added_ = false;
  drop_absent_members(step);
  if (!members_.empty() && !members_.elect_joined_leader()) {
    // Only static members are left, and none came: wait until they come or their sessions expire.
    const std::int64_t wait_ms = std::max<std::int64_t>(members_.max_rebalance_timeout_ms(), min_retry_ms);
    rebalance_timer_ = {.deadline_ms = step.now().monotonic_ms + wait_ms};
    return wake_at(rebalance_timer_->deadline_ms);
  }
  start_generation(step);
}

void Group::drop_absent_members(Step& step) {
  std::vector<std::string> absent;
  for (const Member& member : members_.all()) {
    if (!member.parked_join && !member.is_static()) absent.push_back(member.id);
  }
  for (const std::string& id : absent) {
    spdlog::info("Group {}: member {} did not rejoin within the rebalance timeout and is removed", id_, id);
    remove_member(id, ErrorCode::unknown_member_id, step);
  }
}

void Group::start_generation(Step& step) {
  generation_ = next_generation(generation_);
  members_.expect_no_sync();
  if (members_.empty()) {
    protocol_.reset();
    recompute_subscriptions();
    transition(GroupState::empty, step.now());
    spdlog::info("Group {}: generation {} is empty", id_, generation_);
    pending_appends_.emplace(step.append({group_record(id_, to_record())}), StoringEmptyGroup{});
    return;
  }
  protocol_ = members_.select_protocol();
  recompute_subscriptions();
  transition(GroupState::completing_rebalance, step.now());
  spdlog::info("Group {}: generation {} has {} member(s)", id_, generation_, members_.size());
  // The leader last, so that its followers ask for their assignments before it has made them: a cooperative leader
  // joins again as soon as it has its own, and whoever comes after that has missed the generation.
  for (const bool leaders_turn : {false, true}) {
    for (Member& member : members_.all()) {
      if (members_.is_leader(member.id) != leaders_turn) continue;
      if (const auto call = members_.take_join(member)) step.reply(*call, join_result(member, leaders_turn));
      member.is_new = false;
      keep_session(member, step.now());
      members_.expect_sync(member);
    }
  }
  sync_deadline_ms_ = step.now().monotonic_ms + members_.max_rebalance_timeout_ms();
  wake_at(*sync_deadline_ms_);
}

// Members that took their generation but never asked for their assignment hold up nobody for longer than this.
void Group::sync_timer_due(Step& step) {
  sync_deadline_ms_.reset();
  const bool awaits_syncs = state_ == GroupState::completing_rebalance || state_ == GroupState::stable;
  if (!awaits_syncs || members_.all_synced()) return;
  std::vector<std::string> silent;
  for (const Member& member : members_.all()) {
    if (member.owes_sync) silent.push_back(member.id);
  }
  for (const std::string& id : silent) {
    spdlog::info("Group {}: member {} did not sync within the rebalance timeout and is removed", id_, id);
    remove_member(id, ErrorCode::unknown_member_id, step);
  }
  prepare_rebalance("members did not sync in time", step);
}

void Group::remove_member(std::string_view member_id, ErrorCode answer, Step& step) {
  const std::optional<Member> removed = members_.remove(member_id);
  if (!removed) return;
  // An empty id makes the client join anew.
  if (removed->parked_join) step.reply(*removed->parked_join, JoinResult{.error = answer});
  if (removed->parked_sync) step.reply(*removed->parked_sync, SyncResult{.error = answer});
}

void Group::remove_and_rebalance(std::string_view member_id, std::string_view reason, Step& step) {
  const bool was_pending = members_.is_pending(member_id);
  remove_member(member_id, ErrorCode::unknown_member_id, step);
  if (state_ == GroupState::preparing_rebalance) {
    complete_join_if_all_joined(step);
  } else if (state_ != GroupState::empty && !was_pending) {
    rebalance_if_possible(reason, step);
  }
}

LeaveResult Group::leave(std::span<const LeavingMember> leaving, Step& step) {
  LeaveResult result;
  if (is_dead()) {
    result.error = ErrorCode::coordinator_not_available;
    return result;
  }
  for (const LeavingMember& member : leaving) {
    std::string id(member.member_id);
    ErrorCode error = ErrorCode::none;
    if (id.empty()) {
      // By instance id alone: an administrator removes a static member.
      const std::string* holder = member.instance_id ? members_.find_static(*member.instance_id) : nullptr;
      if (holder != nullptr) id = *holder;
      if (holder == nullptr) error = ErrorCode::unknown_member_id;
    } else if (!members_.is_pending(id)) {
      error = validate_member(id, member.instance_id);
    }
    if (error == ErrorCode::none) remove_and_rebalance(id, "a member left", step);
    result.members.push_back(error);
  }
  return result;
}

}  // namespace coordination::group

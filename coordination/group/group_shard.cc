#include "coordination/group/group_shard.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace coordination::group {
namespace {

void append_to(Effects& all, Effects more) {
  std::ranges::move(more.replies, std::back_inserter(all.replies));
  std::ranges::move(more.appends, std::back_inserter(all.appends));
}

}  // namespace

ErrorCode GroupShard::status(std::string_view group_id, bool empty_id_allowed) const {
  if (group_id.empty() && !empty_id_allowed) return ErrorCode::invalid_group_id;
  switch (state_) {
    case ShardState::inactive:
      return ErrorCode::not_coordinator;
    case ShardState::loading:
      return ErrorCode::coordinator_load_in_progress;
    case ShardState::active:
      return ErrorCode::none;
  }
  return ErrorCode::not_coordinator;
}

std::shared_ptr<Group> GroupShard::lookup(std::string_view group_id) const {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second;
}

const Group* GroupShard::find(std::string_view group_id) const { return lookup(group_id).get(); }

std::shared_ptr<Group> GroupShard::find_or_create(std::string_view group_id, Instant now) {
  if (auto group = lookup(group_id)) return group;
  auto group = std::make_shared<Group>(std::string(group_id), config_, now);
  groups_.emplace(group->id(), group);
  return group;
}

Effects GroupShard::conclude(const std::shared_ptr<Group>& group, Step& step) {
  Effects effects = step.take_effects();
  for (const Append& append : effects.appends) {
    if (append.id) appending_.emplace(*append.id, group);
  }
  if (group->is_dead()) {
    erase(group);
  } else {
    schedule(*group);
  }
  return effects;
}

void GroupShard::schedule(Group& group) {
  const auto scheduled = scheduled_.find(&group);
  const std::optional<std::int64_t> wakeup = group.wakeup_ms();
  if (scheduled != scheduled_.end()) {
    if (wakeup == scheduled->second) return;
    wakeups_.erase({scheduled->second, &group});
    scheduled_.erase(scheduled);
  }
  if (!wakeup) return;
  wakeups_.emplace(*wakeup, &group);
  scheduled_.emplace(&group, *wakeup);
}

void GroupShard::erase(const std::shared_ptr<Group>& group) {
  if (const auto scheduled = scheduled_.find(group.get()); scheduled != scheduled_.end()) {
    wakeups_.erase({scheduled->second, group.get()});
    scheduled_.erase(scheduled);
  }
  const auto found = groups_.find(group->id());
  if (found != groups_.end() && found->second == group) groups_.erase(found);
}

std::optional<std::int64_t> GroupShard::wakeup_ms() const {
  return wakeups_.empty() ? std::nullopt : std::optional(wakeups_.begin()->first);
}

Effects GroupShard::join(CallId call, const JoinCall& request, Instant now) {
  Step step(now, next_append_id_);
  const auto refuse = [&](ErrorCode error) {
    step.reply(call, JoinResult{.error = error, .member_id = std::string(request.member_id)});
    return step.take_effects();
  };
  const ErrorCode error = status(request.group_id, false);
  if (error != ErrorCode::none) return refuse(error);
  if (request.session_timeout_ms < config_.min_session_timeout_ms ||
      request.session_timeout_ms > config_.max_session_timeout_ms) {
    return refuse(ErrorCode::invalid_session_timeout);
  }
  const auto group = request.member_id.empty() ? find_or_create(request.group_id, now) : lookup(request.group_id);
  if (!group) return refuse(ErrorCode::unknown_member_id);
  group->join(call, request, step);
  return conclude(group, step);
}

Effects GroupShard::sync(CallId call, const SyncCall& request, Instant now) {
  Step step(now, next_append_id_);
  ErrorCode error = status(request.group_id, false);
  // The rebalance under way was lost with the former coordinator, and old clients don't expect the honest code here.
  if (error == ErrorCode::coordinator_load_in_progress) error = ErrorCode::rebalance_in_progress;
  const auto group = error == ErrorCode::none ? lookup(request.group_id) : nullptr;
  if (error == ErrorCode::none && !group) error = ErrorCode::unknown_member_id;
  if (error != ErrorCode::none) {
    step.reply(call, SyncResult{.error = error});
    return step.take_effects();
  }
  group->sync(call, request, step);
  return conclude(group, step);
}

ErrorCode GroupShard::heartbeat(const HeartbeatCall& request, Instant now) {
  const ErrorCode error = status(request.group_id, false);
  // Members stay calm while the group is loaded; they get fresh sessions then.
  if (error == ErrorCode::coordinator_load_in_progress) return ErrorCode::none;
  if (error != ErrorCode::none) return error;
  const auto group = groups_.find(request.group_id);
  if (group == groups_.end()) return ErrorCode::unknown_member_id;
  const ErrorCode answer = group->second->heartbeat(request, now);
  schedule(*group->second);
  return answer;
}

Effects GroupShard::commit(CallId call, CommitCall request, Instant now) {
  Step step(now, next_append_id_);
  ErrorCode error = status(request.group_id, true);
  std::shared_ptr<Group> group;
  if (error == ErrorCode::none) {
    group = request.generation < 0 ? find_or_create(request.group_id, now) : lookup(request.group_id);
    if (!group) error = ErrorCode::illegal_generation;
  }
  if (error != ErrorCode::none) {
    step.reply(call, CommitResult{std::vector<ErrorCode>(request.offsets.size(), error)});
    return step.take_effects();
  }
  group->commit(call, std::move(request), step);
  return conclude(group, step);
}

FetchOffsetsResult GroupShard::fetch_offsets(const FetchOffsetsCall& request) const {
  const ErrorCode error = status(request.group_id, true);
  if (error != ErrorCode::none) return {.error = error, .topics = {}};
  const auto group = lookup(request.group_id);
  if (group) return group->fetch_offsets(request);
  return Group(std::string(request.group_id), config_, Instant{}).fetch_offsets(request);
}

GroupDescription GroupShard::describe(std::string_view group_id) const {
  const ErrorCode error = status(group_id, true);
  if (error != ErrorCode::none) return {.error = error};
  const auto group = lookup(group_id);
  return group ? group->describe() : GroupDescription{.state = name(GroupState::dead)};
}

std::vector<GroupOverview> GroupShard::list() const {
  std::vector<GroupOverview> overviews;
  overviews.reserve(groups_.size());
  for (const auto& [id, group] : groups_) overviews.push_back(group->overview());
  return overviews;
}

std::pair<LeaveResult, Effects> GroupShard::leave(std::string_view group_id, std::span<const LeavingMember> leaving,
                                                  Instant now) {
  LeaveResult result{.error = status(group_id, false)};
  if (result.error != ErrorCode::none) return {result, {}};
  const auto group = lookup(group_id);
  if (!group) {
    result.members.assign(leaving.size(), ErrorCode::unknown_member_id);
    return {result, {}};
  }
  Step step(now, next_append_id_);
  result = group->leave(leaving, step);
  return {std::move(result), conclude(group, step)};
}

std::pair<DeleteOffsetsResult, Effects> GroupShard::delete_offsets(std::string_view group_id,
                                                                   std::span<const TopicPartitions> topics,
                                                                   Instant now) {
  DeleteOffsetsResult result{.error = status(group_id, false)};
  const auto group = result.error == ErrorCode::none ? lookup(group_id) : nullptr;
  if (result.error == ErrorCode::none && !group) result.error = ErrorCode::group_id_not_found;
  if (result.error != ErrorCode::none) return {result, {}};
  Step step(now, next_append_id_);
  result = group->delete_offsets(topics, step);
  return {std::move(result), conclude(group, step)};
}

std::pair<ErrorCode, Effects> GroupShard::remove(std::string_view group_id, Instant now) {
  ErrorCode error = status(group_id, true);
  const auto group = error == ErrorCode::none ? lookup(group_id) : nullptr;
  if (error == ErrorCode::none && !group) error = ErrorCode::group_id_not_found;
  if (error != ErrorCode::none) return {error, {}};
  Step step(now, next_append_id_);
  error = group->remove(step);
  return {error, conclude(group, step)};
}

Effects GroupShard::append_finished(AppendId append, ErrorCode error, Offset batch_offset, Instant now) {
  const auto node = appending_.extract(append);
  if (node.empty()) return {};
  const std::shared_ptr<Group> group = node.mapped();
  Step step(now, next_append_id_);
  group->append_finished(append, error, batch_offset, step);
  return conclude(group, step);
}

// Each group once, so that a group whose next deadline has come already doesn't keep the others waiting.
Effects GroupShard::timers_due(Instant now) {
  std::vector<std::shared_ptr<Group>> due;
  for (const auto& [wakeup, group] : wakeups_) {
    if (wakeup > now.monotonic_ms) break;
    due.push_back(lookup(group->id()));
  }
  Effects effects;
  for (const auto& group : due) {
    Step step(now, next_append_id_);
    group->timers_due(step);
    append_to(effects, conclude(group, step));
  }
  return effects;
}

Effects GroupShard::expire_offsets(Instant now) {
  Effects effects;
  const Groups groups = groups_;
  for (const auto& [id, group] : groups) {
    Step step(now, next_append_id_);
    group->expire_offsets(step);
    append_to(effects, conclude(group, step));
  }
  return effects;
}

Effects GroupShard::forget_partitions(std::span<const protocol::TopicPartition> deleted, Instant now) {
  Effects effects;
  const Groups groups = groups_;
  for (const auto& [id, group] : groups) {
    Step step(now, next_append_id_);
    group->forget_partitions(deleted, step);
    append_to(effects, conclude(group, step));
  }
  return effects;
}

Effects GroupShard::unload(Instant now) {
  Effects effects;
  Step step(now, next_append_id_);
  for (const auto& [id, group] : groups_) group->unload(step);
  // Removed groups whose last commits are still on their way to the log.
  for (const auto& [append, group] : appending_) group->unload(step);
  appending_.clear();
  groups_.clear();
  wakeups_.clear();
  scheduled_.clear();
  open_transactions_.clear();
  state_ = ShardState::inactive;
  return step.take_effects();
}

std::size_t GroupShard::count(GroupState state) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(groups_, [&](const auto& entry) { return entry.second->state() == state; }));
}

std::size_t GroupShard::offset_count() const {
  std::size_t count = 0;
  for (const auto& [id, group] : groups_) count += group->offsets().size();
  return count;
}

}  // namespace coordination::group

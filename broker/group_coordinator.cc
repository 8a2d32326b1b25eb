#include "broker/group_coordinator.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include "broker/background.h"
#include "broker/config/broker_config.h"
#include "broker/metadata_cache.h"
#include "broker/replication/partition.h"
#include "protocol/java_string.h"
#include "protocol/topic_name.h"

namespace broker {

namespace group = coordination::group;
using group::ErrorCode;
using group::GroupShard;
using group::Instant;

namespace {

// How long a request waits for its groups to be loaded before it is told to come again.
constexpr std::int64_t load_wait_ms = 2'000;
constexpr std::int64_t longest_sleep_ms = 600'000;
// Long for a client that is about to ask for its assignment, short for a group without one of its members.
constexpr std::int32_t follower_sync_wait_ms = 50;

}  // namespace

GroupCoordinatorOptions group_coordinator_options(const BrokerConfig& config) {
  GroupCoordinatorOptions options;
  options.groups = {.min_session_timeout_ms = config.group_min_session_timeout_ms,
                    .max_session_timeout_ms = config.group_max_session_timeout_ms,
                    .max_size = config.group_max_size,
                    .initial_rebalance_delay_ms = config.group_initial_rebalance_delay_ms,
                    .offset_metadata_max_length = config.offset_metadata_max_bytes,
                    .offsets_retention_ms = config.offsets_retention_ms,
                    .follower_sync_wait_ms = follower_sync_wait_ms};
  options.log = {.commit_timeout_ms = config.offsets_commit_timeout_ms,
                 .load_buffer_size = config.offsets_load_buffer_size,
                 .compression = protocol::Compression::of(
                     static_cast<protocol::CompressionType>(config.offsets_topic_compression_codec))};
  options.default_partition_count = config.offsets_topic_num_partitions;
  options.expiry_interval_ms = config.offsets_retention_check_interval_ms;
  return options;
}

GroupCoordinator::GroupCoordinator(GroupCoordinatorOptions options, ReplicaManager& replicas, MetadataCache& metadata,
                                   BackgroundPool& background, Executor executor, const protocol::Clock& clock,
                                   std::uint64_t seed)
    : GroupCoordinator(options,
                       std::make_unique<PartitionOffsetsLog>(replicas, background, executor, clock, options.log),
                       metadata, background, executor, clock, seed) {}

GroupCoordinator::GroupCoordinator(GroupCoordinatorOptions options, std::unique_ptr<group::OffsetsLog> log,
                                   MetadataCache& metadata, BackgroundPool& background, Executor executor,
                                   const protocol::Clock& clock, std::uint64_t seed)
    : options_(options),
      metadata_(metadata),
      background_(background),
      executor_(executor),
      clock_(clock),
      log_(std::move(log)),
      stranger_(std::make_shared<CoordinatedPartition>(
          std::make_shared<ShardRunner>(-1, options_.groups, *log_, clock, [](std::int64_t) {}), *log_, background,
          clock)),
      random_(seed) {}

GroupCoordinator::~GroupCoordinator() = default;

// ---- Leadership

void GroupCoordinator::became_leader(const std::shared_ptr<Partition>& partition, protocol::LeaderEpoch epoch) {
  if (partition->id().topic == protocol::consumer_offsets_topic) became_leader(partition->id().partition, epoch);
}

void GroupCoordinator::became_leader(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch) {
  find_or_add(partition)->became_leader(epoch);
}

void GroupCoordinator::resigned(const protocol::TopicPartition& partition, protocol::LeaderEpoch) {
  if (partition.topic != protocol::consumer_offsets_topic) return;
  if (const PartitionPtr known = find(partition.partition)) known->resigned();
}

GroupCoordinator::PartitionPtr GroupCoordinator::find(protocol::PartitionIndex index) const {
  const protocol::ReaderLock lock(mutex_);
  const auto position = static_cast<std::size_t>(index);
  return index >= 0 && position < partitions_.size() ? partitions_[position] : nullptr;
}

GroupCoordinator::PartitionPtr GroupCoordinator::find_or_add(protocol::PartitionIndex index) {
  if (PartitionPtr known = find(index)) return known;
  auto shard = std::make_shared<ShardRunner>(index, options_.groups, *log_, clock_,
                                             [this](std::int64_t wakeup_ms) { wakeup_moved(wakeup_ms); });
  auto added = std::make_shared<CoordinatedPartition>(std::move(shard), *log_, background_, clock_);
  const protocol::WriterLock lock(mutex_);
  const auto position = static_cast<std::size_t>(index);
  if (partitions_.size() <= position) partitions_.resize(position + 1);
  if (!partitions_[position]) partitions_[position] = std::move(added);
  return partitions_[position];
}

std::vector<GroupCoordinator::PartitionPtr> GroupCoordinator::partitions() const {
  std::vector<PartitionPtr> known;
  const protocol::ReaderLock lock(mutex_);
  std::ranges::copy_if(partitions_, std::back_inserter(known), [](const PartitionPtr& p) { return p != nullptr; });
  return known;
}

// An existing topic's partition count holds, whatever the configuration says now.
protocol::PartitionIndex GroupCoordinator::partition_for(std::string_view group_id) const {
  std::int32_t count = partition_count_.load(std::memory_order_relaxed);
  if (count == 0) {
    const auto snapshot = metadata_.snapshot();
    const TopicMetadata* topic = snapshot->topic(protocol::consumer_offsets_topic);
    if (topic != nullptr && !topic->partitions.empty()) {
      count = static_cast<std::int32_t>(topic->partitions.size());
      partition_count_.store(count, std::memory_order_relaxed);
    }
  }
  return protocol::partition_for(group_id, count > 0 ? count : options_.default_partition_count);
}

// ---- Requests

awaitable<void> GroupCoordinator::settle(Executor executor, CancelList* cancel_list, PartitionPtr partition) {
  if (partition->is_settled()) co_return;
  Waiter waiter(executor, cancel_list);
  if (partition->settle(waiter.handle())) co_await waiter.wait_for(load_wait_ms);
}

awaitable<GroupCoordinator::PartitionPtr> GroupCoordinator::partition_of(const RequestContext& context,
                                                                         std::string_view group_id) {
  PartitionPtr partition = find(partition_for(group_id));
  if (!partition) co_return stranger_;
  if (!partition->is_settled()) co_await settle(context.executor(), context.cancel_list(), partition);
  co_return partition;
}

awaitable<group::JoinResult> GroupCoordinator::join(const RequestContext& context, group::JoinCall request) {
  const PartitionPtr partition = co_await partition_of(context, request.group_id);
  std::string uuid;
  if (request.member_id.empty()) uuid = make_uuid();
  request.fresh_uuid = uuid;
  ShardRunner& shard = partition->shard();
  const auto [id, call] = shard.calls().begin();
  shard.run([&](GroupShard& groups, Instant now) { return groups.join(id, request, now); });
  auto answer = co_await call->wait(context);
  if (answer) co_return std::get<group::JoinResult>(std::move(*answer));
  co_return group::JoinResult{.error = ErrorCode::coordinator_not_available};
}

awaitable<group::SyncResult> GroupCoordinator::sync(const RequestContext& context, group::SyncCall request) {
  const PartitionPtr partition = co_await partition_of(context, request.group_id);
  ShardRunner& shard = partition->shard();
  const auto [id, call] = shard.calls().begin();
  shard.run([&](GroupShard& groups, Instant now) { return groups.sync(id, request, now); });
  auto answer = co_await call->wait(context);
  if (answer) co_return std::get<group::SyncResult>(std::move(*answer));
  co_return group::SyncResult{.error = ErrorCode::coordinator_not_available};
}

awaitable<group::CommitResult> GroupCoordinator::commit(const RequestContext& context, group::CommitCall request) {
  const PartitionPtr partition = co_await partition_of(context, request.group_id);
  const std::size_t count = request.offsets.size();
  ShardRunner& shard = partition->shard();
  const auto [id, call] = shard.calls().begin();
  shard.run([&](GroupShard& groups, Instant now) { return groups.commit(id, std::move(request), now); });
  auto answer = co_await call->wait(context);
  if (answer) co_return std::get<group::CommitResult>(std::move(*answer));
  co_return group::CommitResult{std::vector<ErrorCode>(count, ErrorCode::coordinator_not_available)};
}

awaitable<ErrorCode> GroupCoordinator::heartbeat(const RequestContext& context, group::HeartbeatCall request) {
  const PartitionPtr partition = co_await partition_of(context, request.group_id);
  co_return partition->shard().look([&](GroupShard& groups, Instant now) { return groups.heartbeat(request, now); });
}

awaitable<group::LeaveResult> GroupCoordinator::leave(const RequestContext& context, std::string_view group_id,
                                                      std::vector<group::LeavingMember> members) {
  const PartitionPtr partition = co_await partition_of(context, group_id);
  co_return partition->shard().run(
      [&](GroupShard& groups, Instant now) { return groups.leave(group_id, members, now); });
}

awaitable<group::FetchOffsetsResult> GroupCoordinator::fetch_offsets(const RequestContext& context,
                                                                     group::FetchOffsetsCall request) {
  const PartitionPtr partition = co_await partition_of(context, request.group_id);
  co_return partition->shard().look([&](GroupShard& groups, Instant) { return groups.fetch_offsets(request); });
}

awaitable<group::DeleteOffsetsResult> GroupCoordinator::delete_offsets(const RequestContext& context,
                                                                       std::string_view group_id,
                                                                       std::vector<group::TopicPartitions> topics) {
  const PartitionPtr partition = co_await partition_of(context, group_id);
  co_return partition->shard().run(
      [&](GroupShard& groups, Instant now) { return groups.delete_offsets(group_id, topics, now); });
}

awaitable<group::GroupDescription> GroupCoordinator::describe(const RequestContext& context,
                                                              std::string_view group_id) {
  const PartitionPtr partition = co_await partition_of(context, group_id);
  run_due_timers(partition->shard());
  co_return partition->shard().look([&](GroupShard& groups, Instant) { return groups.describe(group_id); });
}

awaitable<ErrorCode> GroupCoordinator::remove(const RequestContext& context, std::string_view group_id) {
  const PartitionPtr partition = co_await partition_of(context, group_id);
  run_due_timers(partition->shard());
  co_return partition->shard().run([&](GroupShard& groups, Instant now) { return groups.remove(group_id, now); });
}

awaitable<GroupCoordinator::Listing> GroupCoordinator::list(const RequestContext& context) {
  Listing listing;
  const std::vector<PartitionPtr> known = partitions();
  for (const PartitionPtr& partition : known) {
    if (!partition->is_settled()) partition->settle(WaiterHandle());
  }
  for (const PartitionPtr& partition : known) {
    co_await settle(context.executor(), context.cancel_list(), partition);
    run_due_timers(partition->shard());
    partition->shard().look([&](GroupShard& groups, Instant) {
      std::ranges::move(groups.list(), std::back_inserter(listing.groups));
      if (groups.state() == group::ShardState::loading) listing.error = ErrorCode::coordinator_load_in_progress;
      return true;
    });
  }
  co_return listing;
}

// A random UUID (version 4) as Java prints it.
std::string GroupCoordinator::make_uuid() {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  {
    const protocol::MutexLock lock(random_mutex_);
    high = random_();
    low = random_();
  }
  high = (high & ~std::uint64_t{0xF000}) | 0x4000;
  low = (low & ~(std::uint64_t{3} << 62)) | std::uint64_t{1} << 63;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFF'FFFF'FFFF);
}

// ---- Time

void GroupCoordinator::start() {
  tasks_.spawn(executor_, run_timers(), "group timers");
  tasks_.spawn(executor_, run_expiry(), "expiry of offsets");
}

void GroupCoordinator::stop() {
  for (const PartitionPtr& partition : partitions()) partition->resigned();
  boost::asio::post(executor_, [this] { cancel_list_.cancel_all(); });
  if (!tasks_.wait(5'000)) spdlog::warn("The group coordinator's tasks did not end in time");
  log_->stop();
}

void GroupCoordinator::wakeup_moved(std::int64_t wakeup_ms) {
  if (wakeup_ms >= sleeping_until_ms_.load()) return;
  const protocol::MutexLock lock(timer_mutex_);
  timer_.notify();
}

// The timers' own task may be late on a busy machine. Members' requests don't call this: one that comes just after its
// member's deadline, and before the task, still counts.
void GroupCoordinator::run_due_timers(ShardRunner& shard) const {
  if (shard.wakeup_ms() > clock_.monotonic_ms()) return;
  shard.run([](GroupShard& groups, Instant at) { return groups.timers_due(at); });
}

awaitable<void> GroupCoordinator::run_timers() {
  Waiter waiter(executor_, &cancel_list_);
  {
    const protocol::MutexLock lock(timer_mutex_);
    timer_ = waiter.handle();
  }
  Wake wake = Wake::notified;
  while (wake != Wake::cancelled) {
    waiter.rearm();
    // Whoever moves a deadline from here on wakes us up again.
    sleeping_until_ms_ = ShardRunner::never;
    const std::int64_t now = clock_.monotonic_ms();
    std::int64_t next = now + longest_sleep_ms;
    for (const PartitionPtr& partition : partitions()) {
      run_due_timers(partition->shard());
      next = std::min(next, partition->shard().wakeup_ms());
    }
    sleeping_until_ms_ = next;
    wake = co_await waiter.wait_for(std::max<std::int64_t>(next - clock_.monotonic_ms(), 1));
  }
  const protocol::MutexLock lock(timer_mutex_);
  timer_ = WaiterHandle();
}

awaitable<void> GroupCoordinator::run_expiry() {
  Waiter waiter(executor_, &cancel_list_);
  Wake wake = co_await waiter.wait_for(options_.expiry_interval_ms);
  while (wake != Wake::cancelled) {
    const auto expire = [this] { expire_offsets(); };
    co_await background_.run(expire);
    wake = co_await waiter.wait_for(options_.expiry_interval_ms);
  }
}

// Groups that nobody has asked for yet are loaded for this, and looked at the next time.
void GroupCoordinator::expire_offsets() {
  for (const PartitionPtr& partition : partitions()) {
    if (!partition->is_settled()) partition->settle(WaiterHandle());
    partition->shard().run([](GroupShard& groups, Instant now) { return groups.expire_offsets(now); });
  }
}

void GroupCoordinator::partitions_deleted(std::vector<protocol::TopicPartition> deleted) {
  if (deleted.empty() || partitions().empty()) return;
  tasks_.spawn(executor_, forget(std::move(deleted)), "forgetting offsets of deleted topics");
}

// Groups that nobody has asked for yet are loaded for this: a topic that is created anew must not inherit their
// offsets.
awaitable<void> GroupCoordinator::forget(std::vector<protocol::TopicPartition> deleted) {
  for (const PartitionPtr& partition : partitions()) {
    co_await settle(executor_, &cancel_list_, partition);
    const auto forget_all = [&deleted, &partition] {
      partition->shard().run([&](GroupShard& groups, Instant now) { return groups.forget_partitions(deleted, now); });
    };
    co_await background_.run(forget_all);
  }
}

// Groups that nobody has asked for yet are loaded for this, and counted the next time.
GroupCoordinator::Counts GroupCoordinator::counts() const {
  Counts counts;
  for (const PartitionPtr& partition : partitions()) {
    if (!partition->is_settled()) partition->settle(WaiterHandle());
    partition->shard().look([&](GroupShard& groups, Instant) {
      counts.groups += groups.group_count();
      counts.empty += groups.count(group::GroupState::empty);
      counts.preparing_rebalance += groups.count(group::GroupState::preparing_rebalance);
      counts.completing_rebalance += groups.count(group::GroupState::completing_rebalance);
      counts.stable += groups.count(group::GroupState::stable);
      counts.offsets += groups.offset_count();
      return true;
    });
  }
  return counts;
}

}  // namespace broker

#include "broker/groups/coordinated_partition.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "broker/background.h"

namespace broker {

using protocol::LeaderEpoch;

namespace {

constexpr std::int64_t retry_after_ms = 1000;

class ShardLoader final : public coordination::group::LoadVisitor {
 public:
  explicit ShardLoader(ShardRunner& shard) : shard_(shard) {}

  void batch(const std::function<void()>& give) override {
    shard_.look([&](auto& groups, auto now) {
      groups_ = &groups;
      now_ = now;
      give();
      groups_ = nullptr;
      return true;
    });
  }
  void record(protocol::Bytes key, std::optional<protocol::Bytes> value, protocol::Offset batch_offset,
              std::optional<protocol::ProducerId> transaction) override {
    groups_->load_record(key, value, batch_offset, transaction, now_);
  }
  void marker(protocol::ProducerId producer, bool committed) override { groups_->load_marker(producer, committed); }

 private:
  ShardRunner& shard_;
  ShardRunner::GroupShard* groups_ = nullptr;  // while a batch is given
  ShardRunner::Instant now_;
};

}  // namespace

void CoordinatedPartition::became_leader(LeaderEpoch epoch) {
  const protocol::MutexLock lock(mutex_);
  // A new epoch without a break changes nothing: the former one still entitles to write.
  if (leading_) return;
  leading_ = epoch;
  retry_at_ms_ = 0;
  settled_ = false;
}

void CoordinatedPartition::resigned() {
  const protocol::MutexLock lock(mutex_);
  if (!leading_) return;
  leading_.reset();
  must_unload_ = true;
  settled_ = false;
  start_work();
}

bool CoordinatedPartition::is_leading() const {
  const protocol::MutexLock lock(mutex_);
  return leading_.has_value();
}

bool CoordinatedPartition::settle(WaiterHandle waiter) {
  const protocol::MutexLock lock(mutex_);
  if (settled_ || (!working_ && !next_task())) return false;
  waiters_.push_back(std::move(waiter));
  start_work();
  return true;
}

void CoordinatedPartition::start_work() {
  if (std::exchange(working_, true)) return;
  background_.post("loading groups", [self = shared_from_this()] { self->work(); });
}

std::optional<CoordinatedPartition::Task> CoordinatedPartition::next_task() const {
  if (must_unload_) return Task::unload;
  if (leading_ && loaded_ != leading_ && clock_.monotonic_ms() >= retry_at_ms_) return Task::load;
  return std::nullopt;
}

void CoordinatedPartition::work() {
  while (true) {
    std::optional<Task> task;
    LeaderEpoch epoch = protocol::no_leader_epoch;
    std::vector<WaiterHandle> waiters;
    {
      const protocol::MutexLock lock(mutex_);
      task = next_task();
      must_unload_ = false;
      if (task == Task::unload) loaded_.reset();
      if (task == Task::load) loaded_ = leading_;
      epoch = loaded_.value_or(epoch);
      if (!task) {
        working_ = false;
        settled_ = loaded_ == leading_;
        waiters = std::exchange(waiters_, {});
      }
    }
    if (task == Task::unload) shard_->run([](auto& groups, auto now) { return groups.unload(now); });
    if (task == Task::load && !load(epoch)) load_failed(epoch);
    if (task) continue;
    for (const WaiterHandle& waiter : waiters) waiter.notify();
    return;
  }
}

bool CoordinatedPartition::load(LeaderEpoch epoch) {
  const auto start_loading = [&](auto& groups, auto) {
    groups.start_loading(epoch);
    return true;
  };
  shard_->look(start_loading);
  ShardLoader loader(*shard_);
  const auto loaded = log_.load(shard_->partition(), epoch, loader);
  if (loaded) {
    shard_->run([](auto& groups, auto now) { return groups.finish_loading(now); });
    return true;
  }
  // When leadership went, or the directory did, the replica manager tells us, and the shard is unloaded then.
  spdlog::warn("The groups of __consumer_offsets-{} could not be loaded: {}", shard_->partition(),
               loaded.error().text());
  shard_->run([](auto& groups, auto now) { return groups.unload(now); });
  shard_->look(start_loading);
  return false;
}

void CoordinatedPartition::load_failed(LeaderEpoch epoch) {
  const protocol::MutexLock lock(mutex_);
  if (loaded_ == epoch) loaded_.reset();
  retry_at_ms_ = clock_.monotonic_ms() + retry_after_ms;
}

}  // namespace broker

// Runs the steps of one group shard and carries out their effects: appends in the order of the steps, answers to the
// requests that wait, and the outcome of appends back into the shard.
//
// Any thread. The shard is reached through Owned<GroupShard>; appends are written while a step holds it, so that the
// log has the records of two steps in the order of the steps. Answers are delivered after it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "broker/groups/pending_calls.h"
#include "broker/owned.h"
#include "coordination/group/group_shard.h"
#include "coordination/group/offsets_log.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"

namespace broker {

class ShardRunner : public std::enable_shared_from_this<ShardRunner> {
 public:
  using GroupShard = coordination::group::GroupShard;
  using Instant = coordination::group::Instant;
  using Effects = coordination::group::Effects;

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  // What it is given outlives it. `wakeup_moved` is called when the next deadline came nearer, on any thread, with the
  // shard unlocked.
  ShardRunner(protocol::PartitionIndex partition, const coordination::group::GroupConfig& config,
              coordination::group::OffsetsLog& log, const protocol::Clock& clock,
              std::function<void(std::int64_t)> wakeup_moved)
      : partition_(partition), log_(log), clock_(clock), wakeup_moved_(std::move(wakeup_moved)), shard_(config) {}

  protocol::PartitionIndex partition() const { return partition_; }
  PendingCalls& calls() { return calls_; }
  // When a timer is due next, by the monotonic clock.
  std::int64_t wakeup_ms() const { return wakeup_ms_.load(std::memory_order_acquire); }

  // A step that only looks, or has no effects: step(GroupShard&, Instant) -> R.
  template <typename Step>
  auto look(Step&& step) {
    auto result = shard_.run([&](GroupShard& shard) {
      auto value = step(shard, now());
      note_wakeup(shard);
      return value;
    });
    wakeup_moved_(wakeup_ms());
    return result;
  }

  // A step with effects: step(GroupShard&, Instant) -> Effects, or pair<R, Effects>, of which R is returned.
  template <typename Step>
  auto run(Step&& step) {
    using Result = std::invoke_result_t<Step, GroupShard&, Instant>;
    if constexpr (std::is_same_v<Result, Effects>) {
      finish(shard_.run([&](GroupShard& shard) { return carry_out(shard, step(shard, now())); }));
    } else {
      auto [result, replies] = shard_.run([&](GroupShard& shard) {
        auto [value, effects] = step(shard, now());
        return std::pair(std::move(value), carry_out(shard, std::move(effects)));
      });
      finish(std::move(replies));
      return std::move(result);
    }
  }

 private:
  using Replies = std::vector<coordination::group::Reply>;
  struct Finished {
    coordination::group::AppendId append = 0;
    coordination::group::AppendOutcome outcome;
  };

  Instant now() const { return {.wall_ms = clock_.now_ms(), .monotonic_ms = clock_.monotonic_ms()}; }
  // With the shard held: writes the appends. Returns what remains to be done without it.
  Replies carry_out(GroupShard& shard, Effects effects);
  void note_wakeup(const GroupShard& shard);
  // Without the shard: answers, and tells the shard what became of appends.
  void finish(Replies replies);
  void append_finished(Finished finished) EXCLUDES(inbox_mutex_);
  std::vector<Finished> take_inbox() EXCLUDES(inbox_mutex_);

  const protocol::PartitionIndex partition_;
  coordination::group::OffsetsLog& log_;
  const protocol::Clock& clock_;
  const std::function<void(std::int64_t)> wakeup_moved_;
  PendingCalls calls_;
  Owned<GroupShard> shard_;
  std::atomic<std::int64_t> wakeup_ms_{never};
  std::atomic<std::thread::id> stepping_{};  // the thread that holds the shard and appends
  protocol::Mutex inbox_mutex_;
  std::vector<Finished> inbox_ GUARDED_BY(inbox_mutex_);
};

}  // namespace broker

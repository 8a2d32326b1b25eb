#include "broker/groups/shard_runner.h"

namespace broker {

using coordination::group::Append;
using coordination::group::AppendOutcome;

ShardRunner::Replies ShardRunner::carry_out(GroupShard& shard, Effects effects) {
  stepping_ = std::this_thread::get_id();
  for (const Append& append : effects.appends) {
    std::function<void(AppendOutcome)> done;
    if (append.id) {
      done = [self = shared_from_this(), id = *append.id](AppendOutcome outcome) {
        self->append_finished({id, outcome});
      };
    }
    log_.append(partition_, shard.epoch(), append.records, clock_.now_ms(), std::move(done));
  }
  stepping_ = std::thread::id();
  note_wakeup(shard);
  return std::move(effects.replies);
}

void ShardRunner::note_wakeup(const GroupShard& shard) {
  wakeup_ms_.store(shard.wakeup_ms().value_or(never), std::memory_order_release);
}

void ShardRunner::append_finished(Finished finished) {
  {
    const protocol::MutexLock lock(inbox_mutex_);
    inbox_.push_back(finished);
  }
  // Within the step that appends, the step's end takes care of it.
  if (stepping_.load() != std::this_thread::get_id()) finish({});
}

std::vector<ShardRunner::Finished> ShardRunner::take_inbox() {
  const protocol::MutexLock lock(inbox_mutex_);
  return std::exchange(inbox_, {});
}

void ShardRunner::finish(Replies replies) {
  calls_.deliver(std::move(replies));
  for (auto inbox = take_inbox(); !inbox.empty(); inbox = take_inbox()) {
    for (const Finished& finished : inbox) {
      calls_.deliver(shard_.run([&](GroupShard& shard) {
        return carry_out(shard, shard.append_finished(finished.append, finished.outcome.error,
                                                      finished.outcome.batch_offset, now()));
      }));
    }
  }
  wakeup_moved_(wakeup_ms());
}

}  // namespace broker

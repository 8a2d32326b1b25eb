// One partition's replica on this broker: who leads it, which replicas are in sync, and how far clients may read.
// What kafka.cluster.Partition is in Kafka 3.9.
//
// Owned by the ReplicaManager through std::shared_ptr; requests keep copies. Self-locking: every function is safe from
// any thread. The lock is held for moments, never while the disk works: the log is opened, read and written without it.
// Lock order: Partition, then Log. Leadership changes come from the ReplicaManager, one at a time; one waits until
// what is being written has been, and what is to be written meanwhile waits for it.
//
// The log is opened on first use, so that ten thousand idle partitions cost ten thousand small objects. Opening waits
// for the disk, and so does whoever needs the log then: on a network thread call open_on_background()
// (broker/replication/wait.h) first when !is_open(). Once that succeeded, nothing here waits for an opening again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/metrics/metrics.h"
#include "broker/replication/retention_notices.h"
#include "broker/replication/waiters.h"
#include "protocol/bytes.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "storage/types.h"

namespace storage {
class Log;
class LogManager;
}  // namespace storage

namespace broker {

// Where a topic's counters are found, and the broker's totals. Both null or empty in tests: nothing is counted.
struct TopicMetricsSource {
  TopicMetrics* totals = nullptr;
  std::function<std::shared_ptr<TopicMetrics>(std::string_view topic)> of_topic;
  std::function<void(std::string_view topic)> forget;  // the topic's last partition here is gone
};

// What all partitions of a broker share. Outlives them; its functions are safe from any thread.
struct PartitionEnvironment {
  protocol::BrokerId local_broker = 0;
  std::int64_t replica_lag_time_max_ms = 30'000;
  const protocol::Clock* clock = nullptr;
  // Whether a broker is alive by this broker's metadata.
  std::function<bool(protocol::BrokerId)> is_alive;
  // Opens the partition's log, creating it if there is none; its high watermark is the checkpointed one.
  std::function<protocol::Result<std::shared_ptr<storage::Log>>(const protocol::TopicPartition&,
                                                                std::optional<protocol::Uuid> topic_id)>
      open_log;
  storage::LogManager* logs = nullptr;  // for moves between its directories
  TopicMetricsSource metrics;
  mutable RetentionNotices retention_notices;
  // Wakes leadership changes, the appends that wait for them, and those who wait for the opening of a log. One for all
  // partitions, since there is rarely anyone to wake, and each partition shall be small.
  mutable std::condition_variable_any settled;
};

// A partition's state as a LeaderAndIsr request gives it.
struct PartitionState {
  std::int32_t controller_epoch = 0;
  protocol::BrokerId leader = -1;
  protocol::LeaderEpoch leader_epoch = protocol::no_leader_epoch;
  std::int32_t partition_epoch = 0;  // data version of the state node
  std::vector<protocol::BrokerId> isr;
  std::vector<protocol::BrokerId> replicas;
  std::vector<protocol::BrokerId> adding_replicas;
  std::vector<protocol::BrokerId> removing_replicas;
  bool is_new = false;
};

// What a consumer may see (ListOffsets, Fetch).
enum class IsolationLevel : std::int8_t { read_uncommitted = 0, read_committed = 1 };

struct PartitionRead {
  protocol::Offset fetch_offset = 0;
  std::int32_t max_bytes = 0;
  protocol::LeaderEpoch current_leader_epoch = protocol::no_leader_epoch;  // none: not checked
  protocol::LeaderEpoch last_fetched_epoch = protocol::no_leader_epoch;    // none: no divergence check
  storage::FetchIsolation isolation = storage::FetchIsolation::high_watermark;
  bool min_one_message = true;
  bool only_leader = true;
  bool cached_only = false;          // answer slice.needs_disk instead of waiting for the disk
  protocol::BrokerId follower = -1;  // the fetching replica; -1: a consumer
  protocol::Offset follower_log_start = -1;
  bool records_progress = true;  // the leader remembers how far the follower is; false for a second look
};

struct PartitionReadResult {
  storage::FetchSlice slice;
  std::optional<storage::OffsetAndEpoch> diverging_epoch;  // set: the follower must truncate; there are no records
  PartitionEnds ends;                                      // as the read saw them, for FetchWaiter
};

class Partition {
 public:
  Partition(protocol::TopicPartition id, std::optional<protocol::Uuid> topic_id,
            const PartitionEnvironment& environment);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  const protocol::TopicPartition& id() const { return id_; }

  // ---- Leadership: called by the ReplicaManager, one change at a time

  // Takes over leadership in a newer leader epoch, or new replicas and ISR in the same one. False: it led already, or
  // the partition epoch is old and nothing changed. Errors: kafka_storage_error, inconsistent_topic_id.
  protocol::Result<bool> make_leader(const PartitionState& state) EXCLUDES(mutex_);

  // Follows state.leader. False: the leader epoch isn't new.
  protocol::Result<bool> make_follower(const PartitionState& state) EXCLUDES(mutex_);

  // The replica is stopped, deleted or its directory failed: every later call answers `reason`, and all waiters wake.
  void close(protocol::ErrorCode reason) EXCLUDES(mutex_);

  // Lets everyone who waits look again.
  void wake_waiters() EXCLUDES(mutex_);

  // ---- Facts

  std::optional<protocol::Uuid> topic_id() const EXCLUDES(mutex_);
  protocol::Result<void> set_topic_id(const protocol::Uuid& id) EXCLUDES(mutex_);
  bool is_leader() const EXCLUDES(mutex_);
  protocol::BrokerId leader() const EXCLUDES(mutex_);           // -1: none
  protocol::LeaderEpoch leader_epoch() const EXCLUDES(mutex_);  // -1: no LeaderAndIsr yet
  std::int32_t partition_epoch() const EXCLUDES(mutex_);
  std::vector<protocol::BrokerId> isr() const EXCLUDES(mutex_);

  struct ReplicaHealth {
    bool leads = false;  // the others are false for followers
    bool under_replicated = false;
    bool under_min_isr = false;
  };
  ReplicaHealth health() const EXCLUDES(mutex_);

  // Whether the log is open (or never will be), so that no call waits for its opening. Takes no lock.
  bool is_open() const { return is_open_.load(std::memory_order_acquire); }
  protocol::Result<void> open() EXCLUDES(mutex_);

  // The log, opened if need be, whoever leads.
  protocol::Result<std::shared_ptr<storage::Log>> log() EXCLUDES(mutex_);

  // The log if it is open; never waits.
  std::shared_ptr<storage::Log> open_log() const EXCLUDES(mutex_);

  // The log, if this replica leads it in `current_epoch` (none: any epoch) or needn't lead.
  // Errors: not_leader_or_follower, fenced_leader_epoch, unknown_leader_epoch, kafka_storage_error.
  protocol::Result<std::shared_ptr<storage::Log>> log_for(protocol::LeaderEpoch current_epoch, bool only_leader)
      EXCLUDES(mutex_);

  // ---- Writing, as the leader

  // Validates and appends a client's records. With required_acks -1 the in-sync replicas must be enough. Written when
  // it returns; `replicated` says that all in-sync replicas have it already, so that acks=all needn't wait.
  // Errors: not_leader_or_follower, not_enough_replicas, kafka_storage_error, and Log::append_as_leader's.
  struct LeaderAppend {
    storage::AppendInfo info;
    protocol::LeaderEpoch leader_epoch = protocol::no_leader_epoch;  // it was made in
    bool replicated = false;
  };
  protocol::Result<LeaderAppend> append_as_leader(protocol::Bytes records, std::int16_t required_acks,
                                                  storage::VerificationGuard guard = storage::no_verification_guard,
                                                  std::vector<storage::RecordError>* record_errors = nullptr)
      EXCLUDES(mutex_);

  // Appends what a coordinator of this broker writes (__consumer_offsets, __transaction_state, transaction markers):
  // as acks=all, without the checks of clients' producer ids. Wait for info.last_offset + 1 with
  // wait_for_replication() (broker/replication/wait.h) before acting on it. With a `leader_epoch` this replica must
  // have led without a break since that epoch: not_leader_or_follower otherwise, so that a deposed coordinator can't
  // write.
  protocol::Result<storage::AppendInfo> append_as_coordinator(
      protocol::Bytes records, protocol::LeaderEpoch leader_epoch = protocol::no_leader_epoch) EXCLUDES(mutex_);

  // Syncs what was appended, as info.flush_due asks before an acknowledgement. Waits for the disk.
  protocol::Result<void> flush() EXCLUDES(mutex_);

  // acks=all for an append that was made in `since` and ended before `required`: nullopt while replicas are behind,
  // then none or not_enough_replicas_after_append; not_leader_or_follower once leadership is gone, even if it came back
  // since: what was appended may have been cut off in between.
  std::optional<protocol::ErrorCode> replication_outcome(protocol::Offset required, protocol::LeaderEpoch since) const
      EXCLUDES(mutex_);

  // ---- Reading

  // Errors: as log_for, and offset_out_of_range.
  protocol::Result<PartitionReadResult> read(const PartitionRead& request) EXCLUDES(mutex_);

  // Where the partition stands now.
  protocol::Result<PartitionEnds> ends() EXCLUDES(mutex_);

  // ListOffsets: the offset at a time (>= 0, or -1 latest, -2 earliest, -3 largest timestamp, -4 earliest local,
  // -5 latest tiered), visible at `isolation` (none: a replica asks, which sees everything). nullopt: no such record.
  // May wait for the disk unless timestamp is -1, -2 or -4. Errors: as log_for, and offset_not_available (KIP-207).
  protocol::Result<std::optional<storage::TimestampAndOffset>> find_offset(protocol::TimestampMs timestamp,
                                                                           std::optional<IsolationLevel> isolation,
                                                                           protocol::LeaderEpoch current_epoch,
                                                                           bool only_leader) EXCLUDES(mutex_);

  // OffsetForLeaderEpoch. (-1, -1) when the epoch isn't known. Errors: as log_for.
  protocol::Result<storage::OffsetAndEpoch> end_offset_for_epoch(protocol::LeaderEpoch current_epoch,
                                                                 protocol::LeaderEpoch wanted, bool only_leader)
      EXCLUDES(mutex_);

  // ---- Deleting records

  // Raises the log start offset to `offset` (-1: the high watermark) and returns the offset wanted and the low
  // watermark, which reaches it once all live replicas have followed.
  // Errors: not_leader_or_follower, policy_violation, offset_out_of_range, kafka_storage_error.
  struct DeletedRecords {
    protocol::Offset wanted = -1;
    protocol::Offset low_watermark = -1;
  };
  protocol::Result<DeletedRecords> delete_records_before(protocol::Offset offset) EXCLUDES(mutex_);
  protocol::Result<protocol::Offset> low_watermark() EXCLUDES(mutex_);

  // ---- Moving to another log directory (KIP-113): partition_move.cc

  // From now on `future` is to be filled. REQUIRES: the log is open, and no other future log is there.
  void begin_move(std::shared_ptr<storage::Log> future) EXCLUDES(mutex_);

  // Null: it doesn't move.
  std::shared_ptr<storage::Log> future_log() const EXCLUDES(mutex_);

  // Gives the move up and deletes the future log, unless its directory failed.
  enum class FutureFiles : std::uint8_t { remove, keep };
  protocol::Result<void> end_move(FutureFiles files) EXCLUDES(mutex_);

  // Copies about `max_bytes`, or what there is, to the future log. If it has all then, it becomes the log: for a
  // moment, in which the new name is synced, nobody writes. Waits for the disk. One thread at a time.
  struct MoveStep {
    std::int64_t bytes = 0;  // copied
    bool over = false;       // nothing moves (any more)
  };
  protocol::Result<MoveStep> continue_move(std::int32_t max_bytes) EXCLUDES(mutex_);

  // ---- Counting

  // Adds to one of the topic's counters and to the broker's total.
  void count(Counter TopicMetrics::* counter, std::int64_t by = 1);

  // ---- Waiting: see waiters.h

  // Hangs the waiter in. False: there is nothing to wait for (closed, or for an OffsetWaiter: not the leader, or the
  // offset is reached); look again. A FetchWaiter is told at once what happened since it looked.
  bool watch(OffsetWaiter& waiter) EXCLUDES(mutex_);
  bool watch(FetchWaiter& waiter) EXCLUDES(mutex_);

 private:
  friend class PartitionWaiter;

  // What the leader knows of another replica, from its fetches.
  struct Follower {
    protocol::BrokerId id = -1;
    protocol::Offset log_start = -1;
    protocol::Offset log_end = -1;
    std::int64_t last_fetch_ms = 0;
    protocol::Offset leader_end_at_last_fetch = 0;
    std::int64_t caught_up_ms = 0;  // when it last had all that the leader had

    bool is_caught_up(protocol::Offset leader_end, std::int64_t now_ms, std::int64_t max_lag_ms) const {
      return log_end == leader_end || now_ms - caught_up_ms <= max_lag_ms;
    }
  };

  protocol::Result<bool> become_leader(const PartitionState& state) REQUIRES(mutex_);
  protocol::Result<bool> become_follower(const PartitionState& state) REQUIRES(mutex_);
  // These give up the lock while the disk works.
  protocol::Result<void> open_locked() REQUIRES(mutex_);
  protocol::Result<void> await_leading_log() REQUIRES(mutex_);
  protocol::Result<void> retry_begin_epoch() REQUIRES(mutex_);

  protocol::Result<protocol::Offset> write_epoch_start(storage::Log& log, protocol::LeaderEpoch epoch) const
      EXCLUDES(mutex_);
  std::optional<protocol::Offset> write_epoch_start_or_later(storage::Log& log, protocol::LeaderEpoch epoch) const
      EXCLUDES(mutex_);
  void begin_epoch(protocol::Offset start) REQUIRES(mutex_);
  protocol::Result<void> check_epoch(protocol::LeaderEpoch current_epoch) const REQUIRES(mutex_);
  protocol::Result<std::shared_ptr<storage::Log>> log_for_locked(protocol::LeaderEpoch current_epoch, bool only_leader)
      REQUIRES(mutex_);

  // An append's way through the partition: admitted under the lock, written without it, its effects under it again.
  struct Admission {
    storage::Log* log = nullptr;  // stays open until finish_append()
    protocol::LeaderEpoch leader_epoch = protocol::no_leader_epoch;
  };
  protocol::Result<Admission> admit_append(std::int16_t required_acks, protocol::LeaderEpoch since) EXCLUDES(mutex_);
  protocol::Result<LeaderAppend> append(protocol::Bytes records, const Admission& admission,
                                        storage::AppendOrigin origin, storage::VerificationGuard guard,
                                        std::vector<storage::RecordError>* record_errors) EXCLUDES(mutex_);
  void finish_append(LeaderAppend& append) EXCLUDES(mutex_);
  // Around every leadership change, and whatever else mustn't meet one. begin_change() gives up the lock to wait.
  void begin_change() REQUIRES(mutex_);
  void end_change() REQUIRES(mutex_);
  void end_writing() REQUIRES(mutex_);

  protocol::Result<void> read_log(const storage::Log& log, const PartitionRead& request,
                                  PartitionReadResult& result) const;
  bool still_moves_to(const std::shared_ptr<storage::Log>& future) EXCLUDES(mutex_);
  protocol::Result<void> finish_move(const std::shared_ptr<storage::Log>& future, std::int32_t max_bytes,
                                     MoveStep& step) EXCLUDES(mutex_);
  protocol::Result<bool> replace_log(const storage::Log& log, storage::Log& future, std::int32_t max_bytes,
                                     std::int64_t& copied) const EXCLUDES(mutex_);
  void set_followers(const PartitionState& state, bool new_epoch, bool was_leader) REQUIRES(mutex_);
  void record_follower_fetch(const PartitionRead& request, const PartitionReadResult& result) EXCLUDES(mutex_);
  std::size_t effective_min_isr() const REQUIRES(mutex_);
  bool is_under_min_isr() const REQUIRES(mutex_);
  bool is_in_isr(protocol::BrokerId id) const REQUIRES(mutex_);
  bool advance_high_watermark() REQUIRES(mutex_);
  PartitionEnds ends_locked() const REQUIRES(mutex_);
  protocol::Offset low_watermark_locked() const REQUIRES(mutex_);
  void announce_advance() REQUIRES(mutex_);
  void announce_leadership_change() REQUIRES(mutex_);
  void attach(PartitionWaiter& waiter) REQUIRES(mutex_);
  void detach(PartitionWaiter& waiter) EXCLUDES(mutex_);
  bool leads() const REQUIRES(mutex_) { return leader_ == environment_.local_broker && !closed_; }

  const protocol::TopicPartition id_;
  const PartitionEnvironment& environment_;

  mutable protocol::Mutex mutex_;
  std::optional<protocol::Uuid> topic_id_ GUARDED_BY(mutex_);
  std::shared_ptr<storage::Log> log_ GUARDED_BY(mutex_);     // null: not opened yet; stays until close()
  std::shared_ptr<storage::Log> future_ GUARDED_BY(mutex_);  // null: it doesn't move
  std::atomic<bool> is_open_{false};                         // log_ is set, or the partition is closed
  std::optional<protocol::ErrorCode> closed_ GUARDED_BY(mutex_);
  protocol::BrokerId leader_ GUARDED_BY(mutex_) = -1;
  protocol::LeaderEpoch leader_epoch_ GUARDED_BY(mutex_) = protocol::no_leader_epoch;
  protocol::LeaderEpoch leading_since_ GUARDED_BY(mutex_) = protocol::no_leader_epoch;  // while it leads
  std::int32_t partition_epoch_ GUARDED_BY(mutex_) = -1;
  // Where the current leader epoch begins; none: not the leader, or not begun because the log isn't open.
  std::optional<protocol::Offset> epoch_start_ GUARDED_BY(mutex_);
  std::vector<protocol::BrokerId> replicas_ GUARDED_BY(mutex_);
  std::vector<protocol::BrokerId> isr_ GUARDED_BY(mutex_);  // as committed in the metadata store
  std::vector<Follower> followers_ GUARDED_BY(mutex_);      // the leader's view of the other replicas
  std::int64_t appended_bytes_ GUARDED_BY(mutex_) = 0;
  int writing_ GUARDED_BY(mutex_) = 0;                        // appends and deletions: admitted and not finished
  bool opening_ GUARDED_BY(mutex_) = false;                   // somebody opens the log, without the lock
  bool changing_ GUARDED_BY(mutex_) = false;                  // a leadership change is under way
  std::shared_ptr<TopicMetrics> metrics_ GUARDED_BY(mutex_);  // found on first use, then kept
  std::atomic<TopicMetrics*> counted_metrics_{nullptr};       // the same, to be read without the lock
  WaiterList waiters_ GUARDED_BY(mutex_);
};

}  // namespace broker

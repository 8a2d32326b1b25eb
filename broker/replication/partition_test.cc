#include "broker/replication/partition.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode;

constexpr protocol::BrokerId follower = 2, other = 3;

PartitionRead consumer_read(protocol::Offset offset) { return {.fetch_offset = offset, .max_bytes = 1 << 20}; }

PartitionRead follower_read(protocol::BrokerId id, protocol::Offset offset, protocol::Offset log_start = 0) {
  PartitionRead read{.fetch_offset = offset, .max_bytes = 1 << 20};
  read.isolation = storage::FetchIsolation::log_end;
  read.follower = id;
  read.follower_log_start = log_start;
  return read;
}

// Counts wake-ups instead of resuming anything.
class CountingTarget final : public WakeTarget {
 public:
  void wake() noexcept override { ++wakes; }
  int wakes = 0;
};

class PartitionTest : public ::testing::Test {
 protected:
  std::shared_ptr<Partition> lead(const TestReplicas::Assignment& assignment = {}) {
    EXPECT_EQ(env.assign("t", 0, assignment), ErrorCode::none);
    return env.partition("t");
  }
  // Leads a partition of replicas 1, 2 and 3, of which `isr` are in sync.
  std::shared_ptr<Partition> lead_three(std::vector<protocol::BrokerId> isr) {
    env.tell_metadata("t", 1, TestReplicas::local, 0, {follower, other});
    return lead({.isr = std::move(isr), .replicas = {TestReplicas::local, follower, other}});
  }
  protocol::Result<Partition::LeaderAppend> append(Partition& partition, std::int16_t acks = 1, int records = 1) {
    const auto batch = make_batch({.records = records});
    return partition.append_as_leader(batch, acks);
  }

  TestReplicas env;
};

TEST_F(PartitionTest, AloneInSyncTheHighWatermarkIsTheLogEndAtOnce) {
  const auto partition = lead();
  const auto appended = append(*partition, -1, 3);
  ASSERT_TRUE(appended);
  EXPECT_TRUE(appended->replicated);
  EXPECT_EQ(appended->info.first_offset, 0);
  EXPECT_EQ(partition->ends()->high_watermark, 3);
  EXPECT_EQ(partition->replication_outcome(3, 0), ErrorCode::none);
}

TEST_F(PartitionTest, OnlyTheLeaderAppends) {
  env.tell_metadata("t", 1, follower, 0, {follower});
  const auto partition = lead({.leader = follower, .replicas = {TestReplicas::local, follower}});
  EXPECT_EQ(append(*partition).code(), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(partition->read(consumer_read(0)).code(), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, FollowersServeConsumersThatMayReadFromThem) {
  env.tell_metadata("t", 1, follower, 0, {follower});
  const auto partition = lead({.leader = follower, .replicas = {TestReplicas::local, follower}});
  PartitionRead read = consumer_read(0);
  read.only_leader = false;
  EXPECT_TRUE(partition->read(read));
}

TEST_F(PartitionTest, TheHighWatermarkIsTheLeastLogEndInSync) {
  const auto partition = lead_three({TestReplicas::local, follower});
  const auto appended = append(*partition, 1, 5);
  EXPECT_FALSE(appended->replicated);
  EXPECT_TRUE(partition->read(follower_read(follower, 0)));
  EXPECT_EQ(partition->ends()->high_watermark, 0);
  EXPECT_TRUE(partition->read(follower_read(follower, 4)));
  EXPECT_EQ(partition->ends()->high_watermark, 4);
}

TEST_F(PartitionTest, AReplicaAboutToJoinIsWaitedForWhileItKeepsUp) {
  const auto partition = lead_three({TestReplicas::local});
  ASSERT_TRUE(append(*partition));
  EXPECT_EQ(partition->ends()->high_watermark, 1);
  EXPECT_TRUE(partition->read(follower_read(other, 1)));  // caught up, but not in the ISR yet
  ASSERT_TRUE(append(*partition));
  EXPECT_EQ(partition->ends()->high_watermark, 1);
  env.clock().advance_ms(30'001);
  ASSERT_TRUE(append(*partition));
  EXPECT_EQ(partition->ends()->high_watermark, 3) << "it has fallen behind";
}

TEST_F(PartitionTest, TheHighWatermarkStandsStillWhileTooFewAreInSync) {
  storage::LogConfig config;
  config.min_insync_replicas = 2;
  env.logs().update_default_config(config);
  const auto partition = lead_three({TestReplicas::local});
  ASSERT_TRUE(append(*partition, 1));
  EXPECT_TRUE(partition->read(follower_read(follower, 1)));
  EXPECT_EQ(partition->ends()->high_watermark, 0);
  EXPECT_EQ(append(*partition, -1).code(), ErrorCode::not_enough_replicas);
}

TEST_F(PartitionTest, TheIsrTooSmallAfterTheAppendIsToldApart) {
  storage::LogConfig config;
  config.min_insync_replicas = 2;
  env.logs().update_default_config(config);
  const auto partition = lead_three({TestReplicas::local, follower});
  ASSERT_TRUE(append(*partition, -1));
  EXPECT_TRUE(partition->read(follower_read(follower, 1)));
  EXPECT_EQ(partition->replication_outcome(1, 0), ErrorCode::none);
  lead({.leader_epoch = 1,
        .partition_epoch = 1,
        .isr = {TestReplicas::local},
        .replicas = {TestReplicas::local, follower, other}});
  EXPECT_EQ(partition->replication_outcome(1, 0), ErrorCode::not_enough_replicas_after_append);
}

TEST_F(PartitionTest, UnknownReplicasAreRefused) {
  const auto partition = lead();
  EXPECT_EQ(partition->read(follower_read(9, 0)).code(), ErrorCode::not_leader_or_follower);
  PartitionRead with_epoch = follower_read(9, 0);
  with_epoch.current_leader_epoch = 0;
  EXPECT_EQ(partition->read(with_epoch).code(), ErrorCode::unknown_leader_epoch);
}

TEST_F(PartitionTest, LeaderEpochsFence) {
  const auto partition = lead({.leader_epoch = 4});
  PartitionRead read = consumer_read(0);
  read.current_leader_epoch = 3;
  EXPECT_EQ(partition->read(read).code(), ErrorCode::fenced_leader_epoch);
  read.current_leader_epoch = 5;
  EXPECT_EQ(partition->read(read).code(), ErrorCode::unknown_leader_epoch);
  read.current_leader_epoch = 4;
  EXPECT_TRUE(partition->read(read));
}

TEST_F(PartitionTest, ReadsBeyondTheLogAreOutOfRange) {
  const auto partition = lead();
  ASSERT_TRUE(append(*partition));
  EXPECT_TRUE(partition->read(consumer_read(1)));
  EXPECT_EQ(partition->read(consumer_read(2)).code(), ErrorCode::offset_out_of_range);
}

TEST_F(PartitionTest, ADivergingFollowerIsToldWhereItsEpochEnds) {
  const auto partition = lead_three({TestReplicas::local});
  ASSERT_TRUE(append(*partition, 1, 3));
  lead({.leader_epoch = 2, .partition_epoch = 1, .replicas = {TestReplicas::local, follower, other}});
  ASSERT_TRUE(append(*partition, 1, 2));
  PartitionRead read = follower_read(follower, 4);
  read.last_fetched_epoch = 0;
  const auto diverging = partition->read(read);
  ASSERT_TRUE(diverging && diverging->diverging_epoch);
  EXPECT_EQ(diverging->diverging_epoch->epoch, 0);
  EXPECT_EQ(diverging->diverging_epoch->offset, 3);
  read.fetch_offset = 3;
  const auto fine = partition->read(read);
  ASSERT_TRUE(fine);
  EXPECT_FALSE(fine->diverging_epoch);
}

TEST_F(PartitionTest, EpochsEndWhereTheNextOneBegins) {
  const auto partition = lead();
  ASSERT_TRUE(append(*partition, 1, 3));
  lead({.leader_epoch = 5, .partition_epoch = 1});
  EXPECT_EQ(partition->end_offset_for_epoch(-1, 0, true), (storage::OffsetAndEpoch{.offset = 3, .epoch = 0}));
  EXPECT_EQ(partition->end_offset_for_epoch(-1, 5, true), (storage::OffsetAndEpoch{.offset = 3, .epoch = 5}));
  EXPECT_EQ(partition->end_offset_for_epoch(-1, 9, true), storage::OffsetAndEpoch{});
}

TEST_F(PartitionTest, OffsetsByTime) {
  const auto partition = lead();
  env.append("t", 0, {.records = 1, .timestamp = 100});
  env.append("t", 0, {.records = 1, .timestamp = 300});
  env.append("t", 0, {.records = 1, .timestamp = 200});
  const auto find = [&](protocol::TimestampMs timestamp) {
    return partition->find_offset(timestamp, IsolationLevel::read_uncommitted, -1, true);
  };
  EXPECT_EQ((*find(-2))->offset, 0);
  EXPECT_EQ((*find(-1))->offset, 3);
  EXPECT_EQ((*find(-1))->epoch, 0);
  EXPECT_EQ((*find(150))->offset, 1);
  EXPECT_EQ((*find(150))->timestamp, 300);
  EXPECT_EQ((*find(-3))->offset, 1);
  EXPECT_EQ((*find(-4))->offset, 0);
  EXPECT_EQ((*find(-5))->offset, -1);
  EXPECT_FALSE(*find(301));
}

TEST_F(PartitionTest, ANewLeaderWithATrailingHighWatermarkDoesNotAnswerWithOffsets) {
  const auto partition = lead_three({TestReplicas::local, follower});
  ASSERT_TRUE(append(*partition, 1, 3));  // nobody has fetched it: the high watermark stays 0
  lead({.leader_epoch = 1,
        .partition_epoch = 1,
        .isr = {TestReplicas::local, follower},
        .replicas = {TestReplicas::local, follower, other}});
  const auto latest = partition->find_offset(-1, IsolationLevel::read_uncommitted, -1, true);
  EXPECT_EQ(latest.code(), ErrorCode::offset_not_available);
  EXPECT_EQ((*partition->find_offset(-1, std::nullopt, -1, true))->offset, 3) << "replicas see the log end";
}

TEST_F(PartitionTest, DeletedRecordsRaiseTheLogStart) {
  const auto partition = lead();
  env.append("t", 0, {.records = 5});
  EXPECT_EQ(partition->delete_records_before(9).code(), ErrorCode::offset_out_of_range);
  EXPECT_EQ(partition->delete_records_before(-2).code(), ErrorCode::offset_out_of_range);
  const auto some = partition->delete_records_before(2);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->low_watermark, 2);
  const auto all = partition->delete_records_before(-1);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->wanted, 5);
  EXPECT_EQ(all->low_watermark, 5);
  EXPECT_EQ(partition->read(consumer_read(4)).code(), ErrorCode::offset_out_of_range);
}

TEST_F(PartitionTest, CompactedTopicsKeepTheirRecords) {
  storage::LogConfig config;
  config.cleanup_delete = false;
  config.cleanup_compact = true;
  env.logs().update_default_config(config);
  EXPECT_EQ(lead()->delete_records_before(0).code(), ErrorCode::policy_violation);
}

TEST_F(PartitionTest, TheLowWatermarkWaitsForLiveFollowers) {
  const auto partition = lead_three({TestReplicas::local});
  env.append("t", 0, {.records = 5});
  EXPECT_TRUE(partition->read(follower_read(follower, 5)));
  EXPECT_TRUE(partition->read(follower_read(other, 5)));
  const auto deleted = partition->delete_records_before(3);
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->low_watermark, 0);
  EXPECT_TRUE(partition->read(follower_read(follower, 5, 3)));
  EXPECT_TRUE(partition->read(follower_read(other, 5, 3)));
  EXPECT_EQ(partition->low_watermark(), 3);
}

TEST_F(PartitionTest, ADeposedCoordinatorCannotWrite) {
  const auto partition = lead({.leader_epoch = 3});
  const auto batch = make_batch();
  EXPECT_TRUE(partition->append_as_coordinator(batch, 3));
  EXPECT_EQ(partition->append_as_coordinator(batch, 2).code(), ErrorCode::not_leader_or_follower);
  lead({.leader_epoch = 4, .partition_epoch = 1});
  EXPECT_TRUE(partition->append_as_coordinator(batch, 3)) << "it has led without a break since epoch 3";
}

// What was appended before may have been cut off while another broker led, and its offsets be taken by other records.
TEST_F(PartitionTest, AnAppendOfAFormerLeadershipIsNotConfirmed) {
  const auto partition = lead_three({TestReplicas::local, follower});
  const auto appended = append(*partition, -1);
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->leader_epoch, 0);
  const std::vector<protocol::BrokerId> replicas = {TestReplicas::local, follower, other};
  lead({.leader = follower, .leader_epoch = 1, .partition_epoch = 1, .replicas = replicas});
  ASSERT_TRUE(partition->log().value()->truncate_to(0, env.clock().now_ms()));
  lead({.leader_epoch = 2, .partition_epoch = 2, .replicas = replicas});
  ASSERT_TRUE(append(*partition, -1));
  EXPECT_EQ(partition->replication_outcome(1, 2), ErrorCode::none);
  EXPECT_EQ(partition->replication_outcome(1, 0), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, AnAppendOfThisLeadershipIsConfirmedInALaterEpoch) {
  const auto partition = lead_three({TestReplicas::local, follower});
  ASSERT_TRUE(append(*partition, -1));
  const std::vector<protocol::BrokerId> replicas = {TestReplicas::local, follower, other};
  lead({.leader_epoch = 1, .partition_epoch = 1, .isr = {TestReplicas::local, follower}, .replicas = replicas});
  EXPECT_EQ(partition->replication_outcome(1, 0), std::nullopt);
  EXPECT_TRUE(partition->read(follower_read(follower, 1)));
  EXPECT_EQ(partition->replication_outcome(1, 0), ErrorCode::none);
}

TEST_F(PartitionTest, AnAppendLeavesTheFlushToItsCaller) {
  storage::LogConfig config;
  config.flush_messages = 2;
  env.logs().update_default_config(config);
  const auto partition = lead();
  EXPECT_FALSE(append(*partition)->info.flush_due);
  EXPECT_TRUE(append(*partition)->info.flush_due);
  EXPECT_EQ(partition->open_log()->recovery_point(), 0);
  ASSERT_TRUE(partition->flush());
  EXPECT_EQ(partition->open_log()->recovery_point(), 2);
}

TEST_F(PartitionTest, OffsetWaitersWakeWhenTheHighWatermarkArrives) {
  const auto partition = lead_three({TestReplicas::local, follower});
  ASSERT_TRUE(append(*partition, -1, 2));
  CountingTarget target;
  OffsetWaiter waiter(target, WatchedEnd::high_watermark, 2);
  ASSERT_TRUE(partition->watch(waiter));
  EXPECT_TRUE(partition->read(follower_read(follower, 1)));
  EXPECT_EQ(target.wakes, 0);
  EXPECT_TRUE(partition->read(follower_read(follower, 2)));
  EXPECT_EQ(target.wakes, 1);
  OffsetWaiter late(target, WatchedEnd::high_watermark, 2);
  EXPECT_FALSE(partition->watch(late)) << "it is there already";
}

TEST_F(PartitionTest, FetchWaitersCountBytes) {
  const auto partition = lead();
  const auto first = partition->read(consumer_read(0));
  ASSERT_TRUE(first);
  const auto batch_size = static_cast<std::int64_t>(make_batch().size());
  CountingTarget target;
  ByteGoal goal(target, 2 * batch_size);
  FetchWaiter waiter(goal, WatchedEnd::high_watermark, first->ends, 1 << 20);
  ASSERT_TRUE(partition->watch(waiter));
  ASSERT_TRUE(append(*partition));
  EXPECT_EQ(target.wakes, 0);
  ASSERT_TRUE(append(*partition));
  EXPECT_EQ(target.wakes, 1);
}

TEST_F(PartitionTest, WhatWasAppendedBetweenLookAndWatchCounts) {
  const auto partition = lead();
  const auto look = partition->read(consumer_read(0));
  ASSERT_TRUE(append(*partition));
  CountingTarget target;
  ByteGoal goal(target, 1);
  FetchWaiter waiter(goal, WatchedEnd::high_watermark, look->ends, 1 << 20);
  ASSERT_TRUE(partition->watch(waiter));
  EXPECT_EQ(target.wakes, 1);
}

TEST_F(PartitionTest, WaitersWakeWhenLeadershipIsGone) {
  env.tell_metadata("t", 1, follower, 0, {follower});
  const auto partition = lead({.replicas = {TestReplicas::local, follower}});
  CountingTarget target;
  ByteGoal goal(target, 1);
  FetchWaiter fetch(goal, WatchedEnd::high_watermark, *partition->ends(), 1 << 20);
  ASSERT_TRUE(partition->watch(fetch));
  OffsetWaiter acks(target, WatchedEnd::high_watermark, 9);
  ASSERT_TRUE(partition->watch(acks));
  lead({.leader = follower, .leader_epoch = 1, .partition_epoch = 1, .replicas = {TestReplicas::local, follower}});
  EXPECT_EQ(target.wakes, 2);
  EXPECT_EQ(partition->replication_outcome(9, 0), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, AWaiterThatIsGoneIsNotCalled) {
  const auto partition = lead();
  CountingTarget target;
  {
    OffsetWaiter waiter(target, WatchedEnd::log_end, 1);
    ASSERT_TRUE(partition->watch(waiter));
  }
  ASSERT_TRUE(append(*partition));
  EXPECT_EQ(target.wakes, 0);
}

TEST_F(PartitionTest, LeadershipChangesAndAppendsOfManyThreadsDoNotMix) {
  const auto partition = lead();
  constexpr int threads = 4, appends = 200, changes = 50;
  std::atomic<int> appended = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&] {
      const auto batch = make_batch();
      for (int n = 0; n < appends; ++n) {
        if (partition->append_as_leader(batch, 1)) ++appended;
      }
    });
  }
  for (int epoch = 1; epoch <= changes; ++epoch) lead({.leader_epoch = epoch, .partition_epoch = epoch});
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(appended, threads * appends);
  EXPECT_EQ(partition->ends()->log_end, threads * appends);
  EXPECT_EQ(partition->ends()->high_watermark, threads * appends);
  EXPECT_EQ(partition->end_offset_for_epoch(-1, changes, true)->offset, threads * appends);
}

TEST_F(PartitionTest, AClosedPartitionAnswersWithItsReason) {
  const auto partition = lead();
  partition->close(ErrorCode::kafka_storage_error);
  EXPECT_EQ(append(*partition).code(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(partition->read(consumer_read(0)).code(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(partition->find_offset(-1, std::nullopt, -1, true).code(), ErrorCode::kafka_storage_error);
  EXPECT_TRUE(partition->is_open()) << "there is nothing to open any more";
}

}  // namespace
}  // namespace broker

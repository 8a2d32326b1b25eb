#include "coordination/group/offset_store.h"

#include <gtest/gtest.h>

#include <limits>

namespace coordination::group {
namespace {

OffsetAndMetadata at(Offset offset, TimestampMs committed = 0) {
  return {.offset = offset, .commit_timestamp_ms = committed};
}

TEST(OffsetStore, TheLaterBatchWinsWhateverTheOrder) {
  OffsetStore store;
  store.apply("t", 0, at(10), 5);
  store.apply("t", 0, at(9), 4);
  EXPECT_EQ(store.find("t", 0)->offset, 10);
  store.apply("t", 0, at(8), 6);
  EXPECT_EQ(store.find("t", 0)->offset, 8);
  EXPECT_EQ(store.size(), 1u);
}

TEST(OffsetStore, APartitionIsUnstableWhileACommitIsOnItsWay) {
  OffsetStore store;
  const OffsetToCommit commit{"t", 0, at(1)};
  store.begin_commit("t", 0, 7);
  EXPECT_TRUE(store.is_unstable("t", 0));
  EXPECT_FALSE(store.is_unstable("t", 1));
  EXPECT_EQ(store.fetch("t", 0, true).error, ErrorCode::unstable_offset_commit);
  EXPECT_EQ(store.fetch("t", 0, false).error, ErrorCode::none);
  EXPECT_FALSE(store.empty());
  EXPECT_EQ(store.size(), 0u);
  store.commit_appended(commit, 7, 3);
  EXPECT_FALSE(store.is_unstable("t", 0));
  EXPECT_EQ(store.fetch("t", 0, true).offset, 1);
}

TEST(OffsetStore, AFailedCommitLeavesNoTrace) {
  OffsetStore store;
  store.begin_commit("t", 0, 7);
  store.commit_failed({"t", 0, at(1)}, 7);
  EXPECT_TRUE(store.empty());
  EXPECT_EQ(store.find("t", 0), nullptr);
}

TEST(OffsetStore, RemovalForgetsACommitOnItsWay) {
  OffsetStore store;
  store.begin_commit("t", 0, 7);
  EXPECT_TRUE(store.remove("t", 0));
  store.commit_appended({"t", 0, at(1)}, 7, 3);
  EXPECT_TRUE(store.empty());
  EXPECT_FALSE(store.remove("t", 0));
}

TEST(OffsetStore, ACommitAfterARemovalCounts) {
  OffsetStore store;
  store.begin_commit("t", 0, 7);
  store.remove("t", 0);
  store.begin_commit("t", 0, 8);
  store.commit_appended({"t", 0, at(1)}, 7, 3);
  EXPECT_EQ(store.find("t", 0), nullptr);
  store.commit_appended({"t", 0, at(2)}, 8, 5);
  EXPECT_EQ(store.find("t", 0)->offset, 2);
}

TEST(OffsetStore, TransactionsTakeEffectWithTheirMarker) {
  OffsetStore store;
  store.apply_transactional(1, "t", 0, at(10), 4);
  store.apply_transactional(2, "t", 1, at(20), 5);
  EXPECT_TRUE(store.is_unstable("t", 0));
  EXPECT_EQ(store.find("t", 0), nullptr);
  store.complete_transaction(1, true);
  EXPECT_EQ(store.find("t", 0)->offset, 10);
  store.complete_transaction(2, false);
  EXPECT_EQ(store.find("t", 1), nullptr);
  EXPECT_FALSE(store.is_unstable("t", 1));
}

TEST(OffsetStore, AnOrdinaryCommitAfterATransactionalOneWins) {
  OffsetStore store;
  store.apply_transactional(1, "t", 0, at(10), 4);
  store.apply("t", 0, at(11), 6);
  store.complete_transaction(1, true);
  EXPECT_EQ(store.find("t", 0)->offset, 11);
}

TEST(OffsetStore, ExpiryCountsFromTheCommitOrTheGivenTime) {
  OffsetStore store;
  store.apply("t", 0, at(1, 1'000), 0);
  store.apply("t", 1, at(2, 5'000), 1);
  const auto expired = store.remove_expired({.now_ms = 6'000, .retention_ms = 5'000});
  EXPECT_EQ(expired, (std::vector<protocol::TopicPartition>{{"t", 0}}));
  EXPECT_TRUE(store.remove_expired({.now_ms = 9'999, .retention_ms = 5'000}).empty());
  EXPECT_EQ(store.remove_expired({.now_ms = 9'999, .retention_ms = 5'000, .base_timestamp_ms = 100}).size(), 1u);
  EXPECT_TRUE(store.empty());
}

TEST(OffsetStore, ExpirySparesTopicsInUseAndCommitsOnTheirWay) {
  OffsetStore store;
  store.apply("kept", 0, at(1), 0);
  store.apply("gone", 0, at(1), 1);
  store.apply("gone", 1, at(1), 2);
  store.begin_commit("gone", 1, 9);
  const std::set<std::string, std::less<>> kept = {"kept"};
  const auto expired = store.remove_expired({.now_ms = 10, .retention_ms = 5, .kept_topics = &kept});
  EXPECT_EQ(expired, (std::vector<protocol::TopicPartition>{{"gone", 0}}));
}

TEST(OffsetStore, AnExpiryTimeOfItsOwnWins) {
  OffsetStore store;
  OffsetAndMetadata value = at(1, 0);
  value.expire_timestamp_ms = 100;
  store.apply("t", 0, value, 0);
  EXPECT_TRUE(store.remove_expired({.now_ms = 99, .retention_ms = 1}).empty());
  EXPECT_EQ(store.remove_expired({.now_ms = 100, .retention_ms = 1'000'000}).size(), 1u);
}

TEST(OffsetStore, ImpossibleTimestampsAreOldOrNew) {
  OffsetStore store;
  store.apply("t", 0, at(1, std::numeric_limits<TimestampMs>::min()), 0);
  store.apply("t", 1, at(1, std::numeric_limits<TimestampMs>::max()), 1);
  EXPECT_EQ(store.remove_expired({.now_ms = 1'000'000, .retention_ms = 5}),
            (std::vector<protocol::TopicPartition>{{"t", 0}}));
}

TEST(OffsetStore, FetchAllListsWhatIsCommitted) {
  OffsetStore store;
  store.apply("b", 1, at(1), 0);
  store.apply("a", 2, at(2), 1);
  store.apply("a", 0, at(3), 2);
  store.begin_commit("c", 0, 1);
  const auto all = store.fetch_all(false);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].topic, "a");
  EXPECT_EQ(all[0].partitions[0].partition, 0);
  EXPECT_EQ(all[0].partitions[1].offset, 2);
  store.apply_tombstone("a", 0);
  store.apply_tombstone("a", 2);
  EXPECT_EQ(store.fetch_all(false).size(), 1u);
}

}  // namespace
}  // namespace coordination::group

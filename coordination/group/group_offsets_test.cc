// A group's offsets: who may commit, what survives, what expires and when the group itself ends.
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

constexpr std::int64_t week_ms = 604'800'000;

TestMember consumer_of(const std::vector<std::string>& topics) {
  return {.session_timeout_ms = 1'800'000, .protocols = {{"range", subscription_to(topics)}}};
}

TEST(GroupOffsets, ACommitIsThereAfterARestart) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  c.commit(ids[0], 1, {offset_of("t", 0, 10, "note"), offset_of("t", 1, 20)});
  c.commit(ids[0], 1, {offset_of("t", 0, 11)});
  c.restart();
  EXPECT_EQ(c.fetch("t", 0), 11);
  EXPECT_EQ(c.fetch_full("t", 1).metadata, "");
  EXPECT_EQ(c.state(), GroupState::stable);
  EXPECT_EQ(c.heartbeat(ids[0], 1), ErrorCode::none);
  EXPECT_EQ(c.synced(c.sync(ids[0], 1)).assignment, "assignment0");
}

TEST(GroupOffsets, ACommitIsVisibleOnlyOnceItIsReplicated) {
  TestCoordinator c;
  c.hold_appends();
  const CallId call = c.commit("", -1, {offset_of("t", 0, 10)});
  EXPECT_FALSE(c.answered(call));
  EXPECT_EQ(c.fetch("t", 0), -1);
  EXPECT_EQ(c.fetch_full("t", 0, true).error, ErrorCode::unstable_offset_commit);
  c.finish_appends();
  EXPECT_EQ(c.committed(call), std::vector{ErrorCode::none});
  EXPECT_EQ(c.fetch_full("t", 0, true).offset, 10);
}

TEST(GroupOffsets, AFailedCommitHasNoEffectAndItsCodeIsTranslated) {
  const std::map<ErrorCode, ErrorCode> codes = {
      {ErrorCode::unknown_topic_or_partition, ErrorCode::coordinator_not_available},
      {ErrorCode::not_enough_replicas, ErrorCode::coordinator_not_available},
      {ErrorCode::not_enough_replicas_after_append, ErrorCode::coordinator_not_available},
      {ErrorCode::not_leader_or_follower, ErrorCode::not_coordinator},
      {ErrorCode::kafka_storage_error, ErrorCode::not_coordinator},
      {ErrorCode::message_too_large, ErrorCode::invalid_commit_offset_size},
      {ErrorCode::record_list_too_large, ErrorCode::invalid_commit_offset_size},
      {ErrorCode::request_timed_out, ErrorCode::request_timed_out}};
  for (const auto& [append_error, expected] : codes) {
    TestCoordinator c;
    c.refuse_appends(append_error);
    EXPECT_EQ(c.committed(c.commit("", -1, {offset_of("t", 0, 10)})), std::vector{expected});
    EXPECT_EQ(c.fetch("t", 0), -1);
    EXPECT_TRUE(c.group().offsets().empty());
  }
}

TEST(GroupOffsets, MetadataIsLimitedForEachPartition) {
  TestCoordinator c;
  const std::string fits(4096, 'x');
  std::string surrogates;
  for (int i = 0; i < 2048; ++i) surrogates += "\xF0\x9F\x98\x80";  // 4096 units in Java, 8192 bytes here
  const CallId call = c.commit(
      "", -1, {offset_of("t", 0, 1, fits), offset_of("t", 1, 1, fits + "x"), offset_of("t", 2, 1, surrogates)});
  EXPECT_EQ(c.committed(call), (std::vector{ErrorCode::none, ErrorCode::offset_metadata_too_large, ErrorCode::none}));
  EXPECT_EQ(c.fetch("t", 1), -1);
  const std::size_t batches = c.batches();
  EXPECT_EQ(c.committed(c.commit("", -1, {offset_of("t", 1, 1, fits + "x")})),
            std::vector{ErrorCode::offset_metadata_too_large});
  EXPECT_EQ(c.batches(), batches);
}

TEST(GroupOffsets, StaleGenerationsAndStrangersCannotCommit) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2);
  const std::int32_t generation = c.group().generation();
  EXPECT_EQ(c.committed(c.commit(ids[0], generation - 1, {offset_of("t", 0, 1)})),
            std::vector{ErrorCode::illegal_generation});
  EXPECT_EQ(c.committed(c.commit("stranger", generation, {offset_of("t", 0, 1)})),
            std::vector{ErrorCode::unknown_member_id});
  EXPECT_EQ(c.committed(c.commit("", -1, {offset_of("t", 0, 1)})), std::vector{ErrorCode::unknown_member_id});
  EXPECT_EQ(c.committed(c.commit("", 5, {offset_of("t", 0, 1)}, "no group")),
            std::vector{ErrorCode::illegal_generation});
  EXPECT_FALSE(c.has_group("no group"));
}

TEST(GroupOffsets, TheGroupWithoutANameTakesCommits) {
  TestCoordinator c;
  EXPECT_EQ(c.committed(c.commit("", -1, {offset_of("t", 0, 4)}, "")), std::vector{ErrorCode::none});
  EXPECT_EQ(c.fetch("t", 0, ""), 4);
}

TEST(GroupOffsets, FetchAllReturnsEverything) {
  TestCoordinator c;
  c.commit("", -1, {offset_of("b", 1, 1), offset_of("a", 0, 2)});
  const auto all = c.shard->fetch_offsets({.group_id = "group"});
  ASSERT_EQ(all.topics.size(), 2u);
  EXPECT_EQ(all.topics[0].topic, "a");
  EXPECT_TRUE(c.shard->fetch_offsets({.group_id = "unknown"}).topics.empty());
}

TEST(GroupOffsets, WhatIsAskedForTwiceIsAnsweredOnce) {
  TestCoordinator c;
  c.commit("", -1, {offset_of("t", 0, 7), offset_of("t", 1, 8)});
  const auto found = c.shard->fetch_offsets(
      {.group_id = "group", .topics = std::vector<TopicPartitions>{{"t", {0, 0, 1, 0}}, {"u", {0}}, {"t", {1, 2}}}});
  ASSERT_EQ(found.topics.size(), 2u);
  EXPECT_EQ(found.topics[0].topic, "t");
  ASSERT_EQ(found.topics[0].partitions.size(), 3u);
  EXPECT_EQ(found.topics[0].partitions[1].offset, 8);
  EXPECT_EQ(found.topics[0].partitions[2].offset, -1);
}

TEST(GroupOffsets, SimpleConsumersOffsetsExpireAfterTheirCommit) {
  TestCoordinator c;
  c.commit("", -1, {offset_of("t", 0, 1)});
  c.advance(1'000);
  c.commit("", -1, {offset_of("t", 1, 1)});
  c.advance(week_ms - 1'000);
  c.expire_offsets();
  EXPECT_EQ(c.fetch("t", 0), -1);
  EXPECT_EQ(c.fetch("t", 1), 1);
  c.advance(1'000);
  c.expire_offsets();
  EXPECT_FALSE(c.has_group());
  EXPECT_FALSE(c.reloaded()->find("group"));
}

TEST(GroupOffsets, AnEmptyGroupsOffsetsExpireAWeekAfterTheLastMemberLeft) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 1, consumer_of({"t"}));
  c.commit(ids[0], 1, {offset_of("t", 0, 1)});
  c.advance(1'000'000);
  c.leave(ids[0]);
  c.advance(week_ms - 1);
  c.expire_offsets();
  EXPECT_EQ(c.fetch("t", 0), 1);
  EXPECT_EQ(c.reloaded()->find("group")->offsets().size(), 1u);
  c.advance(1);
  c.expire_offsets();
  EXPECT_FALSE(c.has_group());
  EXPECT_FALSE(c.reloaded()->find("group"));
}

TEST(GroupOffsets, AnActiveConsumerGroupKeepsOffsetsOfItsTopics) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 1, consumer_of({"kept"}));
  c.commit(ids[0], 1, {offset_of("kept", 0, 1), offset_of("former", 0, 1)});
  for (std::int64_t passed = 0; passed < week_ms; passed += 1'000'000) {
    c.advance(1'000'000);
    c.heartbeat(ids[0], 1);
  }
  c.expire_offsets();
  EXPECT_EQ(c.fetch("kept", 0), 1);
  EXPECT_EQ(c.fetch("former", 0), -1);
  EXPECT_EQ(c.reloaded()->find("group")->offsets().size(), 1u);
}

TEST(GroupOffsets, OtherProtocolsKeepTheirOffsetsWhileTheyHaveMembers) {
  TestCoordinator c(without_delay());
  TestMember worker = consumer_of({"t"});
  worker.protocol_type = "connect";
  const auto ids = stable_group(c, 1, worker);
  c.commit(ids[0], 1, {offset_of("former", 0, 1)});
  for (std::int64_t passed = 0; passed <= week_ms; passed += 1'000'000) {
    c.advance(1'000'000);
    c.heartbeat(ids[0], 1);
  }
  c.expire_offsets();
  EXPECT_EQ(c.fetch("former", 0), 1);
}

TEST(GroupOffsets, AnEmptyGroupWithoutOffsetsIsBuried) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  c.leave(ids[0]);
  EXPECT_TRUE(c.has_group());
  c.expire_offsets();
  EXPECT_FALSE(c.has_group());
  EXPECT_FALSE(c.batch(c.batches() - 1).at(0).value);
  EXPECT_EQ(c.reloaded()->group_count(), 0u);
}

TEST(GroupOffsets, DeletingOffsetsSparesTopicsInUse) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 1, consumer_of({"used"}));
  c.commit(ids[0], 1, {offset_of("used", 0, 1), offset_of("former", 0, 1)});
  EXPECT_EQ(c.delete_offsets("used", {0}).partitions.at(0).at(0), ErrorCode::group_subscribed_to_topic);
  EXPECT_EQ(c.delete_offsets("former", {0, 9}).partitions.at(0), (std::vector{ErrorCode::none, ErrorCode::none}));
  EXPECT_EQ(c.fetch("used", 0), 1);
  EXPECT_EQ(c.fetch("former", 0), -1);
  EXPECT_EQ(c.reloaded()->find("group")->offsets().size(), 1u);
}

TEST(GroupOffsets, DeletingOffsetsOfAnotherProtocolNeedsAnEmptyGroup) {
  TestCoordinator c(without_delay());
  TestMember worker;
  worker.protocol_type = "connect";
  const auto ids = stable_group(c, 1, worker);
  EXPECT_EQ(c.delete_offsets("t", {0}).error, ErrorCode::non_empty_group);
  c.leave(ids[0]);
  EXPECT_EQ(c.delete_offsets("t", {0}).error, ErrorCode::none);
}

TEST(GroupOffsets, DeletingNoOffsetsAtAllKeepsAGroupWithoutAny) {
  TestCoordinator c;
  c.commit("", -1, {offset_of("t", 0, 1, std::string(4097, 'x'))});  // too large: the group is there, empty
  EXPECT_EQ(c.delete_offsets("t", {}).error, ErrorCode::none);
  EXPECT_TRUE(c.has_group());
  EXPECT_EQ(c.delete_offsets("t", {0}).error, ErrorCode::none);
  EXPECT_FALSE(c.has_group());
}

TEST(GroupOffsets, ADeletedGroupIsGoneFromTheLogToo) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  c.commit(ids[0], 1, {offset_of("t", 0, 1)});
  c.leave(ids[0]);
  EXPECT_EQ(c.remove(), ErrorCode::none);
  EXPECT_FALSE(c.has_group());
  EXPECT_EQ(c.fetch("t", 0), -1);
  EXPECT_EQ(c.reloaded()->group_count(), 0u);
  EXPECT_EQ(c.remove(), ErrorCode::group_id_not_found);
}

TEST(GroupOffsets, ACommitOnItsWayDoesNotBringADeletedGroupBack) {
  TestCoordinator c;
  c.hold_appends();
  const CallId call = c.commit("", -1, {offset_of("t", 0, 1)});
  EXPECT_EQ(c.remove(), ErrorCode::none);
  c.finish_appends();
  EXPECT_EQ(c.committed(call), std::vector{ErrorCode::none});
  EXPECT_FALSE(c.has_group());
  EXPECT_EQ(c.reloaded()->group_count(), 0u);
}

TEST(GroupOffsets, OffsetsOfDeletedPartitionsAreForgotten) {
  TestCoordinator c;
  c.commit("", -1, {offset_of("gone", 0, 1), offset_of("kept", 0, 1)});
  const std::vector<protocol::TopicPartition> deleted = {{"gone", 0}};
  c.carry_out(c.shard->forget_partitions(deleted, c.now));
  EXPECT_EQ(c.fetch("gone", 0), -1);
  EXPECT_EQ(c.fetch("kept", 0), 1);
  EXPECT_EQ(c.reloaded()->offset_count(), 1u);
}

}  // namespace
}  // namespace coordination::group

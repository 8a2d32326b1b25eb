// Deadlines: the initial delay, rebalance and session timeouts, members that vanish.
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

TEST(GroupTimers, ANewGroupWaitsForMoreMembers) {
  TestCoordinator c;  // 3 s
  const CallId first = c.join({});
  c.advance(2'999);
  EXPECT_FALSE(c.answered(first));
  c.advance(1);
  EXPECT_EQ(c.joined(first).members.size(), 1u);
}

TEST(GroupTimers, EachNewMemberExtendsTheInitialDelay) {
  TestCoordinator c;
  const CallId first = c.join({});
  c.advance(2'000);
  c.join({});
  c.advance(2'000);  // 4 s
  EXPECT_FALSE(c.answered(first));
  c.join({});
  c.advance(3'000);  // 7 s
  EXPECT_FALSE(c.answered(first));
  c.advance(2'000);  // 9 s: nobody came since 6 s
  EXPECT_EQ(c.joined(first).members.size(), 3u);
}

TEST(GroupTimers, TheInitialDelayEndsAtTheRebalanceTimeout) {
  TestCoordinator c;
  const CallId first = c.join({.rebalance_timeout_ms = 7'000});
  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(c.answered(first)) << i;
    c.advance(1'000);
    c.join({.rebalance_timeout_ms = 7'000});
  }
  EXPECT_TRUE(c.answered(first));
}

TEST(GroupTimers, AGroupThatWasEmptiedWaitsOnlyOnce) {
  TestCoordinator c;
  CallId first = c.join({});
  c.advance(3'000);
  c.leave(c.joined(first).member_id);
  ASSERT_EQ(c.state(), GroupState::empty);
  first = c.join({});
  c.advance(2'000);
  c.join({});
  c.advance(1'000);
  EXPECT_EQ(c.joined(first).members.size(), 2u);
}

TEST(GroupTimers, MembersThatDoNotRejoinAreDropped) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 3, {.session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000});
  const CallId rejoined = c.join({.id = ids[1], .rebalance_timeout_ms = 20'000, .protocols = {{"range", "new"}}});
  c.advance(19'999);
  EXPECT_FALSE(c.answered(rejoined));
  c.advance(1);
  const JoinResult result = c.joined(rejoined);
  EXPECT_EQ(result.leader_id, ids[1]);  // the old leader is gone
  EXPECT_EQ(result.members.size(), 1u);
  EXPECT_EQ(c.heartbeat(ids[0], result.generation), ErrorCode::unknown_member_id);
}

TEST(GroupTimers, SilentMembersAreRemoved) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2);
  const std::int32_t generation = c.group().generation();
  for (int i = 0; i < 3; ++i) {
    c.advance(4'000);
    const ErrorCode code = c.heartbeat(ids[0], generation);
    EXPECT_EQ(code, i < 2 ? ErrorCode::none : ErrorCode::rebalance_in_progress);
  }
  EXPECT_EQ(c.heartbeat(ids[1], generation), ErrorCode::unknown_member_id);
  EXPECT_EQ(c.joined(c.join({.id = ids[0]})).members.size(), 1u);
}

TEST(GroupTimers, TheLastSilentMemberLeavesTheGroupEmpty) {
  TestCoordinator c(without_delay());
  stable_group(c);
  c.advance(10'000);
  EXPECT_EQ(c.state(), GroupState::empty);
  EXPECT_EQ(c.group().generation(), 2);
  EXPECT_FALSE(c.group().wakeup_ms());
  EXPECT_EQ(c.reloaded()->find("group")->state(), GroupState::empty);
}

TEST(GroupTimers, CommitsAndSyncsKeepASessionAlive) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  for (int i = 0; i < 5; ++i) {
    c.advance(9'000);
    if (i % 2 == 0) {
      EXPECT_EQ(c.committed(c.commit(ids[0], 1, {offset_of("t", 0, i)})), std::vector{ErrorCode::none});
    } else {
      EXPECT_EQ(c.synced(c.sync(ids[0], 1)).error, ErrorCode::none);
    }
  }
  EXPECT_EQ(c.state(), GroupState::stable);
}

TEST(GroupTimers, WhoWaitsForTheOthersNeedsNoHeartbeat) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2, {.rebalance_timeout_ms = 120'000});
  const CallId waits = c.join({.id = ids[0], .rebalance_timeout_ms = 120'000});
  for (int i = 0; i < 6; ++i) {
    c.advance(9'000);
    EXPECT_EQ(c.heartbeat(ids[1], c.group().generation()), ErrorCode::rebalance_in_progress);
  }
  EXPECT_FALSE(c.answered(waits));
  c.join({.id = ids[1]});
  EXPECT_EQ(c.joined(waits).members.size(), 2u);
  // From its answer on, heartbeats are due again.
  c.advance(10'000);
  EXPECT_EQ(c.state(), GroupState::empty);
}

TEST(GroupTimers, NewMembersWaitAtMostFiveMinutes) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 1, {.session_timeout_ms = 1'800'000, .rebalance_timeout_ms = 900'000});
  const CallId waits = c.join({});
  c.advance(299'999);
  EXPECT_FALSE(c.answered(waits));
  c.advance(1);
  EXPECT_EQ(c.joined(waits).error, ErrorCode::unknown_member_id);
  EXPECT_EQ(c.joined(waits).member_id, "");
  EXPECT_EQ(c.joined(c.join({.id = ids[0]})).members.size(), 1u);
}

// A group of two that rebalances, where the leader's assignment waits for its follower. Returns their ids.
std::vector<std::string> two_that_rebalance(TestCoordinator& c) {
  const std::string leader = c.joined(c.join({})).member_id;
  const CallId second = c.join({});
  c.joined(c.join({.id = leader}));
  return {leader, c.joined(second).member_id};
}

GroupConfig with_follower_wait() {
  GroupConfig config = without_delay();
  config.follower_sync_wait_ms = 50;
  return config;
}

TEST(GroupTimers, AnAssignmentWaitsAMomentForTheFollowers) {
  TestCoordinator c(with_follower_wait());
  const auto ids = two_that_rebalance(c);
  const CallId leader = c.sync(ids[0], 2, {{ids[0], "a"}, {ids[1], "b"}});
  c.advance(49);
  EXPECT_FALSE(c.answered(leader));
  const CallId follower = c.sync(ids[1], 2);
  EXPECT_EQ(c.synced(leader).assignment, "a");
  EXPECT_EQ(c.synced(follower).assignment, "b");
  EXPECT_EQ(c.state(), GroupState::stable);
}

TEST(GroupTimers, AFollowerThatIsLateGetsItsAssignmentAllTheSame) {
  TestCoordinator c(with_follower_wait());
  const auto ids = two_that_rebalance(c);
  const CallId leader = c.sync(ids[0], 2, {{ids[0], "a"}, {ids[1], "b"}});
  c.advance(50);
  EXPECT_EQ(c.synced(leader).assignment, "a");
  EXPECT_EQ(c.synced(c.sync(ids[1], 2)).assignment, "b");
}

TEST(GroupTimers, ARebalanceForgetsTheAssignmentThatWaited) {
  TestCoordinator c(with_follower_wait());
  const auto ids = two_that_rebalance(c);
  const CallId leader = c.sync(ids[0], 2, {{ids[0], "a"}, {ids[1], "b"}});
  c.leave(ids[1]);
  EXPECT_EQ(c.synced(leader).error, ErrorCode::rebalance_in_progress);
  EXPECT_EQ(c.joined(c.join({.id = ids[0]})).generation, 3);
  c.advance(50);
  EXPECT_EQ(c.state(), GroupState::completing_rebalance);
}

TEST(GroupTimers, MembersThatNeverSyncAreDropped) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2, {.session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000});
  const TestMember leader{.id = ids[0], .session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000};
  c.join(leader);
  c.join({.id = ids[1], .session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000});
  const std::int32_t generation = c.group().generation();
  const CallId sync = c.sync(ids[1], generation);
  c.advance(20'000);  // the leader never assigned
  EXPECT_EQ(c.synced(sync).error, ErrorCode::rebalance_in_progress);
  const JoinResult next = c.joined(c.join({.id = ids[1]}));
  EXPECT_EQ(next.leader_id, ids[1]);
  EXPECT_EQ(next.members.size(), 1u);
}

TEST(GroupTimers, MembersThatNeverFetchTheirAssignmentAreDroppedFromAStableGroup) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2, {.session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000});
  c.join({.id = ids[0], .session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000});
  c.join({.id = ids[1], .session_timeout_ms = 600'000, .rebalance_timeout_ms = 20'000});
  c.sync(ids[0], c.group().generation(), {{ids[0], "a"}, {ids[1], "b"}});
  ASSERT_EQ(c.state(), GroupState::stable);
  c.advance(20'000);
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
  EXPECT_EQ(c.heartbeat(ids[1], c.group().generation()), ErrorCode::unknown_member_id);
}

TEST(GroupTimers, AStepIsNeverDueBeforeTheGroupSaysSo) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 3);
  const auto wakeup = c.shard->wakeup_ms();
  ASSERT_TRUE(wakeup);
  EXPECT_EQ(*wakeup, c.now.monotonic_ms + 10'000);
  c.advance(5'000);
  for (const auto& id : ids) c.heartbeat(id, c.group().generation());
  c.advance(5'000);  // wakes up, finds that all heartbeats came, and looks again when the next session may end
  EXPECT_EQ(c.state(), GroupState::stable);
  EXPECT_EQ(c.shard->wakeup_ms(), c.now.monotonic_ms + 5'000);
}

TEST(GroupTimers, ARebalanceTimeoutOfZeroDoesNotSpin) {
  TestCoordinator c(without_delay());
  const TestMember impatient{.instance = "i", .rebalance_timeout_ms = 0};
  const std::string id = c.joined(c.join(impatient)).member_id;
  c.sync(id, 1, {{id, "a"}}, "i");
  c.join({.rebalance_timeout_ms = 0});
  c.advance(60'000);
  SUCCEED();
}

}  // namespace
}  // namespace coordination::group

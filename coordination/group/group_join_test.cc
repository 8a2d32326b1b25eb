// Joining: ids, leaders, protocols, sizes, and what makes a group rebalance.
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

TEST(GroupJoin, FirstMemberLeadsAndAloneSeesTheMembers) {
  TestCoordinator c(without_delay());
  const JoinResult first = c.joined(c.join({}));
  EXPECT_EQ(first.error, ErrorCode::none);
  EXPECT_EQ(first.member_id, "client-uuid1");
  EXPECT_EQ(first.leader_id, first.member_id);
  EXPECT_EQ(first.generation, 1);
  EXPECT_EQ(first.protocol_type, "consumer");
  EXPECT_EQ(first.protocol_name, "range");
  ASSERT_EQ(first.members.size(), 1u);
  EXPECT_EQ(first.members[0].metadata, "metadata");
  EXPECT_FALSE(first.skip_assignment);

  const CallId second = c.join({.protocols = {{"range", "other"}}});
  EXPECT_FALSE(c.answered(second));
  const JoinResult leader = c.joined(c.join({.id = first.member_id}));
  EXPECT_EQ(leader.generation, 2);
  EXPECT_EQ(leader.members.size(), 2u);
  const JoinResult follower = c.joined(second);
  EXPECT_EQ(follower.leader_id, first.member_id);
  EXPECT_TRUE(follower.members.empty());
}

TEST(GroupJoin, TheLeaderIsAnsweredLast) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 3);
  std::vector<CallId> calls;
  for (const std::string& id : ids) calls.push_back(c.join({.id = id, .protocols = {{"range", "changed"}}}));
  const std::vector<CallId> last_three(c.reply_order.end() - 3, c.reply_order.end());
  EXPECT_EQ(last_three.back(), calls[0]);
  EXPECT_EQ(c.joined(calls[0]).leader_id, ids[0]);
}

TEST(GroupJoin, NewClientsGetTheirIdFirst) {
  TestCoordinator c(without_delay());
  const JoinResult required = c.joined(c.join({.requires_known_member_id = true}));
  EXPECT_EQ(required.error, ErrorCode::member_id_required);
  EXPECT_EQ(required.member_id, "client-uuid1");
  EXPECT_EQ(required.generation, -1);
  EXPECT_EQ(c.state(), GroupState::empty);
  EXPECT_EQ(c.joined(c.join({.id = required.member_id, .requires_known_member_id = true})).generation, 1);
}

TEST(GroupJoin, ARebalanceWaitsForIdsThatWereHandedOut) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  const std::string pending = c.joined(c.join({.requires_known_member_id = true})).member_id;
  const CallId rejoined = c.join({.id = ids[0]});
  EXPECT_FALSE(c.answered(rejoined));
  const JoinResult joined = c.joined(c.join({.id = pending}));
  EXPECT_EQ(joined.generation, 2);
  EXPECT_EQ(c.joined(rejoined).members.size(), 2u);
}

TEST(GroupJoin, AGroupThatItsLastMemberLeftWaitsForNoIdThatWasHandedOut) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  c.joined(c.join({.requires_known_member_id = true}));
  c.leave(ids[0]);
  EXPECT_EQ(c.state(), GroupState::empty);
}

TEST(GroupJoin, AnIdThatWasHandedOutExpires) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 1, {.session_timeout_ms = 1'800'000});
  const std::string pending = c.joined(c.join({.requires_known_member_id = true})).member_id;
  const CallId rejoined = c.join({.id = ids[0]});
  c.advance(9'999);
  EXPECT_FALSE(c.answered(rejoined));
  c.advance(1);
  EXPECT_EQ(c.joined(rejoined).members.size(), 1u);
  EXPECT_EQ(c.joined(c.join({.id = pending})).error, ErrorCode::unknown_member_id);
}

TEST(GroupJoin, AnIdThatWasHandedOutMayLeave) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c);
  const std::string pending = c.joined(c.join({.requires_known_member_id = true})).member_id;
  EXPECT_EQ(c.leave(pending).members, std::vector{ErrorCode::none});
  EXPECT_EQ(c.state(), GroupState::stable);
  EXPECT_EQ(c.joined(c.join({.id = ids[0]})).generation, 2);
}

TEST(GroupJoin, AnIdThatWasHandedOutIsNotForStaticMembers) {
  TestCoordinator c(without_delay());
  const std::string pending = c.joined(c.join({.requires_known_member_id = true})).member_id;
  EXPECT_EQ(c.joined(c.join({.id = pending, .instance = "i"})).error, ErrorCode::unknown_server_error);
}

TEST(GroupJoin, UnknownIdsAreRefused) {
  TestCoordinator c(without_delay());
  EXPECT_EQ(c.joined(c.join({.id = "nobody"})).error, ErrorCode::unknown_member_id);
  EXPECT_FALSE(c.has_group());
  stable_group(c);
  const JoinResult result = c.joined(c.join({.id = "nobody"}));
  EXPECT_EQ(result.error, ErrorCode::unknown_member_id);
  EXPECT_EQ(result.member_id, "nobody");
  EXPECT_EQ(c.state(), GroupState::stable);
}

TEST(GroupJoin, SessionTimeoutHasLimits) {
  TestCoordinator c(without_delay());
  EXPECT_EQ(c.joined(c.join({.session_timeout_ms = 5'999})).error, ErrorCode::invalid_session_timeout);
  EXPECT_EQ(c.joined(c.join({.session_timeout_ms = 1'800'001})).error, ErrorCode::invalid_session_timeout);
  EXPECT_EQ(c.joined(c.join({.session_timeout_ms = 6'000})).error, ErrorCode::none);
}

TEST(GroupJoin, AGroupNeedsItsName) {
  TestCoordinator c(without_delay());
  EXPECT_EQ(c.joined(c.join({}, "")).error, ErrorCode::invalid_group_id);
}

TEST(GroupJoin, AProtocolInCommonIsNeeded) {
  TestCoordinator c(without_delay());
  EXPECT_EQ(c.joined(c.join({.protocol_type = ""})).error, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(c.joined(c.join({.protocols = {}})).error, ErrorCode::inconsistent_group_protocol);
  stable_group(c);
  EXPECT_EQ(c.joined(c.join({.protocol_type = "connect"})).error, ErrorCode::inconsistent_group_protocol);
  const JoinResult other = c.joined(c.join({.protocols = {{"roundrobin", ""}}}));
  EXPECT_EQ(other.error, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(other.member_id, "");
  EXPECT_EQ(c.state(), GroupState::stable);
}

TEST(GroupJoin, MostVotesChooseTheProtocol) {
  TestCoordinator c(without_delay());
  const std::string first = c.joined(c.join({.protocols = {{"range", ""}, {"sticky", ""}}})).member_id;
  const CallId second = c.join({.protocols = {{"sticky", ""}, {"range", ""}}});
  const CallId third = c.join({.protocols = {{"cooperative", ""}, {"sticky", ""}, {"range", ""}}});
  const JoinResult leader = c.joined(c.join({.id = first, .protocols = {{"range", ""}, {"sticky", ""}}}));
  // The third one's favourite isn't known to all; its next choice decides.
  EXPECT_EQ(leader.protocol_name, "sticky");
  EXPECT_EQ(c.joined(second).protocol_name, "sticky");
  EXPECT_EQ(c.joined(third).protocol_name, "sticky");
}

TEST(GroupJoin, AFullGroupTakesNobody) {
  GroupConfig config = without_delay();
  config.max_size = 2;
  TestCoordinator c(config);
  const auto ids = stable_group(c, 2);
  const JoinResult refused = c.joined(c.join({}));
  EXPECT_EQ(refused.error, ErrorCode::group_max_size_reached);
  EXPECT_EQ(refused.member_id, "");
  EXPECT_EQ(c.state(), GroupState::stable);

  // While members gather, those who wait count.
  c.join({.id = ids[0]});
  const CallId newcomer = c.join({});
  EXPECT_EQ(c.joined(c.join({.id = ids[1]})).error, ErrorCode::group_max_size_reached);
  EXPECT_EQ(c.joined(newcomer).generation, c.group().generation());
}

TEST(GroupJoin, FollowerWithTheSameMetadataCausesNoRebalance) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2);
  const std::int32_t generation = c.group().generation();
  const JoinResult result = c.joined(c.join({.id = ids[1]}));
  EXPECT_EQ(result.generation, generation);
  EXPECT_EQ(result.leader_id, ids[0]);
  EXPECT_EQ(c.state(), GroupState::stable);
  EXPECT_EQ(c.synced(c.sync(ids[1], generation)).assignment, "assignment1");
}

TEST(GroupJoin, ChangedMetadataCausesARebalance) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2);
  const CallId changed = c.join({.id = ids[1], .protocols = {{"range", "changed"}}});
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
  const JoinResult leader = c.joined(c.join({.id = ids[0]}));
  EXPECT_EQ(leader.members.at(1).metadata, "changed");
  EXPECT_TRUE(c.answered(changed));
}

TEST(GroupJoin, ChangedMetadataWhileAssigningStartsAnew) {
  TestCoordinator c(without_delay());
  auto ids = stable_group(c, 2);
  c.join({.id = ids[0]});
  c.join({.id = ids[1]});
  ASSERT_EQ(c.state(), GroupState::completing_rebalance);
  const std::int32_t generation = c.group().generation();
  const CallId waits = c.sync(ids[1], generation);
  c.join({.id = ids[0], .protocols = {{"range", "changed"}}});
  EXPECT_EQ(c.synced(waits).error, ErrorCode::rebalance_in_progress);
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
}

TEST(GroupJoin, LeaderIsReplacedWhenItLeaves) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 3);
  c.leave(ids[0]);
  c.join({.id = ids[2]});
  const JoinResult leader = c.joined(c.join({.id = ids[1]}));
  EXPECT_EQ(leader.leader_id, ids[1]);
  EXPECT_EQ(leader.members.size(), 2u);
}

TEST(GroupJoin, OfTwoCallsOfOneMemberTheLaterIsAnsweredWithTheGeneration) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2);
  const CallId earlier = c.join({.id = ids[0]});
  const CallId later = c.join({.id = ids[0]});
  EXPECT_EQ(c.joined(earlier).error, ErrorCode::rebalance_in_progress);
  c.join({.id = ids[1]});
  EXPECT_EQ(c.joined(later).error, ErrorCode::none);
}

TEST(GroupJoin, MissingAssignmentsAreEmptyAndStrangersAreIgnored) {
  TestCoordinator c(without_delay());
  auto ids = stable_group(c, 2);
  c.join({.id = ids[0]});
  c.join({.id = ids[1]});
  const std::int32_t generation = c.group().generation();
  const CallId follower = c.sync(ids[1], generation);
  const CallId leader = c.sync(ids[0], generation, {{ids[0], "all"}, {"stranger", "some"}});
  EXPECT_EQ(c.synced(leader).assignment, "all");
  EXPECT_EQ(c.synced(follower).error, ErrorCode::none);
  EXPECT_EQ(c.synced(follower).assignment, "");
}

TEST(GroupJoin, AssignmentIsInTheLogBeforeAnyoneGetsIt) {
  TestCoordinator c(without_delay());
  const std::string id = c.joined(c.join({})).member_id;
  c.hold_appends();
  const CallId call = c.sync(id, 1, {{id, "mine"}});
  const CallId repeated = c.sync(id, 1, {{id, "else"}});
  EXPECT_EQ(c.synced(call).error, ErrorCode::rebalance_in_progress);  // superseded by the same member's next call
  EXPECT_FALSE(c.answered(repeated));
  EXPECT_EQ(c.state(), GroupState::completing_rebalance);
  c.finish_appends();
  EXPECT_EQ(c.synced(repeated).assignment, "mine");
  EXPECT_EQ(c.batches(), 1u);
}

TEST(GroupJoin, AnAssignmentThatCannotBeWrittenStartsARebalance) {
  const std::map<ErrorCode, ErrorCode> codes = {{ErrorCode::not_enough_replicas, ErrorCode::coordinator_not_available},
                                                {ErrorCode::not_leader_or_follower, ErrorCode::not_coordinator},
                                                {ErrorCode::kafka_storage_error, ErrorCode::not_coordinator},
                                                {ErrorCode::request_timed_out, ErrorCode::rebalance_in_progress},
                                                {ErrorCode::message_too_large, ErrorCode::unknown_server_error}};
  for (const auto& [append_error, expected] : codes) {
    TestCoordinator c(without_delay());
    const std::string id = c.joined(c.join({})).member_id;
    c.refuse_appends(append_error);
    EXPECT_EQ(c.synced(c.sync(id, 1, {{id, "mine"}})).error, expected);
    EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
    c.refuse_appends(ErrorCode::none);
    EXPECT_EQ(c.joined(c.join({.id = id})).generation, 2);
  }
}

TEST(GroupJoin, ARebalanceDuringTheAppendMakesItsOutcomeIrrelevant) {
  TestCoordinator c(without_delay());
  const std::string id = c.joined(c.join({})).member_id;
  c.hold_appends();
  const CallId sync = c.sync(id, 1, {{id, "mine"}});
  c.join({});
  EXPECT_EQ(c.synced(sync).error, ErrorCode::rebalance_in_progress);
  c.finish_appends();
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
}

}  // namespace
}  // namespace coordination::group

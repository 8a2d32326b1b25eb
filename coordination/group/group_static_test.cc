// Static members (KIP-345): their instance id outlives their member id.
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

// Two static members "a" (leader) and "b", stable.
std::vector<std::string> static_group(TestCoordinator& c) {
  const std::string a = c.joined(c.join({.instance = "a"})).member_id;
  const CallId b_call = c.join({.instance = "b"});
  c.join({.id = a, .instance = "a"});
  const std::string b = c.joined(b_call).member_id;
  const std::int32_t generation = c.group().generation();
  c.sync(b, generation, {}, "b");
  c.sync(a, generation, {{a, "for a"}, {b, "for b"}}, "a");
  EXPECT_EQ(c.state(), GroupState::stable);
  return {a, b};
}

TEST(GroupStatic, IdsComeFromTheInstance) {
  TestCoordinator c(without_delay());
  EXPECT_EQ(c.joined(c.join({.instance = "a"})).member_id, "a-uuid1");
}

TEST(GroupStatic, AFollowerComesBackWithoutARebalance) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  const std::int32_t generation = c.group().generation();
  const JoinResult back = c.joined(c.join({.instance = "b"}));
  EXPECT_EQ(back.error, ErrorCode::none);
  EXPECT_NE(back.member_id, ids[1]);
  EXPECT_EQ(back.generation, generation);
  EXPECT_FALSE(back.skip_assignment);
  EXPECT_EQ(back.leader_id, ids[0]);
  EXPECT_EQ(c.state(), GroupState::stable);
  EXPECT_EQ(c.synced(c.sync(back.member_id, generation, {}, "b")).assignment, "for b");
  // The old incarnation is fenced.
  EXPECT_EQ(c.heartbeat(ids[1], generation, "b"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(c.heartbeat(ids[1], generation), ErrorCode::unknown_member_id);
  EXPECT_EQ(c.heartbeat(back.member_id, generation, "b"), ErrorCode::none);
  // The log knows the new id.
  EXPECT_NE(c.reloaded()->find("group")->members().find(back.member_id), nullptr);
}

TEST(GroupStatic, TheLeaderComesBackAndSkipsTheAssignment) {
  TestCoordinator c(without_delay());
  static_group(c);
  const JoinResult back = c.joined(c.join({.instance = "a"}));
  EXPECT_TRUE(back.skip_assignment);
  EXPECT_EQ(back.leader_id, back.member_id);
  EXPECT_EQ(back.members.size(), 2u);
  EXPECT_EQ(c.state(), GroupState::stable);
}

TEST(GroupStatic, AnOldClientThatLedDoesNotLearnThatItStillLeads) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  const JoinResult back = c.joined(c.join({.instance = "a", .supports_skip_assignment = false}));
  EXPECT_FALSE(back.skip_assignment);
  EXPECT_EQ(back.leader_id, ids[0]);
  EXPECT_TRUE(back.members.empty());
  EXPECT_TRUE(c.group().members().is_leader(back.member_id));
}

TEST(GroupStatic, AChangeOfTheChosenProtocolRebalances) {
  TestCoordinator c(without_delay());
  const std::string a = c.joined(c.join({.instance = "a", .protocols = {{"x", ""}, {"y", ""}}})).member_id;
  c.sync(a, 1, {{a, "all"}}, "a");
  const CallId back = c.join({.instance = "a", .protocols = {{"y", ""}}});
  EXPECT_EQ(c.joined(back).generation, 2);
  EXPECT_EQ(c.joined(back).protocol_name, "y");
}

TEST(GroupStatic, ComingBackWhileAssigningRebalances) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  c.join({.id = ids[0], .instance = "a"});
  c.join({.id = ids[1], .instance = "b"});
  ASSERT_EQ(c.state(), GroupState::completing_rebalance);
  const CallId old_sync = c.sync(ids[1], c.group().generation(), {}, "b");
  c.join({.instance = "b"});
  EXPECT_EQ(c.synced(old_sync).error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
}

TEST(GroupStatic, TheOldIncarnationsParkedJoinIsFenced) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  const CallId old_join = c.join({.id = ids[0], .instance = "a"});
  ASSERT_FALSE(c.answered(old_join));
  const CallId back = c.join({.instance = "a"});
  EXPECT_EQ(c.joined(old_join).error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(c.joined(old_join).member_id, ids[0]);
  c.join({.id = ids[1], .instance = "b"});
  EXPECT_EQ(c.joined(back).members.size(), 2u);
}

TEST(GroupStatic, AbsentStaticMembersStayUntilTheirSessionEnds) {
  TestCoordinator c(without_delay());
  const std::string a =
      c.joined(c.join({.instance = "a", .session_timeout_ms = 200'000, .rebalance_timeout_ms = 20'000})).member_id;
  c.sync(a, 1, {{a, "all"}}, "a");
  const CallId newcomer = c.join({.rebalance_timeout_ms = 20'000});
  c.advance(20'000);
  const JoinResult joined = c.joined(newcomer);
  EXPECT_EQ(joined.leader_id, joined.member_id);  // the absent leader is replaced, but still a member
  EXPECT_EQ(joined.members.size(), 2u);
}

TEST(GroupStatic, WhenOnlyAbsentStaticMembersAreLeftTheRebalanceGoesOn) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);  // sessions of 10 s, rebalance timeout of 60 s
  c.leave(ids[0]);
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
  c.advance(9'999);
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
  c.advance(1);
  EXPECT_EQ(c.state(), GroupState::empty);
}

TEST(GroupStatic, AnAdministratorRemovesByInstanceId) {
  TestCoordinator c(without_delay());
  static_group(c);
  EXPECT_EQ(c.leave("", "b").members, std::vector{ErrorCode::none});
  EXPECT_EQ(c.leave("", "b").members, std::vector{ErrorCode::unknown_member_id});
  EXPECT_EQ(c.leave("").members, std::vector{ErrorCode::unknown_member_id});
  EXPECT_EQ(c.group().members().size(), 1u);
}

TEST(GroupStatic, RequestsUnderAnotherIdAreFenced) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  const std::int32_t generation = c.group().generation();
  EXPECT_EQ(c.joined(c.join({.id = ids[0], .instance = "b"})).error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(c.synced(c.sync(ids[0], generation, {}, "b")).error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(c.heartbeat(ids[0], generation, "b"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(c.leave(ids[0], "b").members, std::vector{ErrorCode::fenced_instance_id});
  EXPECT_EQ(c.heartbeat(ids[0], generation, "nobody"), ErrorCode::unknown_member_id);
}

TEST(GroupStatic, AnIdThatCannotBeWrittenIsTakenBack) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  c.refuse_appends(ErrorCode::not_leader_or_follower);
  const JoinResult back = c.joined(c.join({.instance = "b"}));
  EXPECT_EQ(back.error, ErrorCode::not_coordinator);
  EXPECT_EQ(back.member_id, "");
  EXPECT_EQ(c.heartbeat(ids[1], c.group().generation(), "b"), ErrorCode::none);
}

TEST(GroupStatic, ARebalanceWhileTheNewIdIsWrittenAnswersAtItsEnd) {
  TestCoordinator c(without_delay());
  const auto ids = static_group(c);
  c.hold_appends();
  const CallId back = c.join({.instance = "b"});
  c.join({.id = ids[0], .instance = "a"});  // the leader asks for a rebalance, which all have joined now
  c.finish_appends();
  EXPECT_EQ(c.joined(back).generation, c.group().generation());
  EXPECT_EQ(c.state(), GroupState::completing_rebalance);
}

}  // namespace
}  // namespace coordination::group

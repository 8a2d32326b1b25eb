// Every request in every state of a group, as a table.
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

// A group in a wanted state, with one member who knows its id and generation.
struct InState {
  explicit InState(GroupState state) : c(without_delay()) {
    switch (state) {
      case GroupState::dead:
        member = "client-nobody";
        generation = 1;
        return;
      case GroupState::empty:
        member = stable_group(c).at(0);
        c.leave(member);
        break;
      case GroupState::preparing_rebalance: {
        const auto ids = stable_group(c, 2);
        member = ids.at(0);
        c.join({.id = ids.at(1), .protocols = {{"range", "changed"}}});
        break;
      }
      case GroupState::completing_rebalance:
        member = c.joined(c.join({})).member_id;
        break;
      case GroupState::stable:
        member = stable_group(c).at(0);
        break;
    }
    generation = c.group().generation();
    EXPECT_EQ(c.state(), state);
  }

  TestCoordinator c;
  std::string member;
  std::int32_t generation = -1;
};

using enum GroupState;
constexpr GroupState all_states[] = {empty, preparing_rebalance, completing_rebalance, stable, dead};

TEST(GroupStates, HeartbeatInEveryState) {
  const std::map<GroupState, ErrorCode> expected = {{empty, ErrorCode::unknown_member_id},
                                                    {preparing_rebalance, ErrorCode::rebalance_in_progress},
                                                    {completing_rebalance, ErrorCode::none},
                                                    {stable, ErrorCode::none},
                                                    {dead, ErrorCode::unknown_member_id}};
  for (const GroupState state : all_states) {
    InState in(state);
    EXPECT_EQ(in.c.heartbeat(in.member, in.generation), expected.at(state)) << name(state);
  }
}

TEST(GroupStates, HeartbeatOfAnotherGenerationOrAStrangerIsRefused) {
  for (const GroupState state : {preparing_rebalance, completing_rebalance, stable}) {
    InState in(state);
    EXPECT_EQ(in.c.heartbeat(in.member, in.generation - 1), ErrorCode::illegal_generation) << name(state);
    EXPECT_EQ(in.c.heartbeat(in.member, in.generation + 1), ErrorCode::illegal_generation) << name(state);
    EXPECT_EQ(in.c.heartbeat("stranger", in.generation), ErrorCode::unknown_member_id) << name(state);
  }
}

TEST(GroupStates, SyncInEveryState) {
  const std::map<GroupState, ErrorCode> expected = {{empty, ErrorCode::unknown_member_id},
                                                    {preparing_rebalance, ErrorCode::rebalance_in_progress},
                                                    {completing_rebalance, ErrorCode::none},
                                                    {stable, ErrorCode::none},
                                                    {dead, ErrorCode::unknown_member_id}};
  for (const GroupState state : all_states) {
    InState in(state);
    const CallId call = in.c.sync(in.member, in.generation, {{in.member, "mine"}});
    const SyncResult result = in.c.synced(call);
    EXPECT_EQ(result.error, expected.at(state)) << name(state);
    if (state == completing_rebalance) {
      EXPECT_EQ(result.assignment, "mine");
      EXPECT_EQ(in.c.state(), stable);
    }
    if (state == stable) EXPECT_EQ(result.assignment, "assignment0");
  }
}

TEST(GroupStates, SyncNamesTheProtocolOrIsRefused) {
  InState in(stable);
  SyncCall request{.group_id = "group", .member_id = in.member, .generation = in.generation};
  const auto code = [&](std::optional<std::string_view> type, std::optional<std::string_view> protocol) {
    request.protocol_type = type;
    request.protocol_name = protocol;
    const Effects effects = in.c.shard->sync(900, request, in.c.now);
    return std::get<SyncResult>(effects.replies.at(0).result).error;
  };
  EXPECT_EQ(code("consumer", "range"), ErrorCode::none);
  EXPECT_EQ(code("connect", "range"), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(code("consumer", "roundrobin"), ErrorCode::inconsistent_group_protocol);
  request.generation = in.generation + 1;
  EXPECT_EQ(code("consumer", "range"), ErrorCode::illegal_generation);
}

TEST(GroupStates, CommitOfAMemberInEveryState) {
  const std::map<GroupState, ErrorCode> expected = {{empty, ErrorCode::unknown_member_id},
                                                    {preparing_rebalance, ErrorCode::none},
                                                    {completing_rebalance, ErrorCode::rebalance_in_progress},
                                                    {stable, ErrorCode::none},
                                                    {dead, ErrorCode::illegal_generation}};
  for (const GroupState state : all_states) {
    InState in(state);
    const CallId call = in.c.commit(in.member, in.generation, {offset_of("t", 0, 7)});
    EXPECT_EQ(in.c.committed(call), std::vector{expected.at(state)}) << name(state);
    EXPECT_EQ(in.c.fetch("t", 0), expected.at(state) == ErrorCode::none ? 7 : -1) << name(state);
  }
}

TEST(GroupStates, CommitWithoutMembershipInEveryState) {
  const std::map<GroupState, ErrorCode> expected = {{empty, ErrorCode::none},
                                                    {preparing_rebalance, ErrorCode::unknown_member_id},
                                                    {completing_rebalance, ErrorCode::unknown_member_id},
                                                    {stable, ErrorCode::unknown_member_id},
                                                    {dead, ErrorCode::none}};  // makes the group
  for (const GroupState state : all_states) {
    InState in(state);
    const CallId call = in.c.commit("", -1, {offset_of("t", 0, 7)});
    EXPECT_EQ(in.c.committed(call), std::vector{expected.at(state)}) << name(state);
  }
}

TEST(GroupStates, LeaveInEveryState) {
  for (const GroupState state : all_states) {
    InState in(state);
    const LeaveResult result = in.c.leave(in.member);
    EXPECT_EQ(result.error, ErrorCode::none);
    const bool is_member = state != empty && state != dead;
    EXPECT_EQ(result.members, std::vector{is_member ? ErrorCode::none : ErrorCode::unknown_member_id}) << name(state);
    if (state == completing_rebalance || state == stable) EXPECT_EQ(in.c.state(), empty) << name(state);
    if (state == preparing_rebalance) EXPECT_EQ(in.c.state(), completing_rebalance);
  }
}

TEST(GroupStates, JoinWithOnesOwnIdInEveryState) {
  for (const GroupState state : all_states) {
    InState in(state);
    const std::int32_t before = in.generation;
    const JoinResult result = in.c.joined(in.c.join({.id = in.member}));
    switch (state) {
      case empty:
      case dead:
        EXPECT_EQ(result.error, ErrorCode::unknown_member_id);
        EXPECT_EQ(result.member_id, in.member);
        break;
      case preparing_rebalance:  // the last one that was missing
        EXPECT_EQ(result.error, ErrorCode::none);
        EXPECT_EQ(result.generation, before + 1);
        break;
      case completing_rebalance:  // its answer got lost
        EXPECT_EQ(result.generation, before);
        EXPECT_EQ(result.members.size(), 1u);
        break;
      case stable:  // the leader asks for a rebalance
        EXPECT_EQ(result.generation, before + 1);
        break;
    }
  }
}

TEST(GroupStates, DeleteInEveryState) {
  const std::map<GroupState, ErrorCode> expected = {{empty, ErrorCode::none},
                                                    {preparing_rebalance, ErrorCode::non_empty_group},
                                                    {completing_rebalance, ErrorCode::non_empty_group},
                                                    {stable, ErrorCode::non_empty_group},
                                                    {dead, ErrorCode::group_id_not_found}};
  for (const GroupState state : all_states) {
    InState in(state);
    EXPECT_EQ(in.c.remove(), expected.at(state)) << name(state);
  }
}

TEST(GroupStates, DeleteOffsetsInEveryState) {
  for (const GroupState state : all_states) {
    InState in(state);
    const DeleteOffsetsResult result = in.c.delete_offsets("t", {0, 1});
    if (state == dead) {
      EXPECT_EQ(result.error, ErrorCode::group_id_not_found);
    } else {
      // The test's metadata is no subscription, so the topics of a group with members count as consumed.
      EXPECT_EQ(result.error, ErrorCode::none);
      const ErrorCode code = state == empty ? ErrorCode::none : ErrorCode::group_subscribed_to_topic;
      EXPECT_EQ(result.partitions.at(0), (std::vector{code, code})) << name(state);
    }
  }
}

TEST(GroupStates, DescribeShowsMetadataOnlyWhenStable) {
  const std::map<GroupState, std::string> names = {{empty, "Empty"},
                                                   {preparing_rebalance, "PreparingRebalance"},
                                                   {completing_rebalance, "CompletingRebalance"},
                                                   {stable, "Stable"},
                                                   {dead, "Dead"}};
  for (const GroupState state : all_states) {
    InState in(state);
    const GroupDescription description = in.c.shard->describe("group");
    EXPECT_EQ(description.error, ErrorCode::none);
    EXPECT_EQ(description.state, names.at(state));
    EXPECT_EQ(description.exists, state != dead);
    EXPECT_EQ(description.protocol, state == stable ? "range" : "");
    for (const DescribedMember& member : description.members) {
      EXPECT_EQ(member.client_id, "client");
      EXPECT_EQ(member.client_host, "/127.0.0.1");
      EXPECT_EQ(member.metadata, state == stable ? "metadata" : "");
      EXPECT_EQ(member.assignment, state == stable ? "assignment0" : "");
    }
  }
}

TEST(GroupStates, FetchAnswersInEveryState) {
  for (const GroupState state : all_states) {
    InState in(state);
    const FetchedOffset fetched = in.c.fetch_full("never", 3);
    EXPECT_EQ(fetched.offset, -1);
    EXPECT_EQ(fetched.metadata, "");
    EXPECT_EQ(fetched.error, ErrorCode::none);
  }
}

}  // namespace
}  // namespace coordination::group

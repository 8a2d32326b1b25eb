// The shell of the groups: leadership, waiting requests, timers, appends in order.
#include <atomic>
#include <thread>

#include "broker/groups/group_test_environment.h"
#include "broker/groups/shard_runner.h"
#include "broker/handlers/delete_groups.h"
#include "broker/handlers/describe_groups.h"
#include "broker/handlers/heartbeat.h"
#include "broker/handlers/join_group.h"
#include "broker/handlers/offset_commit.h"
#include "broker/handlers/offset_fetch.h"
#include "broker/handlers/sync_group.h"

namespace broker {
namespace {

namespace group = coordination::group;
using group::GroupShard;
using group::Instant;
using protocol::ErrorCode;

TEST(GroupCoordinator, AJoinWaitsForTheOtherMembers) {
  GroupTestEnvironment env;
  const JoinGroupHandler join(env.groups);
  const auto first = env.ask(join, join_request("g"), 3);
  ASSERT_EQ(first.error_code, ErrorCode::none);
  std::optional<protocol::JoinGroupResponse> second;
  env.start(join, join_request("g"), 3, second);
  EXPECT_FALSE(second);
  const auto again = env.ask(join, join_request("g", first.member_id.str()), 3);
  EXPECT_EQ(again.members.size(), 2u);
  env.pump_until(second);
  EXPECT_EQ(second->generation_id, again.generation_id);
  EXPECT_EQ(second->leader, first.member_id);
}

TEST(GroupCoordinator, MemberIdsAreTheClientsNameAndAUuid) {
  GroupTestEnvironment env;
  const auto joined = env.ask(JoinGroupHandler(env.groups), join_request("g"), 3);
  const std::string id = joined.member_id.str();
  ASSERT_EQ(id.size(), std::string("test-client-").size() + 36);
  EXPECT_TRUE(id.starts_with("test-client-"));
  EXPECT_EQ(id[id.size() - 36 + 14], '4');
  EXPECT_NE(env.ask(JoinGroupHandler(env.groups), join_request("other"), 3).member_id.str(), id);
}

TEST(GroupCoordinator, GroupsAreLoadedWhenSomebodyAsksForThem) {
  GroupTestEnvironment env;
  EXPECT_EQ(env.log->loads(), 0);
  env.ask(JoinGroupHandler(env.groups), join_request("g"), 3);
  EXPECT_EQ(env.log->loads(), 1);
  env.ask(HeartbeatHandler(env.groups), {}, 3);
  EXPECT_EQ(env.log->loads(), 2);  // the partition of the group without a name
}

TEST(GroupCoordinator, AfterAMoveTheNewCoordinatorKnowsTheGroup) {
  GroupTestEnvironment env;
  const JoinGroupHandler join(env.groups);
  const SyncGroupHandler sync(env.groups);
  const HeartbeatHandler heartbeat(env.groups);
  const std::string id = env.ask(join, join_request("g"), 3).member_id.str();
  env.ask(sync, sync_request("g", id, 1, "mine"), 3);
  const std::int32_t partition = env.groups.partition_for("g");
  env.resign(partition);
  protocol::HeartbeatRequest beat;
  beat.group_id = "g";
  beat.member_id = id;
  beat.generation_id = 1;
  EXPECT_EQ(env.ask(heartbeat, beat, 3).error_code, ErrorCode::not_coordinator);
  env.lead(partition, 2);
  EXPECT_EQ(env.ask(heartbeat, beat, 3).error_code, ErrorCode::none);
  EXPECT_EQ(protocol::as_text(env.ask(sync, sync_request("g", id, 1), 3).assignment), "mine");
}

TEST(GroupCoordinator, ALoadThatFailedIsTriedAgainAndClientsWait) {
  GroupTestEnvironment env;
  const JoinGroupHandler join(env.groups);
  env.log->fail_loads(1);
  EXPECT_EQ(env.ask(join, join_request("g"), 3).error_code, ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ(env.ask(join, join_request("g"), 3).error_code, ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ(env.log->loads(), 1);
  env.clock.advance_ms(1000);
  EXPECT_EQ(env.ask(join, join_request("g"), 3).error_code, ErrorCode::none);
  EXPECT_EQ(env.log->loads(), 2);
}

TEST(GroupCoordinator, WhoLooksAtAGroupSeesNoMemberWhoseSessionIsOver) {
  GroupTestEnvironment env;
  const auto request = join_request("g");
  const std::string id = env.ask(JoinGroupHandler(env.groups), request, 3).member_id.str();
  env.ask(SyncGroupHandler(env.groups), sync_request("g", id, 1, "mine"), 3);
  protocol::DescribeGroupsRequest describe;
  describe.groups = {protocol::String("g")};
  protocol::DeleteGroupsRequest remove;
  remove.groups_names = {protocol::String("g")};
  const DescribeGroupsHandler describer(env.groups);
  const DeleteGroupsHandler remover(env.groups);
  EXPECT_EQ(env.ask(describer, describe, 5).groups.at(0).group_state, protocol::String("Stable"));
  EXPECT_EQ(env.ask(remover, remove, 2).results.at(0).error_code, ErrorCode::non_empty_group);
  env.clock.advance_ms(request.session_timeout_ms);
  EXPECT_EQ(env.ask(describer, describe, 5).groups.at(0).group_state, protocol::String("Empty"));
  EXPECT_EQ(env.ask(remover, remove, 2).results.at(0).error_code, ErrorCode::none);
}

TEST(GroupCoordinator, LosingThePartitionAnswersWhoWaits) {
  GroupTestEnvironment env;
  const JoinGroupHandler join(env.groups);
  env.ask(join, join_request("g"), 3);
  std::optional<protocol::JoinGroupResponse> waits;
  env.start(join, join_request("g"), 3, waits);
  ASSERT_FALSE(waits);
  env.resign(env.groups.partition_for("g"));
  env.pump_until(waits);
  EXPECT_EQ(waits->error_code, ErrorCode::not_coordinator);
}

TEST(GroupCoordinator, AClosedConnectionEndsTheWait) {
  GroupTestEnvironment env;
  const JoinGroupHandler join(env.groups);
  env.ask(join, join_request("g"), 3);
  std::optional<protocol::JoinGroupResponse> waits;
  env.start(join, join_request("g"), 3, waits);
  env.loop.cancel_list().cancel_all();
  env.pump_until(waits);
  EXPECT_NE(waits->error_code, ErrorCode::none);
}

TEST(GroupCoordinator, AnAssignmentWaitsForItsReplication) {
  GroupTestEnvironment env;
  const std::string id = env.ask(JoinGroupHandler(env.groups), join_request("g"), 3).member_id.str();
  const SyncGroupHandler sync(env.groups);
  env.log->hold();
  std::optional<protocol::SyncGroupResponse> waits;
  env.start(sync, sync_request("g", id, 1, "mine"), 3, waits);
  EXPECT_FALSE(waits);
  std::thread([&] { env.log->finish(); }).join();
  env.pump_until(waits);
  EXPECT_EQ(protocol::as_text(waits->assignment), "mine");
}

TEST(GroupCoordinator, TimersRunOnTheExecutor) {
  GroupTestEnvironment env(20);  // initial delay
  env.groups.start();
  const auto keep_running = boost::asio::make_work_guard(env.loop.io());
  std::optional<protocol::JoinGroupResponse> joined;
  const JoinGroupHandler join(env.groups);
  env.start(join, join_request("g"), 3, joined);
  env.pump_until(joined);
  EXPECT_EQ(joined->generation_id, 1);
  std::thread network([&] {
    env.loop.io().restart();
    env.loop.io().run();
  });
  env.groups.stop();
  env.loop.io().stop();
  network.join();
}

TEST(GroupCoordinator, ListsTheGroupsOfAllPartitions) {
  GroupTestEnvironment env;
  for (int i = 0; i < 20; ++i) env.ask(JoinGroupHandler(env.groups), join_request("g" + std::to_string(i)), 3);
  EXPECT_EQ(env.groups.counts().groups, 20u);
  EXPECT_EQ(env.groups.counts().completing_rebalance, 20u);
}

TEST(GroupCoordinator, CountsTheGroupsThatNobodyAskedForSinceTheStart) {
  GroupTestEnvironment env;
  const JoinGroupHandler join(env.groups);
  const SyncGroupHandler sync(env.groups);
  for (int i = 0; i < 20; ++i) {
    const std::string name = "g" + std::to_string(i);
    const std::string id = env.ask(join, join_request(name), 3).member_id.str();
    ASSERT_EQ(env.ask(sync, sync_request(name, id, 1), 3).error_code, ErrorCode::none);
  }
  for (std::int32_t partition = 0; partition < test_partition_count; ++partition) {
    env.resign(partition);
    env.lead(partition, 1);
  }
  constexpr int patience = 2000;
  std::size_t found = 0;
  for (int i = 0; i < patience && found < 20; ++i) {
    found = env.groups.counts().groups;
    if (found < 20) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(found, 20u);
}

// Many threads commit to the groups of one shard: the log's order and the shard's state agree, and all are answered.
TEST(ShardRunnerTest, KeepsTheOrderOfStepsInTheLog) {
  MemoryOffsetsLog log;
  const group::GroupConfig config;
  const protocol::SystemClock clock;
  const auto runner = std::make_shared<ShardRunner>(0, config, log, clock, [](std::int64_t) {});
  runner->look([](GroupShard& groups, Instant now) {
    groups.start_loading(1);
    groups.finish_loading(now);
    return true;
  });
  constexpr int threads = 4;
  constexpr int commits = 500;
  std::atomic<protocol::Offset> next{0};
  const auto commit_all = [&] {
    for (int i = 0; i < commits; ++i) {
      const auto [id, call] = runner->calls().begin();
      group::CommitCall request{.group_id = "g", .generation = -1};
      request.offsets.push_back({"t", i % 3, {.offset = ++next}});
      runner->run([&, call_id = id](GroupShard& groups, Instant now) {
        return groups.commit(call_id, std::move(request), now);
      });
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(commit_all);
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(runner->calls().size(), 0u);

  const auto batches = log.batches(0);
  EXPECT_EQ(batches.size(), static_cast<std::size_t>(threads * commits));
  GroupShard reloaded(config);
  reloaded.start_loading(2);
  for (std::size_t offset = 0; offset < batches.size(); ++offset) {
    for (const auto& record : batches[offset]) {
      reloaded.load_record(protocol::as_bytes(record.key), protocol::as_bytes(*record.value),
                           static_cast<protocol::Offset>(offset), std::nullopt, {});
    }
  }
  for (int partition = 0; partition < 3; ++partition) {
    const auto live = runner->look(
        [&](GroupShard& groups, Instant) { return groups.find("g")->offsets().find("t", partition)->offset; });
    EXPECT_EQ(reloaded.find("g")->offsets().find("t", partition)->offset, live);
  }
}

}  // namespace
}  // namespace broker

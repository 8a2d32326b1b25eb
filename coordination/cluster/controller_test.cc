// What a controller does while the metadata store and the brokers behave. See controller_disturbed_test.cc for the
// rest.
#include <future>

#include "coordination/cluster/controller_test.h"

namespace coordination::cluster {
namespace {

using protocol::ErrorCode;

TEST_F(ControllerTest, TheFirstBrokerIsElectedWithEpochOne) {
  Member& member = add_member(0);
  ASSERT_TRUE(eventually([&] { return member.controller.is_active(); }));
  EXPECT_EQ(member.controller.epoch(), 1);
  EXPECT_EQ(session_->get(path::controller)->data,
            R"({"version":2,"brokerid":0,"timestamp":"1000000","kraftControllerEpoch":-1})");
  EXPECT_EQ(session_->get(path::controller_epoch)->data, "1");
  ASSERT_TRUE(eventually([&] { return session_->get(path::features).has_value(); }));  // it is active a little earlier
  EXPECT_EQ(session_->get(path::features)->data, R"({"features":{},"version":2,"status":1})");
}

TEST_F(ControllerTest, ANewControllerTellsTheBrokersWhoIsAlive) {
  add_member(0);
  ASSERT_TRUE(eventually([&] { return !brokers_.broker(0).update_metadata.empty(); }));
  const auto request = brokers_.broker(0).update_metadata.front();
  EXPECT_EQ(request.controller_id, 0);
  EXPECT_EQ(request.controller_epoch, 1);
  EXPECT_EQ(request.broker_epoch, members_[0]->membership.broker_epoch());
  ASSERT_EQ(request.live_brokers.size(), 1U);
  EXPECT_EQ(request.live_brokers[0].endpoints[0].port, 9092);
  EXPECT_FALSE(request.live_brokers[0].rack);
}

TEST_F(ControllerTest, ANewTopicGetsALeaderAndTheBrokersHearOfIt) {
  add_member(0);
  create_topic("t", {{0, {0}}, {1, {0}}});
  ASSERT_TRUE(eventually([&] { return brokers_.knows(0, {"t", 1}); }));
  EXPECT_EQ(session_->get(path::partition_state("t", 0))->data,
            R"({"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]})");
  const auto hosted = brokers_.hosted(0, {"t", 1});
  ASSERT_TRUE(hosted);
  EXPECT_TRUE(hosted->is_new);
  EXPECT_EQ(hosted->leader, 0);
  EXPECT_EQ(hosted->leader_epoch, 0);
  EXPECT_EQ(hosted->partition_epoch, 0);
  EXPECT_EQ(hosted->replicas, std::vector{0});
  const auto broker = brokers_.broker(0);
  EXPECT_EQ(broker.leader_and_isr.size(), 1U) << "one request for both partitions";
  EXPECT_EQ(broker.order, (std::vector<std::string>{"update_metadata", "leader_and_isr", "update_metadata"}));
  const auto topic = *decode_topic_assignment("t", session_->get(path::topic("t"))->data);
  EXPECT_EQ(broker.leader_and_isr[0].topic_states[0].topic_id, topic.topic_id);
  EXPECT_EQ(broker.update_metadata.back().topic_states[0].topic_id, topic.topic_id);
}

TEST_F(ControllerTest, AddedPartitionsGetLeaders) {
  add_member(0);
  create_topic("t", {{0, {0}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  grow_topic("t", 3);
  EXPECT_TRUE(led_by({"t", 2}, 0));
  EXPECT_TRUE(eventually([&] { return brokers_.knows(0, {"t", 1}) && brokers_.knows(0, {"t", 2}); }));
}

TEST_F(ControllerTest, ADeletedTopicLeavesNothing) {
  add_member(0);
  create_topic("t", {{0, {0}}, {1, {0}}});
  ASSERT_TRUE(eventually([&] { return brokers_.knows(0, {"t", 1}); }));
  delete_topic("t");
  ASSERT_TRUE(eventually([&] { return !exists(path::topic("t")); }));
  EXPECT_FALSE(exists(path::config("topics", "t")));
  EXPECT_FALSE(exists(path::delete_topic("t")));
  const auto broker = brokers_.broker(0);
  EXPECT_TRUE(broker.hosted.empty());
  EXPECT_TRUE(broker.metadata.empty());
  ASSERT_EQ(broker.stop_replica.size(), 2U);
  EXPECT_FALSE(broker.stop_replica[0].topic_states[0].partition_states[0].delete_partition);
  EXPECT_TRUE(broker.stop_replica[1].topic_states[0].partition_states[0].delete_partition);
  EXPECT_EQ(broker.stop_replica[1].topic_states[0].partition_states[0].leader_epoch, -2);
  EXPECT_EQ(broker.stop_replica[1].topic_states[0].partition_states.size(), 2U);
}

TEST_F(ControllerTest, ADeletedTopicCanBeCreatedAgain) {
  add_member(0);
  for (int round = 0; round < 5; ++round) {
    create_topic("t", {{0, {0}}});
    ASSERT_TRUE(eventually([&] { return brokers_.knows(0, {"t", 0}); })) << round;
    delete_topic("t");
    ASSERT_TRUE(eventually([&] { return !exists(path::topic("t")); })) << round;
  }
}

TEST_F(ControllerTest, AMarkForAnUnknownTopicIsSweptAway) {
  add_member(0);
  ASSERT_TRUE(eventually([&] { return members_[0]->controller.is_active(); }));
  delete_topic("none");
  EXPECT_TRUE(eventually([&] { return !exists(path::delete_topic("none")); }));
}

TEST_F(ControllerTest, ADeletionThatFailsOnABrokerIsSuspendedUntilItIsBack) {
  add_member(0);
  add_member(1);
  create_topic("t", {{0, {0, 1}}});
  ASSERT_TRUE(eventually([&] { return brokers_.knows(1, {"t", 0}); }));
  brokers_.fail_deletes_on(1, true);
  delete_topic("t");
  ASSERT_TRUE(eventually([&] { return brokers_.broker(1).stop_replica.size() >= 2; }));
  members_[0]->controller.drain();
  EXPECT_TRUE(exists(path::topic("t")));
  brokers_.fail_deletes_on(1, false);
  remove_member(1);
  add_member(1);
  EXPECT_TRUE(eventually([&] { return !exists(path::topic("t")); }));
}

TEST_F(ControllerTest, OnlyOneOfSeveralBrokersIsTheController) {
  add_member(0);
  ASSERT_TRUE(eventually([&] { return members_[0]->controller.is_active(); }));
  add_member(1);
  ASSERT_TRUE(eventually([&] { return members_[1]->controller.epoch() == 1; }));
  EXPECT_FALSE(members_[1]->controller.is_active());
  EXPECT_TRUE(members_[0]->controller.is_active());
}

TEST_F(ControllerTest, AnotherBrokerTakesOverWithTheNextEpochAndMovesLeaders) {
  add_member(0);
  add_member(1);
  create_topic("t", {{0, {0, 1}}, {1, {1, 0}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  ASSERT_TRUE(led_by({"t", 1}, 1));
  remove_member(0);
  ASSERT_TRUE(eventually([&] { return members_[1]->controller.is_active(); }));
  EXPECT_EQ(members_[1]->controller.epoch(), 2);
  ASSERT_TRUE(led_by({"t", 0}, 1));
  ASSERT_TRUE(eventually([&] { return state({"t", 1})->leader_and_isr.isr == std::vector{1}; }));
  const auto now = state({"t", 0});
  EXPECT_EQ(now->leader_and_isr.isr, std::vector{1});
  EXPECT_GT(now->leader_and_isr.leader_epoch, 0);
  EXPECT_EQ(now->controller_epoch, 2);
}

TEST_F(ControllerTest, ABrokerThatFailsLosesItsLeaderships) {
  add_member(0);
  add_member(1);
  create_topic("t", {{0, {1, 0}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  ASSERT_TRUE(eventually([&] { return brokers_.hosted(0, {"t", 0}).has_value(); }));
  remove_member(1);
  ASSERT_TRUE(led_by({"t", 0}, 0));
  ASSERT_TRUE(eventually([&] { return brokers_.hosted(0, {"t", 0})->leader == 0; }));
  EXPECT_EQ(state({"t", 0})->leader_and_isr.isr, std::vector{0});
}

TEST_F(ControllerTest, ASoleReplicaThatFailsLeavesNoLeaderAndComesBackAsLeader) {
  add_member(0);
  add_member(1);
  create_topic("t", {{0, {1}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  remove_member(1);
  ASSERT_TRUE(led_by({"t", 0}, -1));
  EXPECT_EQ(state({"t", 0})->leader_and_isr.isr, std::vector{1}) << "the last in-sync replica stays known";
  add_member(1);
  EXPECT_TRUE(led_by({"t", 0}, 1));
}

TEST_F(ControllerTest, AReplicaOutsideTheIsrLeadsOnlyWhenUncleanElectionIsAllowed) {
  add_member(0);
  add_member(1);
  create_topic("safe", {{0, {1, 0}}});
  create_topic("unclean", {{0, {1, 0}}});
  ASSERT_TRUE(led_by({"safe", 0}, 1));
  ASSERT_TRUE(led_by({"unclean", 0}, 1));
  ASSERT_TRUE(
      session_->set(path::config("topics", "unclean"), encode_config({{"unclean.leader.election.enable", "true"}})));
  // Both leaders had shrunk their in-sync sets to themselves.
  for (const std::string topic : {"safe", "unclean"}) {
    auto alone = *state({topic, 0});
    alone.leader_and_isr.isr = {1};
    ASSERT_TRUE(session_->set(path::partition_state(topic, 0), encode(alone)));
  }
  remove_member(1);
  ASSERT_TRUE(led_by({"unclean", 0}, 0));
  EXPECT_EQ(state({"unclean", 0})->leader_and_isr.isr, std::vector{0});
  EXPECT_EQ(state({"unclean", 0})->leader_and_isr.recovery, LeaderRecoveryState::recovering);
  ASSERT_TRUE(led_by({"safe", 0}, -1));
}

TEST_F(ControllerTest, AllowingUncleanElectionsBringsLeaderlessPartitionsBack) {
  Member& controller = add_member(0);
  add_member(1);
  create_topic("open", {{0, {1, 0}}});
  create_topic("closed", {{0, {1, 0}}});
  ASSERT_TRUE(
      session_->set(path::config("topics", "closed"), encode_config({{"unclean.leader.election.enable", "false"}})));
  for (const std::string topic : {"open", "closed"}) {
    ASSERT_TRUE(led_by({topic, 0}, 1));
    auto alone = *state({topic, 0});
    alone.leader_and_isr.isr = {1};
    ASSERT_TRUE(session_->set(path::partition_state(topic, 0), encode(alone)));
  }
  remove_member(1);
  ASSERT_TRUE(led_by({"open", 0}, -1));
  ASSERT_TRUE(led_by({"closed", 0}, -1));
  controller.controller.set_unclean_leader_election(true);
  EXPECT_TRUE(led_by({"open", 0}, 0));
  controller.controller.drain();
  EXPECT_EQ(state({"closed", 0})->leader_and_isr.leader, -1) << "the topic says otherwise";
}

TEST_F(ControllerTest, ARestartedBrokerGetsAllItsPartitionsAndAllMetadata) {
  add_member(0);
  add_member(1);
  create_topic("t", {{0, {1, 0}}});
  create_topic("elsewhere", {{0, {0}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  remove_member(1);
  ASSERT_TRUE(led_by({"t", 0}, 0));
  const auto before = brokers_.broker(1).leader_and_isr.size();
  add_member(1);
  ASSERT_TRUE(eventually([&] { return brokers_.broker(1).leader_and_isr.size() > before; }));
  const auto request = brokers_.broker(1).leader_and_isr.back();
  EXPECT_EQ(request.broker_epoch, members_[1]->membership.broker_epoch());
  EXPECT_EQ(request.topic_states.size(), 1U);
  EXPECT_EQ(request.topic_states[0].partition_states[0].leader, 0);
  EXPECT_TRUE(brokers_.knows(1, {"elsewhere", 0}));
}

TEST_F(ControllerTest, AReplicaOnAnOfflineDirectoryLosesItsLeadership) {
  add_member(0);
  add_member(1);
  create_topic("t", {{0, {1, 0}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  brokers_.take_dir_offline(1, {"t", 0});
  ASSERT_TRUE(session_->create(path::log_dir_event_prefix, encode_log_dir_event(1),
                               metadata_store::CreateMode::persistent_sequential));
  EXPECT_TRUE(led_by({"t", 0}, 0));
  EXPECT_TRUE(eventually([&] { return session_->children(path::log_dir_events)->empty(); }));
}

TEST_F(ControllerTest, ATopicWithoutAnIdGetsOne) {
  add_member(0);
  ASSERT_TRUE(session_->create(path::topic("old"), R"({"version":1,"partitions":{"0":[0]}})",
                               metadata_store::CreateMode::persistent));
  ASSERT_TRUE(led_by({"old", 0}, 0));
  const auto topic = decode_topic_assignment("old", session_->get(path::topic("old"))->data);
  ASSERT_TRUE(topic);
  ASSERT_TRUE(topic->topic_id);
  EXPECT_EQ(std::to_integer<int>(topic->topic_id->bytes[6]) >> 4, 4) << "a random UUID says so";
  EXPECT_EQ(std::to_integer<int>(topic->topic_id->bytes[8]) >> 6, 2);
}

TEST_F(ControllerTest, AnExpiredSessionIsRenewedWithALaterBrokerEpoch) {
  Member& member = add_member(0);
  create_topic("t", {{0, {0}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  const auto epoch = member.membership.broker_epoch();
  embedded_->expire(member.store->session_id());
  ASSERT_TRUE(eventually([&] { return member.controller.epoch() == 2 && member.controller.is_active(); }));
  EXPECT_GT(member.membership.broker_epoch(), epoch);
  EXPECT_TRUE(led_by({"t", 0}, 0));
}

TEST_F(ControllerTest, ADeposedControllerWritesNothingAndStepsBack) {
  add_member(0);
  create_topic("t", {{0, {0}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  // Somebody else was elected without this controller hearing of it.
  ASSERT_TRUE(session_->set(path::controller_epoch, "7"));
  create_topic("later", {{0, {0}}});
  ASSERT_TRUE(eventually([&] { return members_[0]->controller.epoch() == 8; })) << "elected again, after the other";
  ASSERT_TRUE(led_by({"later", 0}, 0));
  EXPECT_EQ(state({"later", 0})->controller_epoch, 8);
}

TEST_F(ControllerTest, ProducerIdBlocksFollowEachOther) {
  Member& member = add_member(0);
  ASSERT_TRUE(eventually([&] { return member.controller.is_active(); }));
  const auto allocate = [&](BrokerId broker, std::int64_t epoch) {
    std::promise<protocol::Result<ProducerIdBlock>> promise;
    member.controller.allocate_producer_ids(broker, epoch, [&](auto block) { promise.set_value(block); });
    return promise.get_future().get();
  };
  const auto epoch = member.membership.broker_epoch();
  EXPECT_EQ(*allocate(0, epoch), (ProducerIdBlock{.first = 0, .count = 1000}));
  EXPECT_EQ(*allocate(0, epoch), (ProducerIdBlock{.first = 1000, .count = 1000}));
  EXPECT_EQ(session_->get(path::producer_id_block)->data,
            R"({"version":1,"broker":0,"block_start":"1000","block_end":"1999"})");
  EXPECT_EQ(allocate(0, epoch - 1).code(), ErrorCode::stale_broker_epoch);
  EXPECT_EQ(allocate(5, epoch).code(), ErrorCode::broker_id_not_registered);
  member.controller.stop();
  EXPECT_EQ(allocate(0, epoch).code(), ErrorCode::not_controller);
}

TEST_F(ControllerTest, TenThousandPartitionsComeInOneRequestEach) {
  add_member(0);
  Assignment assignment;
  for (int i = 0; i < 10'000; ++i) assignment[i] = {0};
  create_topic("big", assignment);
  ASSERT_TRUE(eventually([&] { return brokers_.knows(0, {"big", 9999}); }));
  EXPECT_EQ(brokers_.broker(0).leader_and_isr.size(), 1U);
  delete_topic("big");
  EXPECT_TRUE(eventually([&] { return !exists(path::topic("big")); }));
}

}  // namespace
}  // namespace coordination::cluster

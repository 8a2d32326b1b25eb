#include "coordination/cluster/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "coordination/cluster/fake_brokers.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/metadata_store/embedded_store.h"

namespace coordination::cluster {
namespace {

using metadata_store::EmbeddedStore, metadata_store::MetadataStore;
using protocol::ErrorCode;
using testing::ElementsAre;

// One broker of the cluster: session, controller and registration; what it hosts is faked.
struct Member {
  Member(EmbeddedStore& embedded, FakeBrokers& brokers, const protocol::Clock& clock, BrokerId id)
      : store(embedded.open_session()),
        controller({.broker_id = id}, *store, brokers, clock),
        membership(*store, controller, registration(id)) {
    EXPECT_TRUE(create_permanent_nodes(*store));
    const auto joined = membership.join();
    EXPECT_TRUE(joined) << joined.error().text();
  }

  static BrokerRegistration registration(BrokerId id) {
    return {.id = id, .endpoints = {{"PLAINTEXT", "localhost", 9092 + id, SecurityProtocol::plaintext}}};
  }

  std::unique_ptr<MetadataStore> store;
  Controller controller;
  Membership membership;
};

class ControllerTest : public testing::Test {
 protected:
  Member& add_member(BrokerId id) {
    auto& member = members_[id];
    member = std::make_unique<Member>(*embedded_, brokers_, clock_, id);
    EXPECT_TRUE(eventually([&] { return member->controller.epoch() > 0; })) << "there is a controller";
    return *member;
  }

  // Ends a broker as a graceful stop without controlled shutdown does.
  void remove_member(BrokerId id) {
    members_.at(id)->controller.stop();
    members_.at(id)->store->close();
    members_.erase(id);
  }

  void create_topic(const std::string& name, Assignment assignment) {
    const TopicAdmin admin(
        *session_, [] { return TopicAdminOptions(); }, [](const ConfigMap&) { return protocol::Result<void>(); });
    const NewTopic topic{.name = name, .assignment = std::move(assignment)};
    const auto created = admin.create(std::span(&topic, 1), {}, 1, false);
    ASSERT_TRUE(created.front()) << created.front().error().text();
  }

  void delete_topic(const std::string& name) {
    ASSERT_TRUE(session_->create(path::delete_topic(name), {}, metadata_store::CreateMode::persistent));
  }

  bool exists(const std::string& path) { return session_->exists(path)->has_value(); }

  std::optional<PartitionStateNode> state(const TopicPartition& tp) {
    const auto node = session_->get(path::partition_state(tp.topic, tp.partition));
    if (!node) return std::nullopt;
    return *decode_partition_state(tp, node->data, node->stat.version);
  }

  // Waits until the partition's state in the store has this leader.
  testing::AssertionResult led_by(const TopicPartition& tp, BrokerId leader) {
    const auto is_led = [&] {
      const auto now = state(tp);
      return now && now->leader_and_isr.leader == leader;
    };
    if (eventually(is_led)) return testing::AssertionSuccess();
    const auto now = state(tp);
    return testing::AssertionFailure() << "leader is " << (now ? now->leader_and_isr.leader : -99);
  }

  protocol::ManualClock clock_;
  FakeBrokers brokers_;
  std::unique_ptr<EmbeddedStore> embedded_ = EmbeddedStore::in_memory(clock_);
  std::unique_ptr<MetadataStore> session_ = embedded_->open_session();
  std::map<BrokerId, std::unique_ptr<Member>> members_;
};

TEST_F(ControllerTest, TheFirstBrokerIsElectedWithEpochOne) {
  Member& member = add_member(0);
  ASSERT_TRUE(eventually([&] { return member.controller.is_active(); }));
  EXPECT_EQ(member.controller.epoch(), 1);
  EXPECT_EQ(session_->get(path::controller)->data,
            R"({"version":2,"brokerid":0,"timestamp":"1000000","kraftControllerEpoch":-1})");
  EXPECT_EQ(session_->get(path::controller_epoch)->data, "1");
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
  const TopicAdmin admin(
      *session_, [] { return TopicAdminOptions(); }, [](const ConfigMap&) { return protocol::Result<void>(); });
  const NewPartitions more{.topic = "t", .total_count = 3};
  EXPECT_EQ(admin.add_partitions(std::span(&more, 1), false).front().value(), 3);
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
  EXPECT_TRUE(topic->topic_id);
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

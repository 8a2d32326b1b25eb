#include "coordination/cluster/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "coordination/cluster/fake_brokers.h"
#include "coordination/cluster/producer_ids.h"
#include "coordination/metadata_store/embedded_store.h"
#include "protocol/topic_name.h"

namespace coordination::cluster {
namespace {

using metadata_store::CreateMode, metadata_store::EmbeddedStore;
using protocol::ErrorCode;
using testing::HasSubstr;

BrokerRegistration registration(BrokerId id, int port) {
  return {.id = id, .endpoints = {{"PLAINTEXT", "localhost", port, SecurityProtocol::plaintext}}};
}

class MembershipTest : public testing::Test {
 protected:
  protocol::ManualClock clock_;
  std::unique_ptr<EmbeddedStore> embedded_ = EmbeddedStore::in_memory(clock_);
  std::unique_ptr<metadata_store::MetadataStore> store_ = embedded_->open_session();
};

TEST_F(MembershipTest, TheTreesPermanentNodesAreKafkas) {
  ASSERT_TRUE(create_permanent_nodes(*store_));
  ASSERT_TRUE(create_permanent_nodes(*store_)) << "a second broker finds them";
  EXPECT_THAT(*store_->children("/"),
              testing::UnorderedElementsAre("consumers", "brokers", "config", "admin", "isr_change_notification",
                                            "log_dir_event_notification", "latest_producer_id_block"));
  EXPECT_THAT(*store_->children("/brokers"), testing::UnorderedElementsAre("ids", "topics", "seqid"));
  EXPECT_THAT(*store_->children("/config"),
              testing::UnorderedElementsAre("changes", "topics", "clients", "users", "brokers", "ips"));
}

TEST_F(MembershipTest, TheFirstProposalBecomesTheClusterId) {
  EXPECT_EQ(*read_or_create_cluster_id(*store_, "first"), "first");
  EXPECT_EQ(*read_or_create_cluster_id(*store_, "second"), "first");
}

TEST_F(MembershipTest, TheBrokersEpochIsTheCzxidOfItsNode) {
  ASSERT_TRUE(create_permanent_nodes(*store_));
  const auto epoch = register_broker(*store_, registration(1, 9092));
  ASSERT_TRUE(epoch);
  const auto node = store_->get(path::broker_id(1));
  EXPECT_EQ(*epoch, node->stat.czxid);
  EXPECT_EQ(node->stat.version, 1) << "created empty and set, as Kafka does";
  EXPECT_EQ(*register_broker(*store_, registration(1, 9092)), *epoch) << "once more in the same session";
}

TEST_F(MembershipTest, AnIdInUseIsRefused) {
  ASSERT_TRUE(create_permanent_nodes(*store_));
  ASSERT_TRUE(register_broker(*store_, registration(1, 9092)));
  const auto other = embedded_->open_session();
  const auto refused = register_broker(*other, registration(1, 9093));
  EXPECT_EQ(refused.code(), ErrorCode::duplicate_broker_registration);
  EXPECT_THAT(refused.error().text(), HasSubstr("Broker id 1 is registered by another process"));
}

TEST_F(MembershipTest, AnAddressInUseIsRefused) {
  ASSERT_TRUE(create_permanent_nodes(*store_));
  ASSERT_TRUE(register_broker(*store_, registration(1, 9092)));
  const auto other = embedded_->open_session();
  EXPECT_EQ(register_broker(*other, registration(2, 9092)).code(), ErrorCode::invalid_registration);
  EXPECT_TRUE(register_broker(*other, registration(2, 9093)));
}

TEST_F(MembershipTest, TheNodeOfTheOwnEarlierSessionIsTakenOver) {
  ASSERT_TRUE(create_permanent_nodes(*store_));
  const auto earlier = register_broker(*store_, registration(1, 9092));
  const auto later = embedded_->open_session();
  const auto epoch = register_broker(*later, registration(1, 9092), store_->session_id());
  ASSERT_TRUE(epoch);
  EXPECT_GT(*epoch, *earlier);
  EXPECT_EQ(later->get(path::broker_id(1))->stat.ephemeral_owner, later->session_id());
}

TEST_F(MembershipTest, ChangedEndpointsKeepTheEpochAndReachTheOthers) {
  FakeBrokers brokers;
  Controller controller({.broker_id = 0}, *store_, brokers, clock_);
  ASSERT_TRUE(create_permanent_nodes(*store_));
  Membership membership(*store_, controller, registration(0, 9092));
  ASSERT_TRUE(membership.join());
  ASSERT_TRUE(eventually([&] { return !brokers.broker(0).update_metadata.empty(); }));
  const auto epoch = membership.broker_epoch();
  ASSERT_TRUE(membership.update_endpoints({{"PLAINTEXT", "elsewhere", 9999, SecurityProtocol::plaintext}}));
  EXPECT_TRUE(eventually(
      [&] { return brokers.broker(0).update_metadata.back().live_brokers.at(0).endpoints.at(0).host == "elsewhere"; }));
  EXPECT_EQ(membership.broker_epoch(), epoch);
}

TEST_F(MembershipTest, RegisteredBrokersAreListed) {
  ASSERT_TRUE(create_permanent_nodes(*store_));
  EXPECT_TRUE(registered_brokers(*store_)->empty());
  ASSERT_TRUE(register_broker(*store_, registration(7, 9092)));
  const auto other = embedded_->open_session();
  ASSERT_TRUE(register_broker(*other, registration(12, 9093)));
  EXPECT_THAT(*registered_brokers(*store_), testing::UnorderedElementsAre(7, 12));
}

TEST_F(MembershipTest, AFailedLogDirectoryIsAnnouncedToTheController) {
  FakeBrokers brokers;
  Controller controller({.broker_id = 0}, *store_, brokers, clock_);
  ASSERT_TRUE(create_permanent_nodes(*store_));
  Membership membership(*store_, controller, registration(3, 9092));
  ASSERT_TRUE(membership.announce_log_dir_failure());
  const auto events = store_->children(path::log_dir_events);
  ASSERT_EQ(events->size(), 1u);
  const auto event = store_->get(std::string(path::log_dir_events) + "/" + events->front());
  EXPECT_EQ(*decode_log_dir_event(event->data), 3);
}

TEST_F(MembershipTest, BlocksOfProducerIdsTakenAtTheSameTimeAreAllDifferent) {
  std::mutex mutex;
  std::set<std::int64_t> firsts;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto block = allocate_producer_id_block(*store_, 0);
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(block && firsts.insert(block->first).second);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(firsts.size(), 200U);
  EXPECT_EQ(*firsts.rbegin(), 199'000);
}

TEST_F(MembershipTest, UsedUpProducerIdsAreAnError) {
  ASSERT_TRUE(store_->create(path::producer_id_block,
                             encode(ProducerIdBlockNode{.broker = 0, .first = 0, .last = INT64_MAX - 5}),
                             CreateMode::persistent));
  EXPECT_EQ(allocate_producer_id_block(*store_, 0).code(), ErrorCode::unknown_server_error);
}

TEST(TopicName, KafkasRulesHold) {
  for (const std::string& name :
       {std::string("a"), std::string("A-z_0.9"), std::string("..."), std::string(249, 'x')}) {
    EXPECT_TRUE(protocol::check_topic_name(name)) << name;
  }
  const auto sentence = [](const std::string& name) { return protocol::check_topic_name(name).error().text(); };
  EXPECT_EQ(sentence(""), "Topic name is invalid: the empty string is not allowed");
  EXPECT_EQ(sentence("."), "Topic name is invalid: '.' is not allowed");
  EXPECT_EQ(sentence(".."), "Topic name is invalid: '..' is not allowed");
  EXPECT_THAT(sentence(std::string(250, 'x')), HasSubstr("is longer than the max allowed length 249"));
  EXPECT_EQ(sentence("a/b"),
            "Topic name is invalid: 'a/b' contains one or more characters other than ASCII "
            "alphanumerics, '.', '_' and '-'");
  EXPECT_FALSE(protocol::check_topic_name(std::string("a\0b", 3)));
  EXPECT_FALSE(protocol::check_topic_name("gr\xc3\xbc\xc3\x9f"));
}

}  // namespace
}  // namespace coordination::cluster

#include "broker/metadata_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "protocol/messages/update_metadata.h"

namespace broker {
namespace {

using protocol::UpdateMetadataRequest;
using testing::ElementsAre, testing::IsEmpty;

Uuid id(int n) {
  Uuid uuid;
  uuid.bytes[15] = static_cast<std::byte>(n);
  return uuid;
}

UpdateMetadataRequest::UpdateMetadataPartitionState partition(int index, int leader, int leader_epoch = 0) {
  UpdateMetadataRequest::UpdateMetadataPartitionState state;
  state.partition_index = index;
  state.leader = leader;
  state.leader_epoch = leader_epoch;
  state.replicas = {0, 1};
  state.isr = {leader};
  return state;
}

UpdateMetadataRequest update(const std::string& topic, Uuid topic_id,
                             std::vector<UpdateMetadataRequest::UpdateMetadataPartitionState> partitions) {
  UpdateMetadataRequest request;
  request.controller_id = 1;
  auto& state = request.topic_states.emplace_back();
  state.topic_name = topic;
  state.topic_id = topic_id;
  state.partition_states = std::move(partitions);
  auto& broker = request.live_brokers.emplace_back();
  broker.id = 1;
  broker.rack = protocol::String("r1");
  auto& endpoint = broker.endpoints.emplace_back();
  endpoint.host = "localhost";
  endpoint.port = 9092;
  endpoint.listener = "PLAINTEXT";
  return request;
}

TEST(MetadataCache, KnowsNothingAtFirst) {
  const MetadataCache cache;
  const auto now = cache.snapshot();
  EXPECT_EQ(now->controller_id(), -1);
  EXPECT_EQ(now->topic_count(), 0U);
  EXPECT_EQ(now->topic("t"), nullptr);
  EXPECT_EQ(now->partition("t", 0), nullptr);
  EXPECT_TRUE(now->topic_id("t").is_zero());
  EXPECT_THAT(now->brokers(), IsEmpty());
}

TEST(MetadataCache, FindsTopicsByNameAndIdAndPartitionsByIndex) {
  MetadataCache cache;
  EXPECT_THAT(cache.update(update("t", id(1), {partition(1, 1), partition(0, 1)})), IsEmpty());
  const auto now = cache.snapshot();
  ASSERT_NE(now->topic("t"), nullptr);
  EXPECT_EQ(now->topic("t"), now->topic(id(1)));
  EXPECT_EQ(now->topic("t")->partitions.size(), 2U);
  EXPECT_EQ(now->topic("t")->partitions[0].index, 0);
  EXPECT_EQ(now->partition("t", 1)->leader, 1);
  EXPECT_EQ(now->partition("t", 2), nullptr);
  EXPECT_EQ(now->partition("t", -1), nullptr);
  EXPECT_EQ(now->topic_id("t"), id(1));
  EXPECT_EQ(now->partition_count(), 2U);
  EXPECT_EQ(now->controller_id(), 1);
}

TEST(MetadataCache, KnowsTheLiveBrokersByListener) {
  MetadataCache cache;
  cache.update(update("t", id(1), {}));
  const auto now = cache.snapshot();
  ASSERT_NE(now->broker(1), nullptr);
  EXPECT_EQ(now->broker(1)->endpoint("PLAINTEXT")->port, 9092);
  EXPECT_EQ(now->broker(1)->endpoint("SSL"), nullptr);
  EXPECT_EQ(now->broker(1)->rack, "r1");
  EXPECT_EQ(now->broker(2), nullptr);
  cache.update(UpdateMetadataRequest{});
  EXPECT_THAT(cache.snapshot()->brokers(), IsEmpty()) << "each request lists all that live";
}

TEST(MetadataCache, MergesPartitionsIntoATopic) {
  MetadataCache cache;
  cache.update(update("t", id(1), {partition(0, 1)}));
  cache.update(update("t", id(1), {partition(3, 1)}));
  cache.update(update("t", id(1), {partition(0, 2, 5)}));
  const auto now = cache.snapshot();
  EXPECT_EQ(now->partition("t", 0)->leader, 2);
  EXPECT_EQ(now->partition("t", 0)->leader_epoch, 5);
  EXPECT_EQ(now->partition("t", 3)->leader, 1);
  EXPECT_EQ(now->partition("t", 1), nullptr);
}

TEST(MetadataCache, ADeletedTopicIsGoneByNameAndId) {
  MetadataCache cache;
  cache.update(update("t", id(1), {partition(0, 1), partition(1, 1)}));
  const auto removed = cache.update(update("t", id(1), {partition(0, -2), partition(1, -2)}));
  EXPECT_THAT(removed, ElementsAre(TopicPartition{"t", 0}, TopicPartition{"t", 1}));
  const auto now = cache.snapshot();
  EXPECT_EQ(now->topic("t"), nullptr);
  EXPECT_EQ(now->topic(id(1)), nullptr);
  EXPECT_EQ(now->topic_count(), 0U);
  EXPECT_EQ(now->partition_count(), 0U);
}

TEST(MetadataCache, ATopicCreatedAgainHasItsNewIdOnly) {
  MetadataCache cache;
  cache.update(update("t", id(1), {partition(0, 1)}));
  cache.update(update("t", id(2), {partition(0, 1)}));
  const auto now = cache.snapshot();
  EXPECT_EQ(now->topic(id(1)), nullptr);
  EXPECT_EQ(now->topic(id(2)), now->topic("t"));
}

TEST(MetadataCache, ATopicWithoutAnIdIsFoundByName) {
  MetadataCache cache;
  cache.update(update("t", Uuid{}, {partition(0, 1)}));
  EXPECT_NE(cache.snapshot()->topic("t"), nullptr);
  EXPECT_EQ(cache.snapshot()->topic(Uuid{}), nullptr);
}

TEST(MetadataCache, SnapshotsDoNotChange) {
  MetadataCache cache;
  cache.update(update("t", id(1), {partition(0, 1)}));
  const auto before = cache.snapshot();
  cache.update(update("t", id(1), {partition(0, 2), partition(1, 2)}));
  EXPECT_EQ(before->partition("t", 0)->leader, 1);
  EXPECT_EQ(before->topic("t")->partitions.size(), 1U);
}

TEST(MetadataCache, AWaiterIsWokenByTheUpdateThatMakesItsConditionTrue) {
  MetadataCache cache;
  int woken = 0;
  const std::vector<std::string> topics = {"t"};
  const auto waiting = cache.wait(
      topics, [](const MetadataSnapshot& now) { return now.partition("t", 0) && now.partition("t", 0)->leader >= 0; },
      [&] { ++woken; });
  EXPECT_NE(waiting, 0U);
  cache.update(update("other", id(1), {partition(0, 1)}));
  cache.update(update("t", id(2), {partition(0, -1)}));
  EXPECT_EQ(woken, 0);
  cache.update(update("t", id(2), {partition(0, 1)}));
  EXPECT_EQ(woken, 1);
  cache.update(update("t", id(2), {partition(0, 2)}));
  EXPECT_EQ(woken, 1);
}

TEST(MetadataCache, AWaiterWhoseConditionHoldsIsWokenAtOnce) {
  MetadataCache cache;
  int woken = 0;
  EXPECT_EQ(cache.wait({}, [](const MetadataSnapshot&) { return true; }, [&] { ++woken; }), 0U);
  EXPECT_EQ(woken, 1);
}

TEST(MetadataCache, AWaiterWithoutTopicsSeesEveryUpdate) {
  MetadataCache cache;
  int woken = 0;
  cache.wait({}, [](const MetadataSnapshot& now) { return !now.brokers().empty(); }, [&] { ++woken; });
  cache.update(UpdateMetadataRequest{});
  EXPECT_EQ(woken, 0);
  cache.update(update("t", id(1), {}));
  EXPECT_EQ(woken, 1);
}

TEST(MetadataCache, ACancelledWaiterIsNotWoken) {
  MetadataCache cache;
  int woken = 0;
  const auto waiting = cache.wait({}, [](const MetadataSnapshot& now) { return now.contains("t"); }, [&] { ++woken; });
  cache.cancel(waiting);
  cache.update(update("t", id(1), {partition(0, 1)}));
  EXPECT_EQ(woken, 0);
}

TEST(MetadataCache, WaitersOfManyThreadsAreEachWokenOnce) {
  MetadataCache cache;
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const std::vector<std::string> topics = {"t" + std::to_string(i)};
        cache.wait(
            topics, [name = topics[0]](const MetadataSnapshot& now) { return now.contains(name); }, [&] { ++woken; });
      }
    });
  }
  for (int i = 0; i < 100; ++i) cache.update(update("t" + std::to_string(i), id(i + 1), {partition(0, 1)}));
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken, 400);
}

}  // namespace
}  // namespace broker

#include "broker/producer_ids.h"

#include <gtest/gtest.h>

namespace broker {
namespace {

using coordination::cluster::ProducerIdBlock, protocol::ErrorCode;

class ProducerIdsTest : public ::testing::Test {
 protected:
  void answer(ProducerIds::BlockResult block) {
    auto done = std::move(requests.front());
    requests.erase(requests.begin());
    done(std::move(block));
  }

  protocol::ManualClock clock;
  std::vector<std::function<void(ProducerIds::BlockResult)>> requests;
  ProducerIds ids{[this](auto done) { requests.push_back(std::move(done)); }, clock};
};

TEST_F(ProducerIdsTest, TheFirstProducersWaitForABlock) {
  EXPECT_EQ(ids.next().code(), ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ(ids.next().code(), ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ(requests.size(), 1u);
  int woken = 0;
  ids.when_ready([&] { ++woken; });
  EXPECT_EQ(woken, 0);
  answer(ProducerIdBlock{.first = 5000, .count = 1000});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(*ids.next(), 5000);
  EXPECT_EQ(*ids.next(), 5001);
}

TEST_F(ProducerIdsTest, TheNextBlockIsFetchedBeforeTheCurrentOneEnds) {
  (void)ids.next();
  answer(ProducerIdBlock{.first = 0, .count = 1000});
  for (int i = 0; i < 900; ++i) ASSERT_EQ(*ids.next(), i);
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(*ids.next(), 900);
  EXPECT_EQ(requests.size(), 1u);
  answer(ProducerIdBlock{.first = 7000, .count = 1000});
  for (int i = 901; i < 1000; ++i) ASSERT_EQ(*ids.next(), i);
  EXPECT_EQ(*ids.next(), 7000);
}

TEST_F(ProducerIdsTest, AFailedRequestIsRepeatedAfterAPause) {
  (void)ids.next();
  int woken = 0;
  ids.when_ready([&] { ++woken; });
  answer(protocol::fail(ErrorCode::not_controller));
  EXPECT_EQ(woken, 1);
  EXPECT_FALSE(ids.next());
  EXPECT_TRUE(requests.empty());
  clock.advance_ms(1000);
  EXPECT_FALSE(ids.next());
  EXPECT_EQ(requests.size(), 1u);
}

TEST_F(ProducerIdsTest, BlocksThatGoBackwardsAreRefused) {
  (void)ids.next();
  answer(ProducerIdBlock{.first = 1000, .count = 10});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(ids.next());
  answer(ProducerIdBlock{.first = 1005, .count = 10});
  EXPECT_EQ(ids.next().code(), ErrorCode::coordinator_load_in_progress);
}

TEST_F(ProducerIdsTest, NobodyWaitsWhenAnIdIsThere) {
  (void)ids.next();
  answer(ProducerIdBlock{.first = 0, .count = 10});
  int woken = 0;
  ids.when_ready([&] { ++woken; });
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace broker

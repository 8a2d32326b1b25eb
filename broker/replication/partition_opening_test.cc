// Partitions whose log takes its time to open: nobody but those who need the log may wait for it.
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "broker/replication/partition.h"
#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode;

// Far longer than anything here takes; only a test that fails waits for it.
constexpr std::chrono::seconds patience{20};

const protocol::TopicPartition id{"t", 0};

// Opens logs of a TestReplicas, once a gate is open.
class PartitionOpeningTest : public ::testing::Test {
 protected:
  PartitionOpeningTest() {
    environment_.local_broker = TestReplicas::local;
    environment_.clock = &env_.clock();
    environment_.is_alive = [](protocol::BrokerId) { return true; };
    environment_.open_log =
        [this](const protocol::TopicPartition& wanted,
               std::optional<protocol::Uuid> topic_id) -> protocol::Result<std::shared_ptr<storage::Log>> {
      ++opened_;
      opening_.set_value();
      gate_.get_future().wait();
      if (fails_) return protocol::fail(ErrorCode::kafka_storage_error);
      return env_.logs().get_or_create(wanted, topic_id, env_.clock().now_ms());
    };
  }
  ~PartitionOpeningTest() override { open_gate(); }

  void open_gate() {
    if (!std::exchange(gate_is_open_, true)) gate_.set_value();
  }
  std::future<ErrorCode> open_elsewhere() {
    auto opened = std::async(std::launch::async, [this] { return partition_->open().code(); });
    opening_.get_future().wait();
    return opened;
  }
  // Runs `what` on a thread of its own; whether it ended while the log was still opening.
  template <typename F>
  bool ends_meanwhile(F what) {
    auto done = std::async(std::launch::async, std::move(what));
    const bool ended = done.wait_for(patience) == std::future_status::ready;
    if (!ended) open_gate();
    return ended;
  }
  static PartitionState leading(protocol::LeaderEpoch epoch) {
    return {.controller_epoch = 1,
            .leader = TestReplicas::local,
            .leader_epoch = epoch,
            .partition_epoch = epoch,
            .isr = {TestReplicas::local},
            .replicas = {TestReplicas::local}};
  }

  TestReplicas env_;
  PartitionEnvironment environment_;
  std::promise<void> opening_;
  std::promise<void> gate_;
  bool gate_is_open_ = false;
  bool fails_ = false;
  std::atomic<int> opened_ = 0;
  const std::shared_ptr<Partition> partition_ = std::make_shared<Partition>(id, std::nullopt, environment_);
};

TEST_F(PartitionOpeningTest, FactsAreToldWhileTheLogOpens) {
  ASSERT_TRUE(partition_->make_leader(leading(3)));
  auto opened = open_elsewhere();
  EXPECT_TRUE(ends_meanwhile([&] {
    EXPECT_EQ(partition_->topic_id(), std::nullopt);
    EXPECT_TRUE(partition_->is_leader());
    EXPECT_EQ(partition_->leader_epoch(), 3);
    EXPECT_EQ(partition_->open_log(), nullptr);
    EXPECT_FALSE(partition_->is_open());
    EXPECT_TRUE(partition_->health().leads);
  }));
  open_gate();
  EXPECT_EQ(opened.get(), ErrorCode::none);
  EXPECT_TRUE(partition_->is_open());
}

TEST_F(PartitionOpeningTest, TheLogIsOpenedOnceForAllWhoWait) {
  ASSERT_TRUE(partition_->make_leader(leading(0)));
  auto opened = open_elsewhere();
  auto appended = std::async(std::launch::async, [&] {
    const auto batch = make_batch();
    return partition_->append_as_leader(batch, 1).code();
  });
  auto ends = std::async(std::launch::async, [&] { return partition_->ends().code(); });
  open_gate();
  EXPECT_EQ(opened.get(), ErrorCode::none);
  EXPECT_EQ(appended.get(), ErrorCode::none);
  EXPECT_EQ(ends.get(), ErrorCode::none);
  EXPECT_EQ(opened_, 1);
}

TEST_F(PartitionOpeningTest, ALeadershipChangeWaitsAndItsEpochBeginsInTheOpenedLog) {
  ASSERT_TRUE(partition_->make_leader(leading(1)));
  auto opened = open_elsewhere();
  auto changed = std::async(std::launch::async, [&] { return partition_->make_leader(leading(2)).code(); });
  open_gate();
  EXPECT_EQ(opened.get(), ErrorCode::none);
  EXPECT_EQ(changed.get(), ErrorCode::none);
  EXPECT_EQ(partition_->leader_epoch(), 2);
  EXPECT_EQ(partition_->open_log()->latest_epoch(), 2);
}

// A log that is still opening when its partition is deleted must not be made anew behind the deletion.
TEST_F(PartitionOpeningTest, ClosingWaitsForTheOpeningAndWins) {
  ASSERT_TRUE(partition_->make_leader(leading(0)));
  auto opened = open_elsewhere();
  auto closed = std::async(std::launch::async, [&] { partition_->close(ErrorCode::unknown_topic_or_partition); });
  open_gate();
  closed.get();
  (void)opened.get();
  EXPECT_EQ(partition_->open_log(), nullptr);
  EXPECT_EQ(partition_->open().code(), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(opened_, 1);
}

TEST_F(PartitionOpeningTest, AFailureIsToldAndTheNextMayTryAgain) {
  fails_ = true;
  auto opened = open_elsewhere();
  open_gate();
  EXPECT_EQ(opened.get(), ErrorCode::kafka_storage_error);
  EXPECT_FALSE(partition_->is_open());
  fails_ = false;
  opening_ = {};
  gate_ = {};
  gate_.set_value();
  EXPECT_TRUE(partition_->open());
}

}  // namespace
}  // namespace broker

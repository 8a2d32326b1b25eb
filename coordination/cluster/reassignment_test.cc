// Partitions that move to other replicas, and elections on demand: a controller with brokers that are faked. Who is in
// sync is written as a leader would.
#include <future>

#include "coordination/cluster/controller_test.h"

namespace coordination::cluster {
namespace {

using protocol::ErrorCode;
using protocol::Result;

class ReassignmentTest : public ControllerTest {
 protected:
  const TopicPartition tp_{"t", 0};

  void SetUp() override {
    for (const BrokerId id : {0, 1, 2}) add_member(id);
    ASSERT_TRUE(eventually([&] { return members_[0]->controller.is_active(); }));
  }

  void create(std::vector<BrokerId> replicas) {
    create_topic("t", {{0, replicas}});
    ASSERT_TRUE(eventually([&] { return brokers_.knows(0, tp_); }));
  }

  Controller& controller() { return members_.at(0)->controller; }

  Result<void> reassign(const TopicPartition& tp, std::optional<std::vector<BrokerId>> target,
                        bool may_change_factor = true) {
    std::promise<Result<ReassignmentResults>> answer;
    controller().alter_reassignments({{tp, std::move(target)}}, may_change_factor,
                                     [&](auto results) { answer.set_value(std::move(results)); });
    const auto results = answer.get_future().get();
    if (!results) return std::unexpected(results.error());
    return results->at(tp);
  }

  Reassignments list() {
    std::promise<Result<Reassignments>> answer;
    controller().list_reassignments(std::nullopt, [&](auto found) { answer.set_value(std::move(found)); });
    return *answer.get_future().get();
  }

  Result<BrokerId> elect(const TopicPartition& tp, ElectionType type) {
    std::promise<ElectionResults> answer;
    controller().elect_leaders({tp}, type, [&](auto results) { answer.set_value(std::move(results)); });
    return answer.get_future().get().at(tp);
  }

  ReplicaAssignment stored() {
    return decode_topic_assignment("t", session_->get(path::topic("t"))->data)->partitions.at(0);
  }

  // What a leader writes when its followers have caught up.
  void set_isr(std::vector<BrokerId> isr) {
    PartitionStateNode now = *state(tp_);
    now.leader_and_isr.isr = std::move(isr);
    ASSERT_TRUE(session_->set(path::partition_state("t", 0), encode(now), now.leader_and_isr.partition_epoch));
  }

  bool was_deleted_on(BrokerId id) {
    for (const auto& request : brokers_.broker(id).stop_replica) {
      for (const auto& topic : request.topic_states) {
        for (const auto& partition : topic.partition_states) {
          if (partition.delete_partition) return true;
        }
      }
    }
    return false;
  }
};

TEST_F(ReassignmentTest, APartitionMovesOnceTheNewReplicaIsInSync) {
  create({0});
  ASSERT_EQ(reassign(tp_, {{1}}).code(), ErrorCode::none);
  EXPECT_EQ(stored(), (ReplicaAssignment{.replicas = {1, 0}, .adding = {1}, .removing = {0}}));
  ASSERT_TRUE(eventually([&] { return brokers_.hosted(1, tp_).has_value(); }));
  EXPECT_TRUE(brokers_.hosted(1, tp_)->is_new);
  EXPECT_EQ(brokers_.hosted(1, tp_)->leader, 0);
  EXPECT_EQ(brokers_.hosted(0, tp_)->adding_replicas, std::vector{1});
  EXPECT_EQ(list().at(tp_).removing, std::vector{0});

  set_isr({0, 1});
  ASSERT_TRUE(led_by(tp_, 1));
  ASSERT_TRUE(eventually([&] { return stored() == ReplicaAssignment{.replicas = {1}}; }));
  controller().drain();
  EXPECT_EQ(state(tp_)->leader_and_isr.isr, std::vector{1});
  EXPECT_TRUE(was_deleted_on(0));
  EXPECT_FALSE(was_deleted_on(1));
  EXPECT_EQ(brokers_.hosted(1, tp_)->replicas, std::vector{1});
  EXPECT_TRUE(list().empty());
}

TEST_F(ReassignmentTest, TheSameReplicasAreReassignedAtOnceAndKeepTheirLeader) {
  create({0});
  const auto before = state(tp_)->leader_and_isr;
  ASSERT_EQ(reassign(tp_, {{0}}).code(), ErrorCode::none);
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(stored(), ReplicaAssignment{.replicas = {0}});
  EXPECT_EQ(state(tp_)->leader_and_isr.leader, 0);
  EXPECT_GT(state(tp_)->leader_and_isr.leader_epoch, before.leader_epoch);
  EXPECT_FALSE(was_deleted_on(0));
}

TEST_F(ReassignmentTest, AReassignmentIsTakenBack) {
  create({0});
  ASSERT_EQ(reassign(tp_, {{1, 2}}).code(), ErrorCode::none);
  ASSERT_TRUE(eventually([&] { return brokers_.hosted(2, tp_).has_value(); }));
  EXPECT_EQ(reassign(tp_, std::nullopt).code(), ErrorCode::none);
  controller().drain();
  EXPECT_EQ(stored(), ReplicaAssignment{.replicas = {0}});
  EXPECT_EQ(state(tp_)->leader_and_isr.leader, 0);
  EXPECT_TRUE(was_deleted_on(1) && was_deleted_on(2));
  EXPECT_FALSE(was_deleted_on(0));
  EXPECT_EQ(reassign(tp_, std::nullopt).code(), ErrorCode::no_reassignment_in_progress);
}

TEST_F(ReassignmentTest, ALaterWishReplacesTheFirst) {
  create({0});
  ASSERT_EQ(reassign(tp_, {{1}}).code(), ErrorCode::none);
  ASSERT_EQ(reassign(tp_, {{2}}).code(), ErrorCode::none);
  controller().drain();
  EXPECT_EQ(stored(), (ReplicaAssignment{.replicas = {2, 0}, .adding = {2}, .removing = {0}}));
  EXPECT_TRUE(was_deleted_on(1));
  set_isr({0, 2});
  EXPECT_TRUE(led_by(tp_, 2));
}

TEST_F(ReassignmentTest, TheNextControllerGoesOnWithIt) {
  create({1});
  ASSERT_EQ(reassign(tp_, {{2}}).code(), ErrorCode::none);
  remove_member(0);
  ASSERT_TRUE(eventually([&] { return members_[1]->controller.is_active() || members_[2]->controller.is_active(); }));
  set_isr({1, 2});
  EXPECT_TRUE(led_by(tp_, 2));
  EXPECT_TRUE(eventually([&] { return stored() == ReplicaAssignment{.replicas = {2}}; }));
}

TEST_F(ReassignmentTest, ATopicIsDeletedOnlyAfterItsReassignment) {
  create({0});
  ASSERT_EQ(reassign(tp_, {{1}}).code(), ErrorCode::none);
  delete_topic("t");
  ASSERT_TRUE(eventually([&] { return reassign(tp_, {{1}}).code() == ErrorCode::unknown_topic_or_partition; }));
  controller().drain();
  EXPECT_TRUE(exists(path::topic("t")));
  set_isr({0, 1});
  EXPECT_TRUE(eventually([&] { return !exists(path::topic("t")); }));
}

TEST_F(ReassignmentTest, ImpossibleTargetsAreRefused) {
  create({0});
  EXPECT_EQ(reassign(tp_, {{}}).error().text(), "Empty replica list specified in partition reassignment.");
  EXPECT_EQ(reassign(tp_, {{1, 1}}).error().text(),
            "Duplicate replica ids in partition reassignment replica list: ArrayBuffer(1, 1)");
  EXPECT_EQ(reassign(tp_, {{-1}}).error().text(), "Invalid broker id in replica list: ArrayBuffer(-1)");
  EXPECT_EQ(reassign(tp_, {{0, 7}}).error().text(),
            "Replica assignment has brokers that are not alive. Replica list: ArrayBuffer(7), live broker list: "
            "Set(0, 1, 2)");
  EXPECT_EQ(reassign({"t", 1}, {{0}}).code(), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(reassign({"none", 0}, std::nullopt).code(), ErrorCode::no_reassignment_in_progress);
  EXPECT_EQ(reassign(tp_, {{0, 1}}, false).error().text(), "The replication factor is changed from 1 to 2");
  EXPECT_EQ(stored(), ReplicaAssignment{.replicas = {0}});
}

TEST_F(ReassignmentTest, ThePreferredReplicaLeadsAgainOnDemand) {
  create({1, 0});
  ASSERT_TRUE(led_by(tp_, 1));
  EXPECT_EQ(elect(tp_, ElectionType::preferred).code(), ErrorCode::election_not_needed);
  remove_member(1);
  ASSERT_TRUE(led_by(tp_, 0));
  EXPECT_EQ(elect(tp_, ElectionType::preferred).error().text(),
            "Failed to elect leader for partition t-0 under strategy PreferredReplicaPartitionLeaderElectionStrategy");
  add_member(1);
  ASSERT_TRUE(eventually([&] { return brokers_.knows(1, tp_); }));
  set_isr({0, 1});
  const auto leader = elect(tp_, ElectionType::preferred);
  ASSERT_TRUE(leader) << leader.error().text();
  EXPECT_EQ(*leader, 1);
  EXPECT_EQ(state(tp_)->leader_and_isr.leader, 1);
}

TEST_F(ReassignmentTest, AReplicaThatIsNotInSyncLeadsOnlyOnDemand) {
  create({1, 2});
  ASSERT_TRUE(led_by(tp_, 1));
  set_isr({1});
  EXPECT_EQ(elect(tp_, ElectionType::unclean).code(), ErrorCode::election_not_needed);
  lose_member(1);
  ASSERT_TRUE(led_by(tp_, no_leader));
  const auto leader = elect(tp_, ElectionType::unclean);
  ASSERT_TRUE(leader) << leader.error().text();
  EXPECT_EQ(*leader, 2);
  EXPECT_EQ(state(tp_)->leader_and_isr.isr, std::vector{2});
}

TEST_F(ReassignmentTest, ElectionsOfUnknownPartitionsAndByOthersAreRefused) {
  EXPECT_EQ(elect({"none", 0}, ElectionType::preferred).code(), ErrorCode::unknown_topic_or_partition);
  std::promise<ElectionResults> answer;
  members_[1]->controller.elect_leaders({tp_}, ElectionType::preferred,
                                        [&](auto results) { answer.set_value(std::move(results)); });
  EXPECT_EQ(answer.get_future().get().at(tp_).code(), ErrorCode::not_controller);
}

}  // namespace
}  // namespace coordination::cluster
